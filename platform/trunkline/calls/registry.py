"""The calls that are up in this process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeAlias

from trunkline.domain.call import EndCause
from trunkline.domain.ids import CallId

EndCall: TypeAlias = Callable[[EndCause, str], None]


class LiveCalls:
    """How to end each call that is up; empty when the last is over."""

    def __init__(self) -> None:
        self._ends: dict[CallId, EndCall] = {}
        self._empty = asyncio.Event()
        self._empty.set()

    def __contains__(self, call_id: CallId) -> bool:
        return call_id in self._ends

    def __len__(self) -> int:
        return len(self._ends)

    def add(self, call_id: CallId, end: EndCall) -> None:
        self._ends[call_id] = end
        self._empty.clear()

    def remove(self, call_id: CallId) -> None:
        self._ends.pop(call_id, None)
        if not self._ends:
            self._empty.set()

    def end(self, call_id: CallId, cause: EndCause, reason: str) -> bool:
        """False when there is no such call."""
        end = self._ends.get(call_id)
        if end is None:
            return False
        end(cause, reason)
        return True

    def end_all(self, cause: EndCause, reason: str) -> int:
        for end in list(self._ends.values()):
            end(cause, reason)
        return len(self._ends)

    async def wait_until_empty(self, deadline_s: float) -> bool:
        try:
            async with asyncio.timeout(deadline_s):
                await self._empty.wait()
        except TimeoutError:
            return False
        return True
