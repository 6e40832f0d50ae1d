"""Calls whose edge vanished: closed as ``edge_lost`` by whoever notices."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from trunkline.domain.call import CallState, EndCause
from trunkline.domain.ids import CallId
from trunkline.storage.announcements import announce_call_ended
from trunkline.storage.approvals import Approvals, lock_approvals
from trunkline.storage.engine import database_now
from trunkline.storage.escalations import Escalations
from trunkline.storage.placement_ends import settle_attempt
from trunkline.storage.rows import CallRow
from trunkline.storage.take_overs import TakeOvers


async def edges_with_live_calls(session: AsyncSession) -> frozenset[str]:
    query = select(CallRow.edge_id).where(CallRow.state != CallState.ENDED.value).distinct()
    return frozenset(edge for edge in await session.scalars(query) if edge)


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
    return CallId(row.id)
