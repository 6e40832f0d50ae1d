"""An edge's way to the orders: claimed and paid for in the database, or not at all."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from trunkline.domain.clock import Clock
from trunkline.domain.ids import CallId
from trunkline.domain.outbound import OutboundRules
from trunkline.runtime.logging import get_logger
from trunkline.storage.engine import Sessions
from trunkline.storage.placement_views import ClaimedPlacement
from trunkline.storage.placements import Placements

log = get_logger(__name__)

_STRAY_AFTER: Final = timedelta(seconds=60)


class PlacedOrders:
    """Of one edge. A database that is away claims nothing and grants nothing."""

    def __init__(
        self, sessions: Sessions, rules: OutboundRules, edge_id: str, clock: Clock
    ) -> None:
        self._sessions = sessions
        self._rules = rules
        self._edge_id = edge_id
        self._clock = clock

    async def claim(self, placement_id: str) -> ClaimedPlacement | None:
        """Ours to dial, or None. Not to be cancelled: a claim that nobody knows of is a stray."""
        try:
            async with self._sessions.writing(durable=True) as session:
                return await Placements(session).claim(
                    placement_id, self._edge_id, self._rules, self._clock.now()
                )
        except (SQLAlchemyError, OSError) as exc:
            log.warning("an ordered call could not be claimed", reason=type(exc).__name__)
            return None

    async def extend(self, call_id: str, wanted_s: int) -> int:
        try:
            async with self._sessions.writing(durable=True) as session:
                return await Placements(session).extend(
                    call_id, wanted_s, self._rules, self._clock.now()
                )
        except (SQLAlchemyError, OSError) as exc:
            log.warning("a placed call could not be extended", reason=type(exc).__name__)
            return 0

    async def strays(self) -> list[CallId]:
        """Attempts claimed for this edge a while ago and not over: what it does not know of among
        them was never dialled, because the answer to its claim was lost."""
        try:
            async with self._sessions.reading() as session:
                return await Placements(session).open_on(
                    self._edge_id, self._clock.now() - _STRAY_AFTER
                )
        except (SQLAlchemyError, OSError):
            return []
