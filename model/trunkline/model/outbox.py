"""What is still to be written to one client: bounded, in order.

Control answers are queued at once; speech and text wait in ``writable`` while half a megabyte is
unsent. A client that lets eight megabytes pile up, or does not read for twenty seconds, is cut off,
and what it has not read is dropped.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import Final

from trunkline.domain.errors import TrunklineError

SOFT_LIMIT_BYTES: Final = 512 * 1024
HARD_LIMIT_BYTES: Final = 8 * 1024 * 1024
STALL_TIMEOUT_S: Final = 20.0
STALLED: Final = (1008, "The client does not read its events.")


class ClientStalled(TrunklineError):
    """The client does not read what we send."""

    default_code = "client_stalled"


@dataclass(frozen=True, slots=True)
class Close:
    """The last thing written: a WebSocket close code and its reason."""

    code: int
    reason: str


class Outbox:
    stall_timeout_s = STALL_TIMEOUT_S

    def __init__(self) -> None:
        self._frames: deque[bytes | Close] = deque()
        self._bytes = 0
        self._is_closed = False
        self._ready = asyncio.Event()
        self._drained = asyncio.Event()
        self._drained.set()

    def put(self, frame: bytes) -> None:
        """Raises nothing: after ``close`` frames are dropped, and overflow closes."""
        if self._is_closed:
            return
        if self._bytes + len(frame) > HARD_LIMIT_BYTES:
            self.give_up()
            return
        self._frames.append(frame)
        self._bytes += len(frame)
        if self._bytes > SOFT_LIMIT_BYTES:
            self._drained.clear()
        self._ready.set()

    def close(self, code: int, reason: str) -> None:
        """Close after what is queued has been written; the first close wins."""
        if not self._is_closed:
            self._is_closed = True
            self._frames.append(Close(code, reason))
            self._ready.set()
            self._drained.set()

    def give_up(self) -> None:
        """The client does not read: nothing of the rest is sent, only the close."""
        if self._is_closed:
            return
        self._frames.clear()
        self._bytes = 0
        self.close(*STALLED)

    async def writable(self) -> None:
        """Returns when little is unsent; ClientStalled when that takes too long."""
        if self._drained.is_set():
            return
        try:
            async with asyncio.timeout(self.stall_timeout_s):
                await self._drained.wait()
        except TimeoutError:
            self.give_up()
            raise ClientStalled("the client does not read its events") from None

    async def get(self) -> bytes | Close:
        while not self._frames:
            self._ready.clear()
            await self._ready.wait()
        frame = self._frames.popleft()
        if isinstance(frame, bytes):
            self._bytes -= len(frame)
            if self._bytes <= SOFT_LIMIT_BYTES // 2:
                self._drained.set()
        return frame
