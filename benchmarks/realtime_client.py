"""A Realtime client that costs as little as a client can: frames are timed first and read later."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from time import perf_counter
from typing import Any

import orjson
import picows
import pybase64

FRAME = pybase64.b64encode(b"\xff" * 160).decode()  # 20 ms of silence, PCMU
APPEND = orjson.dumps({"type": "input_audio_buffer.append", "audio": FRAME})
_TIMEOUT_S = 20.0


class BareSession(picows.WSListener):
    """``on_event`` gets each event's type, the moment it came and its frame."""

    def __init__(self) -> None:
        self.on_event: Callable[[str, float, bytes], None] = self._keep
        self.transport: picows.WSTransport | None = None
        self.problem = ""
        self._seen: set[str] = set()
        self._came = asyncio.Event()

    def on_ws_connected(self, transport: picows.WSTransport) -> None:
        self.transport = transport

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        came = perf_counter()
        if frame.msg_type is picows.WSMsgType.CLOSE:
            self.problem = f"closed: {frame.get_close_reason()}"
            transport.disconnect()
            return
        payload = frame.get_payload_as_bytes()
        kind = _type_of(payload)
        if kind == "error":
            self.problem = payload.decode()
        self.on_event(kind, came, payload)

    def _keep(self, kind: str, _came: float, _frame: bytes) -> None:
        self._seen.add(kind)
        self._came.set()

    async def until(self, kind: str) -> None:
        """While ``on_event`` is nobody else's."""
        async with asyncio.timeout(_TIMEOUT_S):
            while kind not in self._seen:
                self._came.clear()
                await self._came.wait()

    def send(self, **event: Any) -> float:
        """The moment before it was written."""
        frame = orjson.dumps(event)
        sent = perf_counter()
        self.write(frame)
        return sent

    def write(self, frame: bytes) -> None:
        if self.problem:
            raise RuntimeError(f"a session went wrong: {self.problem[:500]}")
        assert self.transport is not None
        self.transport.send(picows.WSMsgType.TEXT, frame)


def _type_of(frame: bytes) -> str:
    at = frame.find(b'"type":"') + 8
    return frame[at : frame.find(b'"', at)].decode()


@asynccontextmanager
async def bare_session(port: int, api_key: str, **session: Any) -> AsyncIterator[BareSession]:
    """Connected, and updated with ``session``."""
    transport, listener = await picows.ws_connect(
        BareSession,
        f"ws://127.0.0.1:{port}/v1/realtime?model=gpt-realtime",
        extra_headers={"Authorization": f"Bearer {api_key}"},
        max_frame_size=16 * 1024 * 1024,
    )
    assert isinstance(listener, BareSession)
    try:
        await listener.until("session.created")
        listener.send(type="session.update", session={"type": "realtime", **session})
        await listener.until("session.updated")
        yield listener
    finally:
        transport.disconnect()


async def stream_audio(session: BareSession, seconds: float, offset_s: float = 0.0) -> None:
    """A quiet microphone in real time."""
    began = perf_counter() + offset_s
    await asyncio.sleep(offset_s)
    for number in range(1, round(seconds * 50)):
        session.write(APPEND)
        if (wait_s := began + number * 0.02 - perf_counter()) > 0:
            await asyncio.sleep(wait_s)
