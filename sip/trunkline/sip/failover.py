"""A call that one trunk does not take is tried over the next."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from trunkline.domain.call import EndCause
from trunkline.domain.errors import TrunkError
from trunkline.domain.leg import LegEnded
from trunkline.domain.trunk import Trunk
from trunkline.runtime.logging import get_logger
from trunkline.runtime.telemetry import TRUNK_FAILOVERS
from trunkline.sip.leg import SipLeg

log = get_logger(__name__)

SILENCE_S: Final = 5.0
"""Without so much as a 100 for this long, a trunk is taken for dead."""
_PROGRESS_S: Final = 10.0
_OF_THE_TRUNK: Final = frozenset({408, 500, 502, 503, 504})


def is_trunks_fault(ended: LegEnded) -> bool:
    """Whether the trunk failed, not the called person: busy is busy over every trunk."""
    return ended.cause is EndCause.TRUNK_ERROR and (ended.sip_status or 503) in _OF_THE_TRUNK


async def place_in_turn(
    trunks: Sequence[Trunk], place: Callable[[Trunk], Awaitable[SipLeg]]
) -> SipLeg:
    """The first leg that a trunk takes; the last trunk's leg, or its error, as it comes."""
    for trunk in trunks[:-1]:
        try:
            leg = await place(trunk)
        except TrunkError as exc:
            _goes_on(trunk, exc.sip_status)
            continue
        if await _is_taken(leg):
            return leg
        _goes_on(trunk, leg.ended.sip_status if leg.ended else None)
    return await place(trunks[-1])


async def _is_taken(leg: SipLeg) -> bool:
    """Wait until it rings, is answered or is over; whoever waits no more has it hung up."""
    try:
        if not await leg.has_news(SILENCE_S) and not leg.is_heard:
            leg.give_up()
            return False
        await leg.has_news(_PROGRESS_S)
    except asyncio.CancelledError:
        leg.give_up()
        raise
    return leg.ended is None or not is_trunks_fault(leg.ended)


def _goes_on(trunk: Trunk, sip_status: int | None) -> None:
    TRUNK_FAILOVERS.labels(trunk=trunk.name).inc()
    log.warning(
        "a trunk did not take a call; the next one is tried",
        trunk=trunk.name,
        sip_status=sip_status or 0,
    )
