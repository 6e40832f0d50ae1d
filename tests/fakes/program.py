"""A program that is attached to a call's session, without a socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson

from trunkline.domain.errors import NotFound
from trunkline.model.outbox import Close
from trunkline.model.programs import AttachedProgram, Programs

DEADLINE_S = 60.0


class ProgramUnderTest:
    """``events``: all it was told, as JSON."""

    def __init__(self, attached: AttachedProgram) -> None:
        self._attached = attached
        self.events: list[dict[str, Any]] = []
        self.closed: Close | None = None
        self._came = asyncio.Event()

    async def send(self, kind: str, **fields: Any) -> None:
        await self._attached.receive(orjson.dumps({"type": kind, **fields}).decode())
        await asyncio.sleep(0)

    async def introduce(self, *tools: str, **session: Any) -> None:
        """As openai-agents does: with much that is not a program's to set."""
        audio = {
            "input": {"turn_detection": {"type": "semantic_vad"}, "transcription": {"model": "x"}},
            "output": {"voice": "ash"},
        }
        offered = [{"type": "function", "name": name, "parameters": {}} for name in tools]
        update = {"type": "realtime", "model": "gpt-x", "audio": audio, "tools": offered}
        await self.send("session.update", session={**update, **session})

    async def answer(self, call_id: str, output: str) -> None:
        item = {"type": "function_call_output", "call_id": call_id, "output": output}
        await self.send("conversation.item.create", item=item)
        await self.send("response.create", event_id="agents_py_response_create_1")

    async def expect(self, kind: str, since: int = 0, **where: Any) -> dict[str, Any]:
        async with asyncio.timeout(DEADLINE_S):
            while True:
                for event in self.events[since:]:
                    if event["type"] == kind and all(event.get(k) == v for k, v in where.items()):
                        return event
                self._came.clear()
                await self._came.wait()

    async def called(self) -> str:
        """The ``call_id`` of the first function call that is whole."""
        seen = 0
        while True:
            event = await self.expect("response.output_item.done", seen)
            if event["item"]["type"] == "function_call":
                return str(event["item"]["call_id"])
            seen = self.events.index(event) + 1

    async def left(self) -> Close:
        async with asyncio.timeout(DEADLINE_S):
            while self.closed is None:
                self._came.clear()
                await self._came.wait()
        return self.closed

    async def collect(self) -> None:
        while not isinstance(frame := await self._attached.outbox.get(), Close):
            self.events.append(orjson.loads(frame))
            self._came.set()
        self.closed = frame
        self._came.set()


class _Done(Exception):
    pass


@asynccontextmanager
async def attached_to(programs: Programs, call_id: str) -> AsyncIterator[ProgramUnderTest]:
    """Waits until the call lets a program in; leaving the block is the program's leaving."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            try:
                door = programs.door(call_id)
                break
            except NotFound:
                await asyncio.sleep(0.02)
    attached = door.attach()
    program = ProgramUnderTest(attached)
    attached.start()
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(program.collect())
            try:
                yield program
            finally:
                door.detach(attached)
            raise _Done
    except* _Done:
        pass
