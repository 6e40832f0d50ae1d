"""Ordered calls that are due: edges are told of them until one has dialled, or it is too late."""

from __future__ import annotations

from trunkline.calls.order_desk import Dialler
from trunkline.domain.clock import Clock
from trunkline.domain.outbound import OutboundRules
from trunkline.runtime.logging import get_logger
from trunkline.storage.engine import Sessions
from trunkline.storage.placements import Placements, expire_placements

log = get_logger(__name__)


async def place_due_calls(
    sessions: Sessions, dialler: Dialler, rules: OutboundRules, clock: Clock
) -> int:
    """Expire what is too late and tell edges of what is due; how many they were told of.

    No more are told than may be up at once: the rest is looked at again two seconds later.
    """
    now = clock.now()
    async with sessions.reading() as session:
        placements = Placements(session)
        due = await placements.due(now)
        room = rules.max_calls - await placements.live() if due else 0
    if not due:
        return 0
    async with sessions.writing() as session:
        expired = await expire_placements(session, now)
    if expired:
        log.warning("ordered calls expired", calls=expired)
    told = 0
    for placement_id in due[: max(room, 0)]:
        if not await dialler.place(placement_id):
            break  # no edge can be told now, and the next order's would not be either
        told += 1
    return told
