"""How long a placed call may last: what it was granted, what it may ask for, when it must end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, TypeAlias

from trunkline.domain.call import EndCause
from trunkline.domain.outbound import GRANT_S
from trunkline.runtime.logging import get_logger

if TYPE_CHECKING:
    from trunkline.calls.session import CallSession

log = get_logger(__name__)

ASK_BEFORE_S: Final = 25.0
GOODBYE_S: Final = 9.0  # for the goodbye and the BYE; a minute begun is a minute paid
_ASK_AGAIN_S: Final = 2.0

Extend: TypeAlias = Callable[[str, int], Awaitable[int]]
"""Asks for so many seconds in all for a call; what is granted now, 0 when nobody can tell."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """Seconds from the answer. Without a meter there is only ``longest_s``."""

    granted_s: int
    longest_s: int
    is_metered: bool

    @property
    def ends_s(self) -> int:
        return min(self.granted_s, self.longest_s) if self.is_metered else self.longest_s

    @property
    def wanted_s(self) -> int | None:
        """What to ask for next; None when there is nothing more to be had."""
        if not self.is_metered or self.granted_s >= self.longest_s:
            return None
        return min(self.granted_s + GRANT_S, self.longest_s)

    @property
    def goodbye_s(self) -> float:
        """Half of a very short call is for talking, at least."""
        return max(self.ends_s - GOODBYE_S, self.ends_s / 2)

    @property
    def ask_s(self) -> float:
        return max(0.0, self.ends_s - ASK_BEFORE_S)

    @property
    def reason(self) -> str:
        if self.is_metered and self.granted_s < self.longest_s:
            return "the day's spend cap is reached"
        return f"it may last {self.longest_s} s"


async def keep_within(call: CallSession, allowance: Allowance, extend: Extend) -> None:
    """From the answer on: ask for more in time, and end the call when no more is to be had."""
    clock = asyncio.get_running_loop().time
    since_s = clock()
    while True:
        wanted_s = allowance.wanted_s
        talked_s = clock() - since_s
        if wanted_s is not None and talked_s < allowance.goodbye_s:
            await asyncio.sleep(max(0.0, allowance.ask_s - talked_s))
            granted_s = await extend(call.call_id, wanted_s)
            if granted_s > allowance.granted_s:
                allowance = replace(allowance, granted_s=granted_s)
                continue
            left_s = allowance.goodbye_s - (clock() - since_s)
            await asyncio.sleep(min(_ASK_AGAIN_S, max(left_s, 0.0)))
            continue
        await asyncio.sleep(max(0.0, allowance.goodbye_s - talked_s))
        log.info("a placed call reached its limit", call_id=call.call_id, reason=allowance.reason)
        call.end(EndCause.LIMIT_REACHED, allowance.reason)
        return
