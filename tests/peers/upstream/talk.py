"""A conversation with an engine session, as the model server's connection holds it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from itertools import count
from typing import Any

from trunkline.model.engine import (
    Engine,
    EngineConfig,
    EngineEvent,
    EngineSession,
    HistoryItem,
    Hypothesis,
    ItemRole,
    ResponseEnded,
    ResponsePart,
    ResponseRequest,
    SpeechDelta,
    TextDelta,
    ToolCalled,
)

BALANCE: Mapping[str, Any] = {
    "type": "function",
    "name": "get_balance",
    "description": "Tells the balance.",
    "parameters": {
        "type": "object",
        "properties": {"account": {"type": "string", "x-trunkline": {"ask": "Which account?"}}},
    },
    "x-trunkline": {"role": "intent", "label": "your balance", "examples": ["what do i owe"]},
}
CONFIG = EngineConfig(model="m", instructions="Be brief.", tools=(BALANCE,))
_ids = count(1)


class Talk:
    """``items`` is our conversation; what the engine says enters it under ids of ours."""

    def __init__(self, engine: Engine, session: EngineSession, config: EngineConfig) -> None:
        self.engine = engine
        self.session = session
        self.config = config
        self.items: list[HistoryItem] = []
        self._events = session.events()

    def user(self, text: str) -> None:
        self.items.append(HistoryItem(f"item_{next(_ids)}", ItemRole.USER, text=text))

    async def say(self, seconds: float = 1.0) -> list[EngineEvent]:
        """The caller speaks; what is understood enters the conversation."""
        item_id = self.speak(seconds)
        heard = await self.understood(item_id)
        text = getattr(heard[-1], "text", "")
        self.items.append(HistoryItem(item_id, ItemRole.USER, text=text, was_audio=True))
        return heard

    def speak(self, seconds: float, *, ends: bool = True) -> str:
        item_id = f"item_{next(_ids)}"
        rate_hz = self.engine.capabilities.input_rate_hz
        self.session.begin_turn(item_id)
        for _ in range(round(seconds * 50)):
            self.session.feed(b"\1\0" * (rate_hz // 50))
        if ends:
            self.session.end_turn(item_id)
        return item_id

    async def understood(self, item_id: str) -> list[EngineEvent]:
        said: list[EngineEvent] = []
        async with asyncio.timeout(15):
            async for event in self._events:
                if event.item_id == item_id:
                    said.append(event)
                    if not isinstance(event, Hypothesis):
                        return said
        raise AssertionError("the session ended")

    async def ask(self, **more: Any) -> list[ResponsePart]:
        """A whole response; it enters the conversation."""
        parts: list[ResponsePart] = []
        request = ResponseRequest("r", tuple(self.items), more.pop("config", self.config), **more)
        async with asyncio.timeout(15), aclosing(self.session.respond(request)) as answer:  # type: ignore[type-var]
            async for part in answer:
                parts.append(part)  # noqa: PERF401
        if not request.is_out_of_band:
            self.hear(parts)
        return parts

    def hear(self, parts: list[ResponsePart], heard: str | None = None) -> None:
        """Enter the conversation; ``heard``: no more than this of what was said."""
        said = text_of(parts) if heard is None else heard
        if said:
            self.items.append(
                HistoryItem(f"item_{next(_ids)}", ItemRole.ASSISTANT, text=said, was_audio=True)
            )
        for part in parts:
            if isinstance(part, ToolCalled):
                call_id = f"call_{next(_ids)}"
                self.items += [
                    HistoryItem(
                        f"item_{next(_ids)}", ItemRole.FUNCTION_CALL, name=part.name,
                        call_id=call_id, arguments=part.arguments,
                    )
                ]  # fmt: skip

    def result(self, text: str) -> None:
        call = next(i for i in reversed(self.items) if i.role is ItemRole.FUNCTION_CALL)
        self.items.append(
            HistoryItem(
                f"item_{next(_ids)}", ItemRole.FUNCTION_OUTPUT, text=text, call_id=call.call_id
            )
        )


def text_of(parts: list[ResponsePart]) -> str:
    return "".join(part.text for part in parts if isinstance(part, SpeechDelta | TextDelta))


def audio_ms(parts: list[ResponsePart], rate_hz: int) -> float:
    return sum(len(p.pcm) for p in parts if isinstance(p, SpeechDelta)) / 2 * 1000 / rate_hz


def ended(parts: list[ResponsePart]) -> ResponseEnded:
    assert isinstance(parts[-1], ResponseEnded)
    return parts[-1]


@asynccontextmanager
async def talking(engine: Engine, config: EngineConfig = CONFIG) -> AsyncIterator[Talk]:
    session = await engine.open_session("s", config)
    try:
        yield Talk(engine, session, config)
    finally:
        await session.aclose()
