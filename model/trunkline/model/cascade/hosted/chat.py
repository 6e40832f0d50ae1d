"""A language model behind ``/chat/completions`` as the cascade's Generator."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any, Final

import orjson

from trunkline.domain.errors import EngineError, EngineProtocolError
from trunkline.domain.ids import mint
from trunkline.model.cascade.forced_calls import schema_problems
from trunkline.model.cascade.hosted.chat_request import chat_body, tool_call
from trunkline.model.cascade.hosted.chat_stream import ChatAnswer, PartialCall
from trunkline.model.cascade.hosted.http import Body, HostedEndpoint, HostedStream
from trunkline.model.cascade.hosted.sse import DONE, SseReader, event_document
from trunkline.model.cascade.ports import Generator, GeneratorPart
from trunkline.model.engine import (
    EngineConfig,
    ResponseEnded,
    ResponseRequest,
    TextDelta,
    ToolCalled,
)
from trunkline.runtime.engine_settings import HostedChatSettings
from trunkline.runtime.telemetry import HOSTED_FALLBACKS

MAX_CORRECTIONS: Final = 1
_MAX_TOLD: Final = 5
_ACCEPTS: Final = ("text/event-stream", "application/json")


class HostedGenerator:
    """Text is passed on as it comes; calls only when they are whole and satisfy their schemas.

    A wrong call goes back to the model, once; it learns what was wrong.
    """

    def __init__(self, endpoint: HostedEndpoint, settings: HostedChatSettings) -> None:
        self._endpoint = endpoint
        self._settings = settings

    async def generate(self, request: ResponseRequest) -> AsyncGenerator[GeneratorPart]:
        extra: list[dict[str, Any]] = []
        usage: dict[str, int] = {}
        has_spoken = False
        for correction in range(MAX_CORRECTIONS + 1):
            answer = ChatAnswer()
            async with aclosing(self._text(request, extra, answer)) as texts:
                async for text in texts:
                    has_spoken = True
                    yield TextDelta(text)
            for name, count in answer.usage.items():
                usage[name] = usage.get(name, 0) + count
            calls = [_named(call) for call in answer.calls]
            problems = [_problem(call, request.config) for call in calls]
            if not any(problems):
                break
            if correction == MAX_CORRECTIONS:
                raise EngineError("the model's calls do not fit their tools", code="hosted_calls")
            extra += _told(answer, calls, problems)
        if not (has_spoken or calls):
            raise EngineProtocolError("the model said nothing", code="hosted_empty")
        for call in calls:
            yield ToolCalled(call.name, call.arguments or "{}")
        yield _ending(answer.finish_reason, usage)

    async def _text(
        self, request: ResponseRequest, extra: Sequence[Mapping[str, Any]], answer: ChatAnswer
    ) -> AsyncGenerator[str]:
        def body() -> Body:
            document = chat_body(
                request.config,
                request.history,
                model=self._settings.model,
                temperature=self._settings.temperature,
                token_limit_field=self._settings.token_limit_field,
                takes_reasoning_effort=self._settings.takes_reasoning_effort,
                extra=extra,
            )
            return Body(document=document)

        async with self._endpoint.answer(body, accepts=_ACCEPTS) as stream:
            if stream.content_type == "application/json":
                # A server that does not stream answers with the whole.
                if text := answer.take(event_document((await stream.whole()).decode())):
                    yield text
            else:
                async with aclosing(_deltas(stream, answer)) as deltas:
                    async for text in deltas:
                        yield text
            if rest := answer.rest():
                yield rest
            if not answer.finish_reason:
                raise EngineError("the model's answer ended in the middle", code="hosted_cut")

    async def aclose(self) -> None:
        await self._endpoint.aclose()


class GeneratorWithSpare:
    """The hosted generator; the local one answers when it fails before anything was said.

    Each response tries anew, so the hosted one is back as soon as its breaker lets it.
    """

    def __init__(self, hosted: Generator, spare: Generator) -> None:
        self._hosted = hosted
        self._spare = spare

    async def generate(self, request: ResponseRequest) -> AsyncGenerator[GeneratorPart]:
        is_used = False
        try:
            async with aclosing(self._hosted.generate(request)) as parts:
                async for part in parts:
                    is_used = True
                    yield part
            return
        except EngineError as exc:
            if is_used:
                raise
            HOSTED_FALLBACKS.labels(port="chat", code=exc.code).inc()
        async with aclosing(self._spare.generate(request)) as parts:
            async for part in parts:
                yield part

    async def aclose(self) -> None:
        await self._hosted.aclose()
        await self._spare.aclose()


async def _deltas(stream: HostedStream, answer: ChatAnswer) -> AsyncGenerator[str]:
    reader = SseReader()
    async for chunk in stream:
        for data in reader.feed(chunk):
            if data.strip() == DONE:
                stream.is_complete = True
                return
            if text := answer.take(event_document(data)):
                yield text
    for data in reader.feed(b"", is_last=True):
        if data.strip() != DONE and (text := answer.take(event_document(data))):
            yield text


def _named(call: PartialCall) -> PartialCall:
    return PartialCall(call.call_id or mint("call"), call.name, call.arguments.strip())


def _problem(call: PartialCall, config: EngineConfig) -> str:
    """What is wrong with a call, in words for the model; empty when nothing is."""
    tool = next((each for each in config.tools if each.get("name") == call.name), None)
    if tool is None:
        names = ", ".join(str(each.get("name")) for each in config.tools)
        return f"There is no function '{call.name[:64]}'. There are: {names or 'none'}."
    try:
        arguments = orjson.loads(call.arguments or "{}")
    except orjson.JSONDecodeError:
        return "The arguments are not valid JSON."
    if not isinstance(arguments, dict):
        return "The arguments must be a JSON object."
    schema = tool.get("parameters")
    problems = schema_problems(schema, arguments) if isinstance(schema, Mapping) else []
    return "; ".join(problems[:_MAX_TOLD])


def _told(
    answer: ChatAnswer, calls: Sequence[PartialCall], problems: Sequence[str]
) -> list[dict[str, Any]]:
    """The model's own turn, and what became of each of its calls."""
    made = [tool_call(call.call_id, call.name, call.arguments or "{}") for call in calls]
    turn = {"role": "assistant", "content": answer.said or None, "tool_calls": made}
    results = [
        {
            "role": "tool",
            "tool_call_id": call.call_id,
            "content": f"error: {problem}" if problem else "error: not run; make this call again",
        }
        for call, problem in zip(calls, problems, strict=True)
    ]
    return [turn, *results]


def _ending(reason: str, usage: Mapping[str, int]) -> ResponseEnded:
    """``audio`` of the output stays out: what was voiced is counted by whoever voices it."""
    counted = {"text": usage["input"], "audio": 0, "cached_text": usage["cached"]} if usage else {}
    output = {"text": usage["output"]} if usage else {}
    match reason:
        case "length":
            return ResponseEnded("incomplete", "max_output_tokens", "", "", counted, output)
        case "content_filter":
            return ResponseEnded("incomplete", "content_filter", "", "", counted, output)
    return ResponseEnded(input_tokens=counted, output_tokens=output)
