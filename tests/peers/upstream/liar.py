"""A real WebSocket server that plays far ends on bad days."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import orjson
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

Play = Callable[["Liar", dict[str, Any]], Awaitable[None]]


class Liar:
    """One connection. ``said`` is every event that came; an honest reaction unless ``play`` has
    one for that type."""

    def __init__(self, connection: ServerConnection, plays: dict[str, Play]) -> None:
        self._connection = connection
        self._plays = plays
        self.said: list[dict[str, Any]] = []
        self.count = 0

    async def send(self, kind: str, **fields: Any) -> None:
        self.count += 1
        event = {"type": kind, "event_id": f"e{self.count}", **fields}
        await self._connection.send(orjson.dumps(event).decode())

    async def raw(self, frame: str) -> None:
        await self._connection.send(frame)

    async def serve(self) -> None:
        await self.send("session.created", session={"type": "realtime", "id": "s"})
        async for frame in self._connection:
            event = orjson.loads(frame)
            self.said.append(event)
            kind = event["type"]
            if kind in self._plays:
                await self._plays[kind](self, event)
            elif kind == "session.update":
                await self.send("session.updated", session=event["session"])
            elif kind == "response.create":
                await self.answer(event, "All is well.")
            elif kind == "input_audio_buffer.commit":
                await self.hear("a1")

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.said if event["type"] == kind]

    async def hear(self, item_id: str, text: str = "hello there") -> None:
        await self.send("input_audio_buffer.committed", item_id=item_id, previous_item_id=None)
        await self.send(
            "conversation.item.input_audio_transcription.completed",
            item_id=item_id, content_index=0, transcript=text,
            usage={"type": "duration", "seconds": 1},
        )  # fmt: skip

    async def begin(self, create: dict[str, Any], response_id: str) -> None:
        metadata = create.get("response", {}).get("metadata")
        await self.send(
            "response.created",
            response={"id": response_id, "status": "in_progress", "metadata": metadata},
        )

    async def text(self, response_id: str, delta: str) -> None:
        await self.send(
            "response.output_text.delta",
            response_id=response_id, item_id=f"i_{response_id}", output_index=0, delta=delta,
        )  # fmt: skip

    async def done(self, response_id: str, status: str = "completed", **more: Any) -> None:
        await self.send("response.done", response={"id": response_id, "status": status, **more})

    async def answer(self, create: dict[str, Any], text: str) -> None:
        response_id = f"r{self.count}"
        await self.begin(create, response_id)
        await self.text(response_id, text)
        await self.done(response_id)


class Den:
    def __init__(self) -> None:
        self.liars: list[Liar] = []
        self.base_url = ""


@asynccontextmanager
async def far_end(*plays: dict[str, Play]) -> AsyncIterator[Den]:
    """The nth connection plays the nth; the last repeats."""
    den = Den()

    async def attend(connection: ServerConnection) -> None:
        liar = Liar(connection, plays[min(len(den.liars), len(plays) - 1)])
        den.liars.append(liar)
        try:
            await liar.serve()
        except ConnectionClosed:
            return

    async with serve(attend, "127.0.0.1", 0, max_size=None) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        den.base_url = f"http://127.0.0.1:{port}/v1"
        yield den


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


def error(event: dict[str, Any], code: str, kind: str = "invalid_request_error") -> dict[str, Any]:
    told = f"secret words about {event['event_id']}"
    return {"type": kind, "code": code, "message": told, "event_id": event["event_id"]}
