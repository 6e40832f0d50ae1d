"""The calls that are up in this process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeAlias

from trunkline.calls.control import ApprovalNews, ProgramAsked, TakeOverCall, ToolResult
from trunkline.domain.call import EndCause
from trunkline.domain.ids import CallId

EndCall: TypeAlias = Callable[[EndCause, str], None]
Told: TypeAlias = ToolResult | ApprovalNews | ProgramAsked | TakeOverCall
TellCall: TypeAlias = Callable[[Told], bool]


class LiveCalls:
    """How to end each call that is up, and how to tell it of a result; empty when none is."""

    def __init__(self) -> None:
        self._ends: dict[CallId, EndCall] = {}
        self._tells: dict[CallId, TellCall] = {}
        self._empty = asyncio.Event()
        self._empty.set()

    def __contains__(self, call_id: CallId) -> bool:
        return call_id in self._ends

    def __len__(self) -> int:
        return len(self._ends)

    def add(self, call_id: CallId, end: EndCall, tell: TellCall) -> None:
        self._ends[call_id] = end
        self._tells[call_id] = tell
        self._empty.clear()

    def remove(self, call_id: CallId) -> None:
        self._ends.pop(call_id, None)
        self._tells.pop(call_id, None)
        if not self._ends:
            self._empty.set()

    def end(self, call_id: CallId, cause: EndCause, reason: str) -> bool:
        """False when there is no such call."""
        end = self._ends.get(call_id)
        if end is None:
            return False
        end(cause, reason)
        return True

    def tell(self, result: Told) -> bool:
        """False when there is no such call, or it does not wait for that."""
        tell = self._tells.get(result.call_id)
        return tell is not None and tell(result)

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
