"""Calls whose edge vanished: closed as ``edge_lost`` by whoever notices."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from trunkline.domain.approval import UNDER_WAY, ApprovalState
from trunkline.domain.call import CallState, EndCause
from trunkline.domain.escalation import EscalatesTo, EscalationKind, Urgency
from trunkline.domain.events import EscalationRaised
from trunkline.domain.ids import CallId
from trunkline.storage.announcements import announce_call_ended
from trunkline.storage.approval_rows import ApprovalRow
from trunkline.storage.approvals import Approvals, lock_approvals
from trunkline.storage.engine import database_now
from trunkline.storage.escalations import Escalations
from trunkline.storage.placement_ends import settle_attempt
from trunkline.storage.rows import CallRow
from trunkline.storage.take_overs import TakeOvers
from trunkline.storage.upsert import digest_id

_UNDER_WAY: Final = sorted(state.value for state in UNDER_WAY)
_OVER: Final = [
    state.value for state in (ApprovalState.DONE, ApprovalState.FAILED, ApprovalState.UNKNOWN)
]
"""Somebody granted it, and this became of it."""


async def edges_with_live_calls(session: AsyncSession) -> frozenset[str]:
    query = select(CallRow.edge_id).where(CallRow.state != CallState.ENDED.value).distinct()
    return frozenset(edge for edge in await session.scalars(query) if edge)


async def live_calls_by_edge(session: AsyncSession) -> dict[str, tuple[int, datetime]]:
    """How many calls of each edge are live as far as is stored, and when the oldest began."""
    query = (
        select(CallRow.edge_id, func.count(), func.min(CallRow.started_at))
        .where(CallRow.state != CallState.ENDED.value)
        .group_by(CallRow.edge_id)
    )
    found = (await session.execute(query)).all()
    return {edge: (count, oldest) for edge, count, oldest in found if edge}


async def live_calls_of(
    session: AsyncSession, edges: Collection[str]
) -> tuple[tuple[CallId, datetime], ...]:
    """What the edges had up as far as is stored, each with when it began."""
    query = select(CallRow.id, CallRow.started_at).where(
        CallRow.state != CallState.ENDED.value, CallRow.edge_id.in_(edges)
    )
    return tuple((CallId(call_id), at) for call_id, at in (await session.execute(query)).all())


async def close_calls_of_lost_edges(
    session: AsyncSession, lost: Mapping[str, datetime]
) -> tuple[CallId, ...]:
    """Close what the edges (id → when last heard of) had up; needs a writing session.

    Should an edge have been silent and not dead, its own CallEnded overrides this.
    """
    if not lost:
        return ()
    rows = await _locked(session, CallRow.edge_id.in_(lost))
    return tuple([await _close(session, row, lost[row.edge_id]) for row in rows])


async def close_calls_never_started(session: AsyncSession, before: datetime) -> tuple[CallId, ...]:
    """Close calls of which only stray facts came, the last before ``before``."""
    rows = await _locked(session, CallRow.is_known.is_(False), CallRow.state_at < before)
    return tuple([await _close(session, row, row.state_at) for row in rows])


async def _locked(session: AsyncSession, *which: ColumnElement[bool]) -> Sequence[CallRow]:
    """Live calls, locked after what is asked in them."""
    wanted = (CallRow.state != CallState.ENDED.value, *which)
    await lock_approvals(
        session, calls=list(await session.scalars(select(CallRow.id).where(*wanted)))
    )
    return (await session.scalars(select(CallRow).where(*wanted).with_for_update())).all()


async def _close(session: AsyncSession, row: CallRow, last_heard: datetime) -> CallId:
    ended_at = max(last_heard, row.state_at)
    row.state = CallState.ENDED.value
    row.state_at = row.ended_at = ended_at
    row.end_cause = EndCause.EDGE_LOST.value
    row.end_reason = "its edge was lost"
    if row.answered_at is not None:
        row.duration_ms = max(0, int((ended_at - row.answered_at).total_seconds() * 1000))
    await session.flush()
    await announce_call_ended(session, row.id, ended_at)
    now = await database_now(session)
    await Approvals(session).caller_left(row.id, now)
    await Escalations(session).call_ended(row.id, now)
    await TakeOvers(session).call_ended(row.id, now)
    await settle_attempt(session, row)
    await _have_called_back(session, row, now)
    return CallId(row.id)


async def _have_called_back(session: AsyncSession, row: CallRow, now: datetime) -> None:
    """A person agreed to something, and nobody was left to tell the caller what came of it."""
    untold = select(ApprovalRow).where(
        ApprovalRow.call_id == row.id,
        or_(
            ApprovalRow.state.in_(_UNDER_WAY),
            and_(ApprovalRow.state.in_(_OVER), ApprovalRow.told_revision < ApprovalRow.revision),
        ),
    )
    for approval in (await session.scalars(untold.order_by(ApprovalRow.id))).all():
        raised = EscalationRaised(
            call_id=CallId(row.id),
            at=now,
            at_ms=approval.at_ms,
            escalation_id=digest_id("esc", "call_back", approval.id),
            rule="edge_lost",
            kind=EscalationKind.CALL_BACK.value,
            urgency=Urgency.HIGH.value,
            to=EscalatesTo.SUPERVISOR.value,
            step=approval.step,
            why=f"The call broke off before the caller heard what came of {approval.tool}."
            " Please call them back.",
        )
        await Escalations(session).note(raised, now, outlives_call=True)
