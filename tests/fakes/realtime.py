"""A Realtime endpoint without a socket: the model server's own connection behind a client's face.

    endpoint = FakeEndpoint(script)         # a model.script.Script
    edge.connect = endpoint.connect
    endpoint.kill()                         # every open session is lost, as if the server had died
    endpoint.is_down = True                 # and cannot be had again

Everything but the bytes on the wire is real: protocol, server VAD, conversation, pacing, responses.
The scripted engine is taught to tell words while they are spoken (one each ``WORD_MS`` of speech).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from trunkline.domain.errors import EngineError
from trunkline.domain.ids import mint
from trunkline.model.connection import Connection
from trunkline.model.engine import EngineConfig, EngineSession, Hypothesis
from trunkline.model.engine_config import engine_config
from trunkline.model.opening import new_session
from trunkline.model.outbox import Close
from trunkline.model.programs import Programs
from trunkline.model.script import Script
from trunkline.model.scripted import RATE_HZ, ScriptedEngine, ScriptedSession
from trunkline.realtime.client_events import ClientEvent, InputAudioAppend
from trunkline.realtime.protocol import ClientProtocol
from trunkline.realtime.server_events import ServerEvent
from trunkline.runtime.supervision import Nursery

WORD_MS = 250
FIRST_WORD_MS = 450  # prefix padding included


class TalkingSession(ScriptedSession):
    """Tells its transcript word by word as the audio comes in."""

    _known = 0

    def feed(self, pcm: bytes) -> None:
        super().feed(pcm)
        told = self._script.transcript(self._turns)
        if self._turn is None or not told.partials:
            return
        heard_ms = self.heard_bytes[self._turn] * 1000 // (2 * RATE_HZ)
        words = told.text.split()
        known = min(max((heard_ms - FIRST_WORD_MS) // WORD_MS + 1, 0), len(words))
        if known > self._known:
            self._put(0.0, Hypothesis(self._turn, " ".join(words[:known])))
        self._known = known

    def begin_turn(self, item_id: str) -> None:
        super().begin_turn(item_id)
        self._known = 0


class TalkingEngine(ScriptedEngine):
    async def open_session(self, session_id: str, config: EngineConfig) -> EngineSession:
        session = TalkingSession(self.script, self.speech, config)
        # A script goes on where the session before it stopped.
        session._turns = self.sessions[-1]._turns if self.sessions else 0
        self.sessions = [*self.sessions, session]
        return session


class FakeSession:
    """The client's face of one in-process session."""

    def __init__(self, connection_open_s: float) -> None:
        self._protocol = ClientProtocol()
        self._inbound: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._received: deque[ServerEvent] = deque()
        self._wake = asyncio.Event()
        self._is_over = False
        self._failure: EngineError | None = None
        self._open_s = connection_open_s
        self.told: list[ClientEvent] = []  # everything but audio
        self.appended_bytes = 0

    def send(self, event: ClientEvent) -> None:
        self._must_live()
        if not isinstance(event, InputAudioAppend):
            self.told.append(event)
        self._inbound.put_nowait(self._protocol.write(event))

    def append_audio(self, payload: bytes) -> None:
        self._must_live()
        self.appended_bytes += len(payload)
        self._inbound.put_nowait(self._protocol.write_append(payload))

    def _must_live(self) -> None:
        if self._failure is not None:
            raise self._failure
        if self._is_over:
            raise EngineError("the session is closed")

    async def events(self) -> AsyncIterator[ServerEvent]:
        while True:
            while self._received:
                yield self._received.popleft()
            if self._failure is not None:
                raise self._failure
            if self._is_over:
                return
            self._wake.clear()
            await self._wake.wait()

    def kill(self) -> None:
        self._failure = EngineError("the connection was lost")
        self._wake.set()
        self._inbound.put_nowait(None)

    async def serve(self, engine: ScriptedEngine, programs: Programs) -> None:
        session = new_session("scripted")
        engine_session = await engine.open_session(mint("sess"), engine_config(session))
        async with asyncio.TaskGroup() as tasks:
            connection = Connection(session, engine, engine_session, tasks, programs=programs)
            connection.start()
            writing = tasks.create_task(self._write(connection))
            while (frame := await self._inbound.get()) is not None:
                await connection.receive(frame)
            connection.door.shut()
            await engine_session.aclose()
            writing.cancel()
            raise _Over

    async def _write(self, connection: Connection) -> None:
        while not isinstance(frame := await connection.outbox.get(), Close):
            if self._failure is None:
                self._received.append(self._protocol.receive(frame))
                self._wake.set()
        self._is_over = True
        self._wake.set()

    def close(self) -> None:
        self._is_over = True
        self._wake.set()
        self._inbound.put_nowait(None)


class _Over(Exception):
    pass


class FakeEndpoint:
    def __init__(self, script: Script, *, open_s: float = 0.05) -> None:
        self.engine = TalkingEngine(script)
        self.programs = Programs()
        self.is_down = False
        self.away: set[str] = set()  # engines that cannot be had
        self.open_s = open_s
        self.asked: list[str] = []  # engines asked for
        self.sessions: list[FakeSession] = []
        self._tasks = Nursery("fake-endpoint")

    @asynccontextmanager
    async def connect(self, engine: str) -> AsyncIterator[FakeSession]:
        self.asked.append(engine)
        await asyncio.sleep(self.open_s)
        if self.is_down or engine in self.away:
            raise EngineError("down, as told", code="engine_down")
        session = FakeSession(self.open_s)
        self.sessions.append(session)
        self._tasks.start(self._serve(session), f"session-{len(self.sessions)}")
        try:
            yield session
        finally:
            session.close()

    async def _serve(self, session: FakeSession) -> None:
        try:
            await session.serve(self.engine, self.programs)
        except* _Over:
            pass

    def kill(self) -> None:
        """The server dies: every session is lost at once."""
        for session in self.sessions:
            session.kill()

    @property
    def told(self) -> list[ClientEvent]:
        """All that any session was told, audio left out."""
        return [event for session in self.sessions for event in session.told]
