"""A Realtime session without a socket: client events in, typed server events out, all kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from trunkline.domain.events import Json
from trunkline.model.connection import Connection
from trunkline.model.engine import Engine
from trunkline.model.engine_config import engine_config
from trunkline.model.opening import new_session
from trunkline.model.outbox import Close
from trunkline.realtime import client_events as ce
from trunkline.realtime import server_events as ev
from trunkline.realtime.items import FunctionCallOutputItem, user_message
from trunkline.realtime.protocol import ClientProtocol

E = TypeVar("E", bound=ev.ServerEventBase)
DEADLINE_S = 60.0


class _Done(Exception):
    pass


class SessionUnderTest:
    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.events: list[ev.ServerEvent] = []
        self.closed: Close | None = None
        self._protocol = ClientProtocol()
        self._came = asyncio.Event()

    async def send(self, event: ce.ClientEvent) -> None:
        await self.connection.receive(self._protocol.write(event))
        await asyncio.sleep(0)

    async def update(self, **session: Json) -> ev.SessionUpdated:
        begin = len(self.events)
        await self.send(ce.SessionUpdate(session={"type": "realtime", **session}))
        return await self.expect(ev.SessionUpdated, since=begin)

    async def say_text(self, text: str) -> ev.ItemDone:
        begin = len(self.events)
        await self.send(ce.ItemCreate(item=user_message(text)))
        return await self.expect(ev.ItemDone, since=begin)

    async def tool_output(self, call_id: str, output: str) -> None:
        await self.send(ce.ItemCreate(item=FunctionCallOutputItem(call_id=call_id, output=output)))

    async def respond(self, params: ce.ResponseParams | None = None) -> ev.ResponseDone:
        begin = len(self.events)
        await self.send(ce.ResponseCreate(response=params))
        return await self.expect(ev.ResponseDone, since=begin)

    async def expect(
        self, kind: type[E], since: int = 0, where: Callable[[E], bool] | None = None
    ) -> E:
        """The first such event, waiting for it on the loop's clock."""
        async with asyncio.timeout(DEADLINE_S):
            while True:
                for event in self.events[since:]:
                    if isinstance(event, kind) and (where is None or where(event)):
                        return event
                self._came.clear()
                await self._came.wait()

    def all(self, kind: type[E], since: int = 0) -> list[E]:
        return [event for event in self.events[since:] if isinstance(event, kind)]

    def types(self, since: int = 0) -> list[str]:
        return [event.type for event in self.events[since:]]

    async def hear(self, pcm: bytes, chunk_bytes: int = 960) -> None:
        for begin in range(0, len(pcm), chunk_bytes):
            event = ce.InputAudioAppend.model_construct(audio=pcm[begin : begin + chunk_bytes])
            await self.send(event)

    async def _collect(self) -> None:
        while True:
            frame = await self.connection.outbox.get()
            if isinstance(frame, Close):
                self.closed = frame
                self._came.set()
                return
            self.events.append(self._protocol.receive(frame))
            self._came.set()


@asynccontextmanager
async def session_with(
    engine: Engine, *, limit_s: float = 3600.0
) -> AsyncIterator[SessionUnderTest]:
    session = new_session("gpt-realtime")
    engine_session = await engine.open_session(session.id, engine_config(session))
    try:
        async with asyncio.TaskGroup() as tasks:
            connection = Connection(session, engine, engine_session, tasks, limit_s=limit_s)
            under_test = SessionUnderTest(connection)
            tasks.create_task(under_test._collect())
            connection.start()
            await under_test.expect(ev.SessionCreated)
            yield under_test
            raise _Done
    except* _Done:
        await engine_session.aclose()
