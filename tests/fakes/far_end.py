"""A real HTTP server whose answers a test writes: slow, cut, wrong, or none at all.

    async with far_end() as server:
        server.answers("/v1/chat/completions", Answer(chunks=(b"data: ...",)))
        settings.base_url = server.base_url

Answers of a path are used one after the other; the last one repeats. ``requests`` is what came,
``hung_up`` how often the client closed before the answer was over.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import orjson

STALL = object()
"""As a chunk: nothing more comes, the connection stays open."""


@dataclass(frozen=True)
class Request:
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Answer:
    """``chunks`` leave one by one, ``pause_s`` apart; ``is_cut``: the connection breaks off.

    ``delay_s`` before the headers; ``body_delay_s`` between them and the first chunk.
    """

    status: int = 200
    content_type: str = "text/event-stream"
    headers: Mapping[str, str] = field(default_factory=dict)
    chunks: Sequence[bytes | object] = ()
    delay_s: float = 0.0
    body_delay_s: float = 0.0
    pause_s: float = 0.0
    is_cut: bool = False


def sse(*events: object, done: bool = True) -> tuple[bytes, ...]:
    """Each event as a chunk of its own."""
    lines = [b"data: " + orjson.dumps(event) + b"\n\n" for event in events]
    return (*lines, b"data: [DONE]\n\n") if done else tuple(lines)


Responder = Callable[[Request], Answer]


class FarEnd:
    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.hung_up = 0
        self.changed = asyncio.Event()
        self.base_url = ""
        self._answers: dict[str, list[Answer]] = defaultdict(list)
        self._responders: dict[str, Responder] = {}

    def answers(self, path: str, *answers: Answer) -> None:
        self._answers[path] = list(answers)

    def responds(self, path: str, responder: Responder) -> None:
        self._responders[path] = responder

    def to(self, path: str) -> list[Request]:
        return [request for request in self.requests if request.path == path]

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not condition():
                self.changed.clear()
                await self.changed.wait()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (request := await _read(reader)) is not None:
                self.requests.append(request)
                self.changed.set()
                if not await self._answer(self._choose(request), reader, writer):
                    return
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()

    def _choose(self, request: Request) -> Answer:
        if responder := self._responders.get(request.path):
            return responder(request)
        left = self._answers[request.path]
        if not left:
            return Answer(404, "application/json", chunks=(b"{}",))
        return left.pop(0) if len(left) > 1 else left[0]

    async def _answer(
        self, answer: Answer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """False when the connection is over."""
        writing = asyncio.ensure_future(self._write(answer, writer))
        gone = asyncio.ensure_future(_gone(reader))
        await asyncio.wait({writing, gone}, return_when=asyncio.FIRST_COMPLETED)
        is_whole = writing.done() and not writing.cancelled() and writing.exception() is None
        for task in (writing, gone):
            task.cancel()
            with suppress(asyncio.CancelledError, ConnectionError):
                await task
        if not is_whole:
            self.hung_up += 1
            self.changed.set()
        return is_whole and not answer.is_cut

    async def _write(self, answer: Answer, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(answer.delay_s)
        head = [f"HTTP/1.1 {answer.status} X", f"content-type: {answer.content_type}"]
        head += [f"{name}: {value}" for name, value in answer.headers.items()]
        head.append("transfer-encoding: chunked")
        writer.write("\r\n".join(head).encode() + b"\r\n\r\n")
        await writer.drain()
        await asyncio.sleep(answer.body_delay_s)
        for place, chunk in enumerate(answer.chunks):
            if place:
                await asyncio.sleep(answer.pause_s)
            if chunk is STALL:
                await asyncio.Event().wait()
            assert isinstance(chunk, bytes)
            writer.write(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
            await writer.drain()
        if not answer.is_cut:
            writer.write(b"0\r\n\r\n")
            await writer.drain()


async def _gone(reader: asyncio.StreamReader) -> None:
    """Returns when the client closes; a client that asks for more before its answer is a bug."""
    assert not await reader.read(1)


async def _read(reader: asyncio.StreamReader) -> Request | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.split("\r\n")
    headers = {
        name.lower(): value.strip()
        for name, _, value in (line.partition(":") for line in lines if line)
    }
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Request(first.split(" ")[1], headers, body)


@asynccontextmanager
async def far_end() -> AsyncIterator[FarEnd]:
    served = FarEnd()
    open_ones: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        open_ones.add(task)
        try:
            await served.serve(reader, writer)
        except asyncio.CancelledError:
            return
        finally:
            open_ones.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    served.base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    try:
        yield served
    finally:
        server.close()
        for task in list(open_ones):
            task.cancel()
        if open_ones:
            await asyncio.wait(open_ones, timeout=5)
        await server.wait_closed()
