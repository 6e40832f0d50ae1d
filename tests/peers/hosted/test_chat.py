"""A language model over HTTP, by a server that does what far ends do on bad days."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import orjson
import pytest
from pydantic import SecretStr
from tests.fakes.far_end import STALL, Answer, FarEnd, far_end, sse
from tests.unit.model_cascade.builders import AGENT, BALANCE, COLLECT_ACCOUNT

from trunkline.domain.clock import SystemClock
from trunkline.domain.errors import EngineError
from trunkline.model.cascade.hosted.chat import GeneratorWithSpare, HostedGenerator
from trunkline.model.cascade.hosted.http import HostedEndpoint
from trunkline.model.cascade.local_generator import LocalGenerator
from trunkline.model.cascade.ports import Generator, GeneratorPart, NowExpected, WholeText
from trunkline.model.engine import (
    EngineConfig,
    HistoryItem,
    ItemRole,
    ResponseEnded,
    ResponseRequest,
    TextDelta,
    ToolCalled,
)
from trunkline.runtime.engine_settings import HostedChatSettings

pytestmark = pytest.mark.peers
CHAT = "/v1/chat/completions"
KEY = "sk-not-to-be-seen"
CONFIG = EngineConfig(model="m", instructions="Be brief.", tools=(COLLECT_ACCOUNT, BALANCE, AGENT))
HISTORY = (
    HistoryItem("a", ItemRole.ASSISTANT, text="How can I help you?", was_audio=True),
    HistoryItem("u", ItemRole.USER, text="what do i owe", confidence=0.3, was_audio=True),
)


def delta(finish: str | None = None, **what: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": what, "finish_reason": finish}]}


def call(index: int, arguments: str, **who: str) -> dict[str, Any]:
    function = {"arguments": arguments, **({"name": who["name"]} if "name" in who else {})}
    identity = {"id": who["call_id"]} if "call_id" in who else {}
    return {"index": index, "function": function, **identity}


@asynccontextmanager
async def talking_to(server: FarEnd, **settings: Any) -> AsyncIterator[Generator]:
    wanted = HostedChatSettings(base_url=server.base_url, model="gpt", **settings)
    endpoint = HostedEndpoint("chat", "/chat/completions", wanted, SecretStr(KEY))
    generator = HostedGenerator(endpoint, wanted)
    try:
        yield generator
    finally:
        await generator.aclose()


async def said(
    generator: Generator, config: EngineConfig = CONFIG, history: Any = HISTORY
) -> list[GeneratorPart]:
    request = ResponseRequest("r", history, config)
    async with asyncio.timeout(10), aclosing(generator.generate(request)) as parts:
        return [part async for part in parts]


def text(parts: list[GeneratorPart]) -> str:
    return "".join(part.text for part in parts if isinstance(part, TextDelta | WholeText))


async def test_text_comes_as_it_is_written_with_the_far_ends_own_usage() -> None:
    usage = {
        "prompt_tokens": 50, "completion_tokens": 7,
        "prompt_tokens_details": {"cached_tokens": 20},
    }  # fmt: skip
    async with far_end() as server:
        events = sse(
            delta(role="assistant"), delta(content="You owe "), delta(content="ten."),
            delta("stop"), {"choices": [], "usage": usage},
        )  # fmt: skip
        server.answers(CHAT, Answer(chunks=events))
        async with talking_to(server, temperature=0.2) as generator:
            *parts, ended = await said(generator)
        (request,) = server.requests
    assert parts == [TextDelta("You owe "), TextDelta("ten.")]
    assert isinstance(ended, ResponseEnded) and ended.status == "completed"
    assert ended.input_tokens == {"text": 50, "audio": 0, "cached_text": 20}
    assert ended.output_tokens == {"text": 7}
    body = orjson.loads(request.body)
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert body["messages"][0]["content"].startswith("Be brief.")
    assert body["messages"][-1] == {"role": "user", "content": "what do i owe (heard unclearly)"}
    assert (body["model"], body["stream"], body["temperature"]) == ("gpt", True, 0.2)
    assert "x-trunkline" not in request.body.decode()
    assert COLLECT_ACCOUNT["parameters"]["properties"]["account"]["x-trunkline"]["ask"] in (
        request.body.decode()
    )


async def test_parallel_calls_come_whole_however_they_were_cut() -> None:
    arguments = '{"account": "44172908"}'
    async with far_end() as server:
        events = sse(
            delta(tool_calls=[call(0, "", call_id="c1", name=COLLECT_ACCOUNT["name"])]),
            *(delta(tool_calls=[call(0, letter)]) for letter in arguments[:10]),
            delta(tool_calls=[call(1, "", call_id="c2", name=BALANCE["name"])]),
            delta(tool_calls=[call(0, arguments[10:]), call(1, "{}")]),
            delta("tool_calls"),
        )
        server.answers(CHAT, Answer(chunks=events))
        async with talking_to(server) as generator:
            parts = await said(generator)
    assert parts[:2] == [
        ToolCalled(COLLECT_ACCOUNT["name"], arguments),
        ToolCalled(BALANCE["name"], "{}"),
    ]


async def test_arguments_that_do_not_fit_go_back_once_with_what_is_wrong() -> None:
    async with far_end() as server:
        name = COLLECT_ACCOUNT["name"]
        wrong = sse(delta("tool_calls", tool_calls=[call(0, '{"acc', call_id="c1", name=name)]))
        right = '{"account": "44172908"}'
        better = sse(delta("tool_calls", tool_calls=[call(0, right, call_id="c2", name=name)]))
        server.answers(CHAT, Answer(chunks=wrong), Answer(chunks=better))
        async with talking_to(server) as generator:
            parts = await said(generator)
        _, second = server.requests
    assert parts[0] == ToolCalled(name, right)
    turn, result = orjson.loads(second.body)["messages"][-2:]
    assert turn["tool_calls"][0]["id"] == result["tool_call_id"] == "c1"
    assert "not valid JSON" in result["content"]


async def test_arguments_that_never_fit_are_a_failure_and_not_a_call() -> None:
    async with far_end() as server:
        wrong = sse(delta("tool_calls", tool_calls=[call(0, "{}", call_id="c", name="nothing")]))
        server.answers(CHAT, Answer(chunks=wrong))
        async with talking_to(server) as generator:
            with pytest.raises(EngineError) as caught:
                await said(generator)
        assert len(server.requests) == 2
    assert caught.value.code == "hosted_calls"


GOOD = Answer(chunks=sse(delta(content="Here I am."), delta("stop")))
HTML = Answer(content_type="text/html", chunks=(b"<html>sign in</html>",))


@pytest.mark.parametrize(
    "bad",
    [
        Answer(500, "application/json", chunks=(b"{}",)),
        Answer(503, "text/html", chunks=(b"<html>",)),
        Answer(429, "application/json", headers={"retry-after": "0"}, chunks=(b"{}",)),
        Answer(content_type="text/event-stream", is_cut=True),
        HTML,
    ],
    ids=["500", "html 503", "429", "cut at once", "html"],
)
async def test_what_fails_before_its_first_byte_is_tried_again(bad: Answer) -> None:
    async with far_end() as server:
        server.answers(CHAT, bad, GOOD)
        async with talking_to(server) as generator:
            parts = await said(generator)
        assert len(server.requests) == 2
    assert text(parts) == "Here I am."


@pytest.mark.parametrize(
    "silent",
    [Answer(delay_s=60.0), Answer(body_delay_s=60.0, chunks=(b"data: {}\n\n",))],
    ids=["no headers", "no first byte"],
)
async def test_silence_is_not_waited_for_twice(silent: Answer) -> None:
    async with far_end() as server:
        server.answers(CHAT, silent, GOOD)
        async with talking_to(server, first_byte_timeout_s=1.0, retries=3) as generator:
            with pytest.raises(EngineError) as caught:
                await said(generator)
            assert caught.value.code == "hosted_silent"
            await server.until(lambda: server.hung_up == 1)
            assert text(await said(generator)) == "Here I am."
        assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("status", "code"),
    [(401, "hosted_unauthorized"), (400, "hosted_refused"), (302, "hosted_refused")],
)
async def test_a_refusal_is_told_without_another_try_and_without_its_words(
    status: int, code: str, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    told = orjson.dumps({"error": {"message": f"bad key {KEY}"}})
    headers = {"location": "http://169.254.169.254/"}
    async with far_end() as server:
        server.answers(CHAT, Answer(status, "application/json", headers, (told,)))
        async with talking_to(server) as generator:
            with pytest.raises(EngineError) as caught:
                await said(generator)
        assert len(server.requests) == 1
    assert caught.value.code == code
    logged = caplog.text + "".join(capsys.readouterr())
    assert KEY not in caught.value.message + logged


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (Answer(chunks=(*sse(delta(content="You "), done=False), STALL)), "hosted_slow"),
        (Answer(chunks=sse(delta(content="You "), done=False), is_cut=True), "hosted_cut"),
        (Answer(chunks=sse(delta(content="You "), done=False)), "hosted_cut"),
        (Answer(chunks=(*sse(delta(content="You "), done=False), b"data: {oops\n\n")),
         "engine_protocol_error"),
        (Answer(chunks=sse(delta(content="You "), {"error": {"message": "x"}})), "hosted_failed"),
    ],
    ids=["stalls", "cut", "ends early", "malformed", "error"],
)  # fmt: skip
async def test_what_breaks_after_words_were_used_is_never_said_twice(
    bad: Answer, code: str
) -> None:
    async with far_end() as server:
        server.answers(CHAT, bad, GOOD)
        patience_s = 0.2 if STALL in bad.chunks else 5.0
        async with talking_to(server, chunk_timeout_s=patience_s) as generator:
            spare = GeneratorWithSpare(generator, LocalGenerator(SystemClock()))
            parts: list[GeneratorPart] = []
            with pytest.raises(EngineError) as caught:
                async with asyncio.timeout(5):
                    async for part in spare.generate(ResponseRequest("r", HISTORY, CONFIG)):
                        parts.append(part)  # noqa: PERF401
        assert len(server.requests) == 1
    assert text(parts) == "You "
    assert caught.value.code == code


async def test_the_planner_answers_while_the_model_is_down_which_is_back_by_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The breaker keeps callers from waiting; one probe at a time finds out."""
    down = Answer(500, "application/json", chunks=(b"{}",))
    async with far_end() as server:
        server.answers(CHAT, down)
        settings = {"retries": 0, "breaker_failures": 2, "breaker_open_s": 500.0}
        async with talking_to(server, **settings) as generator:
            both = GeneratorWithSpare(generator, LocalGenerator(SystemClock()))
            for _ in range(5):
                parts = await said(both)
                assert isinstance(parts[0], NowExpected)
                assert isinstance(parts[-1], ResponseEnded)
            assert len(server.requests) == 2  # then it was left alone
            server.answers(CHAT, GOOD)
            monkeypatch.setattr(generator._endpoint._breaker, "_open_until_s", 0.0)  # type: ignore[attr-defined]
            assert text(await said(both)) == "Here I am."
            assert text(await said(both)) == "Here I am."
            assert len(server.requests) == 4


async def test_a_far_end_that_asks_for_rest_gets_it() -> None:
    busy = Answer(429, "application/json", {"retry-after": "120"}, (b"{}",))
    async with far_end() as server:
        server.answers(CHAT, busy)
        async with talking_to(server, retries=3) as generator:
            for code in ("hosted_busy", "hosted_resting", "hosted_resting"):
                with pytest.raises(EngineError) as caught:
                    await said(generator)
                assert caught.value.code == code
        assert len(server.requests) == 1


async def test_a_caller_who_speaks_up_closes_the_request() -> None:
    async with far_end() as server:
        server.answers(CHAT, Answer(chunks=(*sse(delta(content="So, "), done=False), STALL)))
        async with talking_to(server) as generator:
            parts = generator.generate(ResponseRequest("r", HISTORY, CONFIG))
            assert await anext(parts) == TextDelta("So, ")
            await parts.aclose()
            await server.until(lambda: server.hung_up == 1)


async def test_a_caller_who_speaks_up_before_the_first_word_closes_the_request_too() -> None:
    async with far_end() as server, asyncio.TaskGroup() as tasks:
        server.answers(CHAT, Answer(delay_s=60))
        async with talking_to(server) as generator:
            asking = tasks.create_task(said(generator))
            await server.until(lambda: bool(server.requests))
            asking.cancel()
            await server.until(lambda: server.hung_up == 1)


async def test_nobody_at_the_address_is_found_out_at_once() -> None:
    async with far_end() as server:
        pass
    async with talking_to(server, retries=1) as generator:
        with pytest.raises(EngineError) as caught:
            await said(generator)
    assert caught.value.code == "hosted_unreachable"


async def test_thoughts_are_not_spoken_and_a_whole_answer_will_do() -> None:
    whole = {
        "choices": [{"message": {"content": "<think>hm, hm</think>Yes."}, "finish_reason": "stop"}]
    }
    cut = sse(*(delta(content=part) for part in ("<th", "ink>no", "</thi", "nk>Y", "es.")),
              delta("stop"))  # fmt: skip
    async with far_end() as server:
        server.answers(
            CHAT,
            Answer(content_type="application/json", chunks=(orjson.dumps(whole),)),
            Answer(chunks=cut),
        )
        async with talking_to(server) as generator:
            assert text(await said(generator)) == "Yes."
            assert text(await said(generator)) == "Yes."
