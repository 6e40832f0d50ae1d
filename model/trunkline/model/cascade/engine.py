"""The cascade: recogniser, planner and synthesiser as one engine, with no key and no weights."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Final

import orjson

from trunkline.domain.clock import Clock, SystemClock
from trunkline.domain.errors import EngineBusy, TrunklineError
from trunkline.model.cascade.dialogue import CallTool, Speak
from trunkline.model.cascade.forced_calls import ForcedCall
from trunkline.model.cascade.planner import Planner
from trunkline.model.cascade.ports import RecognizerSession
from trunkline.model.cascade.recogniser import LocalRecogniser
from trunkline.model.cascade.synthesiser import FliteSynthesiser
from trunkline.model.cascade.triage import Meant
from trunkline.model.engine import (
    EngineCapabilities,
    EngineConfig,
    EngineEvent,
    ResponseEnded,
    ResponsePart,
    ResponseRequest,
    TextDelta,
    ToolCalled,
)
from trunkline.runtime.logging import get_logger
from trunkline.runtime.settings import Settings

log = get_logger(__name__)

_SPARE_SESSIONS: Final = 16  # clients of the endpoint beside the calls
_CAPABILITIES: Final = EngineCapabilities(
    partial_transcripts=True,
    word_times=True,
    tools=True,
    input_rate_hz=16_000,
    output_rate_hz=16_000,
)


class CascadeEngine:
    """One per model server. ``speech`` serves texts outside any session."""

    name = "cascade"
    capabilities = _CAPABILITIES

    def __init__(
        self,
        recogniser: LocalRecogniser,
        synthesiser: FliteSynthesiser,
        *,
        max_sessions: int,
        clock: Clock | None = None,
    ) -> None:
        self.recogniser = recogniser
        self._synthesiser = synthesiser
        self._max_sessions = max_sessions
        self._clock = clock or SystemClock()
        self._sessions: set[CascadeSession] = set()

    @property
    def speech(self) -> FliteSynthesiser:
        return self._synthesiser

    async def start(self) -> None:
        """Recogniser processes are up and every voice has spoken once."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.recogniser.start(), name="recogniser")
            group.create_task(self._synthesiser.warm_up(), name="synthesiser")

    async def warm_up_general(self) -> None:
        """Load the general model now; else the first session that declares nothing waits for it."""
        await self.recogniser.general()

    async def open_session(self, session_id: str, config: EngineConfig) -> CascadeSession:
        """Raises EngineBusy when no slot is free."""
        if len(self._sessions) >= self._max_sessions:
            raise EngineBusy(f"all {self._max_sessions} sessions of this engine are taken")
        session = CascadeSession(self, self.recogniser.open(config), config)
        self._sessions.add(session)
        return session

    def planner(self, config: EngineConfig) -> Planner:
        return Planner(config.tools, self._clock.now().astimezone().date())

    def closed(self, session: CascadeSession) -> None:
        self._sessions.discard(session)

    async def aclose(self) -> None:
        for session in list(self._sessions):
            await session.aclose()
        await self.recogniser.aclose()
        self._synthesiser.close()


class CascadeSession:
    """One conversation. Its only memory is what the next turn is listened to with."""

    def __init__(
        self, engine: CascadeEngine, hearing: RecognizerSession, config: EngineConfig
    ) -> None:
        self._engine = engine
        self._hearing = hearing
        self._config = config
        self._planner = engine.planner(config)
        self._state = self._planner.expected()

    async def configure(self, config: EngineConfig) -> None:
        """Recognition gets ready for what the new tools expect."""
        has_new_tools = config.tools != self._config.tools
        self._config = config
        self._hearing.configure(config)
        if has_new_tools:
            self._planner = self._engine.planner(config)
            self._state = self._planner.expected()

    def begin_turn(self, item_id: str) -> None:
        planner, state = self._planner, self._state

        def meaning(text: str) -> Meant | None:
            return planner.meaning(state, text)

        self._hearing.begin(item_id, state.focus, meaning)

    def feed(self, pcm: bytes) -> None:
        self._hearing.feed(pcm)

    def end_turn(self, item_id: str) -> None:
        self._hearing.end(item_id)

    def drop_turn(self, item_id: str) -> None:
        self._hearing.drop(item_id)

    def events(self) -> AsyncIterator[EngineEvent]:
        return self._hearing.events()

    async def respond(self, request: ResponseRequest) -> AsyncGenerator[ResponsePart]:
        """One message or one function call."""
        config = request.config
        planner = self._engine.planner(config)
        try:
            plan = planner.plan(request.history, config.tool_choice)
            if config.tools == self._config.tools:
                self._state = plan.after
            match plan.move:
                case Speak(text):
                    async with aclosing(self._voice(text, config)) as parts:
                        async for part in parts:
                            yield part
                case CallTool(name, arguments):
                    yield ToolCalled(name, orjson.dumps(dict(arguments)).decode())
                case ForcedCall(name, arguments, synthesised):
                    yield ToolCalled(name, orjson.dumps(dict(arguments)).decode(), synthesised)
        except TrunklineError as exc:
            yield ResponseEnded("failed", code=exc.code, message=exc.message)
            return
        yield ResponseEnded()

    async def _voice(self, text: str, config: EngineConfig) -> AsyncGenerator[ResponsePart]:
        if "audio" not in config.modalities:
            yield TextDelta(text)
            return
        speech = self._engine.speech.synthesise(text, voice=config.voice, speed=config.speed)
        async with aclosing(speech) as deltas:
            async for delta in deltas:
                yield delta

    async def aclose(self) -> None:
        self._engine.closed(self)
        await self._hearing.aclose()


def create_engine(settings: Settings) -> CascadeEngine:
    """Raises ConfigError, naming the package, when a speech library is missing."""
    return CascadeEngine(
        LocalRecogniser(settings.asr_workers),
        FliteSynthesiser(),
        max_sessions=settings.max_calls + _SPARE_SESSIONS,
    )
