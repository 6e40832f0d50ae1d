"""The cascade: ears, brain and voice as one engine, each port local or hosted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Final

from trunkline.domain.clock import Clock, SystemClock
from trunkline.domain.errors import EngineBusy, TrunklineError
from trunkline.model.cascade.dialogue_state import State
from trunkline.model.cascade.local_generator import LocalGenerator
from trunkline.model.cascade.local_ports import LocalPorts
from trunkline.model.cascade.planner import Planner
from trunkline.model.cascade.ports import (
    Generator,
    NowExpected,
    Recognizer,
    RecognizerSession,
    Synthesizer,
    WholeText,
)
from trunkline.model.cascade.triage import Meant
from trunkline.model.cascade.voicing import Voicing
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

SPARE_SESSIONS: Final = 16  # clients of the endpoint beside the calls


class CascadeEngine:
    """One per model server. ``speech`` serves texts outside any session; without ``generator`` the
    planner thinks. ``recogniser`` and ``synthesiser`` may be shared: they are started and closed
    as often as there are engines that use them. ``rehearses``: plans and speech that are thrown
    away cost nobody money."""

    def __init__(
        self,
        recogniser: Recognizer,
        synthesiser: Synthesizer,
        *,
        max_sessions: int,
        generator: Generator | None = None,
        clock: Clock | None = None,
        name: str = "cascade",
        has_partials: bool = True,
        has_word_times: bool = True,
        has_word_probabilities: bool = True,
        sees_images: bool = False,
        foresees: bool = True,
        rehearses: bool = True,
    ) -> None:
        self.name = name
        self.recogniser = recogniser
        self._synthesiser = synthesiser
        self._max_sessions = max_sessions
        self._planning = LocalGenerator(clock or SystemClock())
        self.generator: Generator = generator or self._planning
        self._sessions: set[CascadeSession] = set()
        self.capabilities = EngineCapabilities(
            partial_transcripts=has_partials,
            word_times=has_word_times,
            word_probabilities=has_word_probabilities,
            vision=sees_images,
            tools=True,
            foresees=foresees,
            rehearses=rehearses,
            input_rate_hz=16_000,
            output_rate_hz=synthesiser.output_rate_hz,
        )

    @property
    def speech(self) -> Synthesizer:
        return self._synthesiser

    async def start(self) -> None:
        """Recogniser processes are up and every voice has spoken once."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.recogniser.start(), name="recogniser")
            group.create_task(self._synthesiser.warm_up(), name="synthesiser")

    async def open_session(self, session_id: str, config: EngineConfig) -> CascadeSession:
        """Raises EngineBusy when no slot is free."""
        if len(self._sessions) >= self._max_sessions:
            raise EngineBusy(f"all {self._max_sessions} sessions of this engine are taken")
        session = CascadeSession(self, self.recogniser.open(config), config)
        self._sessions.add(session)
        return session

    def planner(self, config: EngineConfig) -> Planner:
        return self._planning.planner(config)

    def closed(self, session: CascadeSession) -> None:
        self._sessions.discard(session)

    async def aclose(self) -> None:
        for session in list(self._sessions):
            await session.aclose()
        await self.recogniser.aclose()
        await self.generator.aclose()
        await self._synthesiser.aclose()


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

    def foresee(self, item_id: str) -> None:
        self._hearing.foresee(item_id)

    def go_on(self, item_id: str) -> None:
        self._hearing.go_on(item_id)

    def drop_turn(self, item_id: str) -> None:
        self._hearing.drop(item_id)

    def events(self) -> AsyncIterator[EngineEvent]:
        return self._hearing.events()

    async def respond(self, request: ResponseRequest) -> AsyncGenerator[ResponsePart]:
        """What the generator says, voiced while it is still being written, and what it calls."""
        try:
            async with aclosing(self._answer(request)) as parts:
                async for part in parts:
                    yield part
        except TrunklineError as exc:
            yield ResponseEnded("failed", code=exc.code, message=exc.message)

    async def _answer(self, request: ResponseRequest) -> AsyncGenerator[ResponsePart]:
        config = request.config
        is_voiced = "audio" in config.modalities
        voicing = Voicing(self._engine.speech, config)
        # A generator that does not say what it asked leaves us with what the tools want; the caller
        # may begin to speak before it has ended.
        self._expect(self._planner.expected(), request)
        async with aclosing(self._engine.generator.generate(request)) as parts:
            async for part in parts:
                match part:
                    case NowExpected(state):
                        self._expect(state, request)
                        continue
                    case TextDelta(text) | WholeText(text) if not is_voiced:
                        yield TextDelta(text)
                        continue
                    case TextDelta(text):
                        speech = voicing.say(text)
                    case WholeText(text):
                        speech = voicing.say_whole(text)
                    case _:
                        speech = voicing.finish()
                async with aclosing(speech) as deltas:
                    async for delta in deltas:
                        yield delta
                if isinstance(part, ToolCalled | ResponseEnded):
                    yield part

    def _expect(self, state: State, request: ResponseRequest) -> None:
        def expect() -> None:
            if request.config.tools == self._config.tools:
                self._state = state

        if request.rehearsal is None:
            expect()
        else:
            request.rehearsal.then(expect)

    async def aclose(self) -> None:
        self._engine.closed(self)
        await self._hearing.aclose()


def create_engine(settings: Settings, local: LocalPorts) -> CascadeEngine:
    """Over ports that other cascades of this server may use too."""
    return CascadeEngine(local.ears, local.voice, max_sessions=settings.max_calls + SPARE_SESSIONS)
