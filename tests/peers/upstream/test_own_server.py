"""An upstream that is a Trunkline itself, over real sockets, in both generations."""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.peers.upstream.conftest import KEY, FarServer, scripted_far_end, serving, upstream
from tests.peers.upstream.talk import (
    BALANCE,
    CONFIG,
    audio_ms,
    ended,
    talking,
    text_of,
)

from trunkline.domain.errors import EngineBusy, EngineError
from trunkline.model.engine import (
    HistoryItem,
    Hypothesis,
    ItemRole,
    ResponsePart,
    ResponseRequest,
    SpeechDelta,
    TextDelta,
    ToolCalled,
    Transcribed,
)
from trunkline.realtime.client import RealtimeClient

pytestmark = pytest.mark.peers
SCRIPT: dict[str, Any] = {
    "transcripts": ["what do i owe"],
    "replies": [
        {"match": "owe$", "tool": {"name": "get_balance", "arguments": {"account": "44172908"}}},
        {"match": "long", "text": " ".join(f"word{n}" for n in range(40))},
        {"match": "break", "fail": {"message": "as scripted"}},
        {"match": "slow", "text": "Here.", "delay_ms": 300},
        {"text": "You said: {last}"},
    ],
}


def known_there(server: FarServer) -> list[tuple[str, str]]:
    """What the far end's newest conversation says, by its own engine's history."""
    return [(item.role.value, item.text or item.name) for item in server.histories[-1]]


@pytest.fixture(params=["ga", "beta"])
def generation(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize("audio_format", ["audio/pcm", "audio/pcmu", "audio/pcma"])
async def test_a_call_is_heard_answered_and_its_functions_called(
    tmp_path: Path, generation: str, audio_format: str
) -> None:
    async with (
        scripted_far_end(tmp_path, SCRIPT) as server,
        upstream(server.base_url, generation=generation, audio_format=audio_format) as engine,
        talking(engine) as talk,
    ):
        (*partials, heard) = await talk.say()
        assert isinstance(heard, Transcribed) and heard.text == "what do i owe"
        assert all(isinstance(each, Hypothesis) for each in partials)
        assert server.session.heard_bytes.popitem()[1] == pytest.approx(32_000, abs=200)
        parts = await talk.ask()
        assert parts[0] == ToolCalled("get_balance", '{"account": "44172908"}')
        usage = ended(parts)
        assert usage.input_tokens["audio"] == 10 and usage.output_tokens["text"] > 0
        talk.result("ten dollars")
        parts = await talk.ask()
        assert text_of(parts) == "You said: ten dollars"
        rate_hz = engine.capabilities.output_rate_hz
        assert audio_ms(parts, rate_hz) == pytest.approx(1000, abs=5)
        marks = [word for part in parts if isinstance(part, SpeechDelta) for word in part.words]
        assert [mark.text for mark in marks] == ["You", "said:", "ten", "dollars"]
        assert [mark.start_ms for mark in marks] == [0, 250, 500, 750]
        config = server.session.configs[-1]
        assert config.instructions == "Be brief."
        (tool,) = config.tools
        assert "x-trunkline" not in str(tool)
        assert "what do i owe" in str(tool["description"]) and "Which account?" in str(tool)


async def test_a_far_end_that_is_a_trunkline_gets_the_annotations(tmp_path: Path) -> None:
    async with (
        scripted_far_end(tmp_path, SCRIPT) as server,
        upstream(server.base_url, is_trunkline=True) as engine,
        talking(engine),
    ):
        assert server.session.configs[-1].tools == (BALANCE,)


async def test_an_interruption_ends_the_response_there_and_cuts_what_was_not_heard(
    tmp_path: Path, generation: str
) -> None:
    async with (
        scripted_far_end(tmp_path, SCRIPT) as server,
        upstream(server.base_url, generation=generation) as engine,
        talking(engine) as talk,
    ):
        talk.user("a long one")
        parts: list[ResponsePart] = []
        request = ResponseRequest("r", tuple(talk.items), talk.config)
        async with aclosing(talk.session.respond(request)) as answer:  # type: ignore[type-var]
            async for part in answer:
                parts.append(part)
                if "word7 " in text_of(parts):
                    break
        assert "word39" not in text_of(parts)
        talk.hear(parts, heard="word0 word1 word2")
        talk.user("go on")
        assert text_of(await talk.ask()) == "You said: go on"
        assert known_there(server) == [
            ("user", "a long one"),
            ("assistant", "word0 word1 word2"),
            ("user", "go on"),
        ]


async def test_the_far_ends_conversation_is_made_ours_before_each_response(
    tmp_path: Path, generation: str
) -> None:
    """Deleted, replaced, put in between: as our own conversation was."""
    async with (
        scripted_far_end(tmp_path, SCRIPT) as server,
        upstream(server.base_url, generation=generation) as engine,
        talking(engine) as talk,
    ):
        talk.user("first")
        await talk.ask()
        talk.user("second")
        await talk.ask()
        del talk.items[2]
        talk.items[1] = HistoryItem("other", ItemRole.ASSISTANT, text="Something else.")
        talk.items.insert(0, HistoryItem("rule", ItemRole.SYSTEM, text="A rule."))
        talk.items.insert(2, HistoryItem("between", ItemRole.USER, text="between"))
        talk.user("third")
        await talk.ask()
        assert known_there(server) == [
            ("system", "A rule."),
            ("user", "first"),
            ("user", "between"),
            ("assistant", "Something else."),
            ("assistant", "You said: second"),
            ("user", "third"),
        ]


async def test_a_response_out_of_band_leaves_the_conversation_alone_and_runs_beside(
    tmp_path: Path,
) -> None:
    async with (
        scripted_far_end(tmp_path, SCRIPT) as server,
        upstream(server.base_url) as engine,
        talking(engine) as talk,
    ):
        talk.user("slow")
        aside = (HistoryItem("x", ItemRole.USER, text="aside"),)
        config = replace(CONFIG, modalities=("text",), tools=(), instructions="Other.")
        request = ResponseRequest("r2", aside, config, is_out_of_band=True)

        async def ask_aside() -> list[ResponsePart]:
            return [part async for part in talk.session.respond(request)]

        async with asyncio.TaskGroup() as tasks:
            main = tasks.create_task(talk.ask())
            other = tasks.create_task(ask_aside())
        assert text_of(main.result()) == "Here."
        assert text_of(other.result()) == "You said: aside"
        assert all(not isinstance(part, SpeechDelta) for part in other.result())
        assert isinstance(other.result()[0], TextDelta)
        talk.user("next")
        await talk.ask()
        assert known_there(server) == [("user", "slow"), ("assistant", "Here."), ("user", "next")]


async def test_what_fails_there_fails_here_with_a_code_and_the_session_goes_on(
    tmp_path: Path,
) -> None:
    async with (
        scripted_far_end(tmp_path, SCRIPT) as server,
        upstream(server.base_url) as engine,
        talking(engine) as talk,
    ):
        talk.user("break")
        with pytest.raises(EngineError) as caught:
            await talk.ask()
        assert caught.value.code == "upstream_failed"
        talk.items.clear()
        talk.user("well")
        assert text_of(await talk.ask()) == "You said: well"


async def test_a_forced_function_and_a_limit_go_along(tmp_path: Path) -> None:
    async with (
        scripted_far_end(tmp_path, SCRIPT) as server,
        upstream(server.base_url) as engine,
        talking(engine) as talk,
    ):
        talk.user("hello")
        forced = replace(CONFIG, tool_choice={"type": "function", "name": "get_balance"})
        parts = await talk.ask(config=forced)
        assert isinstance(parts[0], ToolCalled)
        talk.result("x")
        talk.user("a long one")
        parts = await talk.ask(config=replace(CONFIG, max_output_tokens=30))
        assert (ended(parts).status, ended(parts).reason) == ("incomplete", "max_output_tokens")


# ---- lost and found ------------------------------------------------------------------------------


async def test_a_lost_far_end_is_told_the_conversation_anew(
    tmp_path: Path, generation: str
) -> None:
    async with (
        scripted_far_end(tmp_path, SCRIPT) as server,
        upstream(server.base_url, generation=generation) as engine,
        talking(engine) as talk,
    ):
        await talk.say()
        await talk.ask()
        talk.result("ten dollars")
        await talk.ask()
        server.cut()
        talk.user("and now?")
        assert text_of(await talk.ask()) == "You said: and now?"
        assert server.opened == 2
        assert known_there(server) == [
            ("user", "what do i owe"),
            ("function_call", "get_balance"),
            ("function_call_output", "ten dollars"),
            ("assistant", "You said: ten dollars"),
            ("user", "and now?"),
        ]


async def test_speech_that_a_loss_falls_into_is_told_again(tmp_path: Path) -> None:
    script = SCRIPT | {"transcripts": [{"text": "what do i owe", "delay_ms": 400}]}
    async with (
        scripted_far_end(tmp_path, script) as server,
        upstream(server.base_url) as engine,
        talking(engine) as talk,
    ):
        first = talk.speak(1.0)
        await server.until(lambda: bool(server.session.heard_bytes))
        second = talk.speak(0.5, ends=False)
        server.cut()
        heard = await talk.understood(first)
        assert isinstance(heard[-1], Transcribed) and heard[-1].text == "what do i owe"
        talk.session.feed(b"\1\0" * 12_000)
        talk.session.end_turn(second)
        heard = await talk.understood(second)
        assert isinstance(heard[-1], Transcribed)
        assert server.session.heard_bytes.popitem()[1] == pytest.approx(32_000, abs=300)


async def test_a_response_whose_far_end_dies_before_a_word_is_asked_for_again(
    tmp_path: Path,
) -> None:
    async with (
        scripted_far_end(tmp_path, SCRIPT) as server,
        upstream(server.base_url) as engine,
        talking(engine) as talk,
        asyncio.TaskGroup() as tasks,
    ):
        talk.user("slow")
        asking = tasks.create_task(talk.ask())
        await server.until(lambda: bool(server.histories))
        server.cut()
        assert text_of(await asking) == "Here."
        assert server.opened == 2


async def test_a_session_near_its_limit_is_followed_by_another_when_all_is_quiet(
    tmp_path: Path,
) -> None:
    async with (
        scripted_far_end(tmp_path, SCRIPT) as server,
        upstream(server.base_url, rollover_after_s=0.6, session_limit_s=60.0) as engine,
        talking(engine) as talk,
    ):
        talk.user("hello")
        await talk.ask()
        speaking = talk.speak(0.5, ends=False)
        await asyncio.sleep(0.8)
        assert server.opened == 1  # somebody speaks
        talk.session.end_turn(speaking)
        await talk.understood(speaking)
        await server.until(lambda: server.opened == 2 and len(server.server.sockets) == 1)
        talk.user("still there?")
        assert text_of(await talk.ask()) == "You said: still there?"
        assert ("user", "hello") in known_there(server)
        assert ("assistant", "You said: hello") in known_there(server)


async def test_a_session_that_cannot_be_renewed_yet_goes_on_and_is_renewed_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trunkline.model.upstream.session._LATER_S", 0.3)
    async with (
        scripted_far_end(tmp_path, SCRIPT) as server,
        upstream(server.base_url, rollover_after_s=0.3, session_limit_s=60.0) as engine,
        talking(engine) as talk,
    ):
        server.server.admission.is_draining = True
        await asyncio.sleep(0.5)
        talk.user("hello")
        assert text_of(await talk.ask()) == "You said: hello"
        assert server.opened == 1
        server.server.admission.is_draining = False
        await server.until(lambda: server.opened == 2)


async def test_a_far_end_that_is_gone_for_good_ends_the_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trunkline.model.upstream.session._PAUSES_S", (0.0, 0.05))
    async with scripted_far_end(tmp_path, SCRIPT) as server, upstream(server.base_url) as engine:
        async with talking(engine) as talk:
            server.server.admission.is_draining = True
            server.cut()
            with pytest.raises(EngineError) as caught:
                async with asyncio.timeout(10):
                    async for _ in talk.session.events():
                        pass
            assert caught.value.code == "upstream_busy"
            with pytest.raises(EngineError):
                await talk.ask()
        with pytest.raises(EngineBusy):
            async with talking(engine):
                pass
        # Our own edge, which asks a server of ours for this engine, turns to the fallback at once.
        async with serving(tmp_path / "near", engine, None) as near:
            with pytest.raises(EngineError) as refused:
                async with RealtimeClient.connect(near.base_url, api_key=KEY, model="upstream"):
                    pass
        assert (refused.value.code, refused.value.retryable) == ("engine_away", False)


async def test_a_key_that_is_refused_is_told_at_the_door_and_never_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with (
        scripted_far_end(tmp_path, SCRIPT) as server,
        upstream(server.base_url, key="tk_wrong-and-secret") as engine,
    ):
        with pytest.raises(EngineError) as caught:
            async with talking(engine):
                pass
    assert (caught.value.code, caught.value.retryable) == ("upstream_unauthorized", False)
    assert "tk_wrong" not in caught.value.message + caplog.text
    assert KEY not in caplog.text


async def test_nothing_is_left_behind_by_sessions_that_open_and_close(tmp_path: Path) -> None:
    async with scripted_far_end(tmp_path, SCRIPT) as server, upstream(server.base_url) as engine:
        before = len(asyncio.all_tasks())
        for _ in range(20):
            async with talking(engine) as talk:
                talk.user("hello")
                await talk.ask()
        await server.until(lambda: len(server.server.sockets) == 0)
        async with asyncio.timeout(5):
            while len(asyncio.all_tasks()) > before:
                await asyncio.sleep(0.01)
