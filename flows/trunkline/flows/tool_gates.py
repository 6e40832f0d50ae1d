"""Places: how many runs of one tool may be at one service at once, and how many may wait."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from trunkline.flows.tools import ToolError, ToolFault

_WAITING_PER_PLACE: Final = 4


class Gate:
    """``size`` places. Who finds none waits, within their own deadline; who finds too many waiting
    is turned away at once with ``too_busy``.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._places = asyncio.Semaphore(size)
        self._waiting = 0

    @property
    def is_idle(self) -> bool:
        return not self._waiting and not self._places.locked()

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        if self._places.locked() and self._waiting >= self._size * _WAITING_PER_PLACE:
            message = "too many runs of this tool are waiting already"
            raise ToolFault(ToolError("too_busy", message, is_retryable=False))
        self._waiting += 1
        try:
            await self._places.acquire()
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._places.release()
