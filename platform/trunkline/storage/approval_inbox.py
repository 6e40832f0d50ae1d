"""Approvals as an inbox shows them: with their call, and how the like was decided before."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from trunkline.domain.approval import OPEN, UNDER_WAY, ApprovalState, Deed
from trunkline.domain.call import CallState
from trunkline.storage.approval_rows import ApprovalDeedRow, ApprovalRow
from trunkline.storage.approval_values import parked_of
from trunkline.storage.approval_views import Parked
from trunkline.storage.rows import CallRow
from trunkline.storage.views import HOUSE

WANTED: Final = OPEN | UNDER_WAY | {ApprovalState.UNKNOWN}
"""What somebody has yet to do something about, or waits for."""
MAX_WAITING: Final = 500
_DECISIVE: Final = (Deed.GRANT, Deed.REFUSE, Deed.EXPIRE, Deed.ABANDON)


@dataclass(frozen=True, slots=True)
class Waiting:
    """An approval with whose call it stands in; ``agent`` is empty when the call is not stored."""

    parked: Parked
    agent: str = ""
    caller: str = ""
    is_call_live: bool = False


@dataclass(frozen=True, slots=True)
class Precedent:
    """One of the same tool that was decided before. ``persons``: who granted or refused it."""

    parked: Parked
    at: datetime
    persons: tuple[str, ...]


class ApprovalInbox:
    """Reads inside one session; ``owner``'s approvals and nobody else's."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def waiting(
        self, owners: Collection[str], also: Collection[str] = ()
    ) -> tuple[Waiting, ...]:
        """Everything of ``owners`` that is wanted, and those of the ids ``also`` in any state."""
        states = [state.value for state in WANTED]
        query = (
            select(ApprovalRow, CallRow)
            .outerjoin(CallRow, CallRow.id == ApprovalRow.call_id)
            .where(
                ApprovalRow.owner.in_(sorted(owners)),
                or_(ApprovalRow.state.in_(states), ApprovalRow.id.in_(sorted(also))),
            )
            .order_by(ApprovalRow.at)
            .limit(MAX_WAITING)
        )
        return tuple(
            _waiting(row, call) for row, call in (await self._session.execute(query)).all()
        )

    async def of_call(self, parked: Parked) -> Waiting:
        call = await self._session.get(CallRow, parked.call_id)
        return _with_call(parked, call)

    async def precedents(
        self, parked: Parked, *, owner: str = HOUSE, limit: int = 5
    ) -> tuple[Precedent, ...]:
        """The last decided ones of the same tool, the newest first."""
        query = (
            select(ApprovalRow)
            .where(
                ApprovalRow.owner == owner,
                ApprovalRow.tool == parked.approval.tool,
                ApprovalRow.id != parked.approval.approval_id,
                ApprovalRow.decided_at.is_not(None),
            )
            .order_by(ApprovalRow.decided_at.desc(), ApprovalRow.id)
            .limit(limit)
        )
        rows = list(await self._session.scalars(query))
        deeds = select(ApprovalDeedRow).where(
            ApprovalDeedRow.approval_id.in_([row.id for row in rows]),
            ApprovalDeedRow.deed.in_([deed.value for deed in _DECISIVE]),
        )
        by: dict[str, list[str]] = {}
        for deed in await self._session.scalars(deeds.order_by(ApprovalDeedRow.revision)):
            if deed.person_id is not None:
                by.setdefault(deed.approval_id, []).append(deed.person_id)
        return tuple(
            Precedent(parked_of(row), row.decided_at, tuple(by.get(row.id, ())))
            for row in rows
            if row.decided_at is not None
        )

    async def closed(self, *, owner: str = HOUSE, limit: int = 8) -> tuple[Waiting, ...]:
        """What was closed last, the newest first."""
        query = (
            select(ApprovalRow, CallRow)
            .outerjoin(CallRow, CallRow.id == ApprovalRow.call_id)
            .where(
                ApprovalRow.owner == owner,
                ApprovalRow.closed_at.is_not(None),
                ApprovalRow.state != ApprovalState.UNKNOWN.value,
            )
            .order_by(ApprovalRow.closed_at.desc(), ApprovalRow.id)
            .limit(limit)
        )
        return tuple(
            _waiting(row, call) for row, call in (await self._session.execute(query)).all()
        )


def _waiting(row: ApprovalRow, call: CallRow | None) -> Waiting:
    return _with_call(parked_of(row), call)


def _with_call(parked: Parked, call: CallRow | None) -> Waiting:
    if call is None:
        return Waiting(parked)
    return Waiting(parked, call.agent, call.caller_number, call.state != CallState.ENDED.value)
