"""Tool runs in the background: written down, claimed with a lease, ended once, told.

A lease, not a lock: what a dead worker had claimed comes back when the lease runs out. Whether it
may be run again then depends on the service: one that knows our key has the effect once however
often it is asked; any other is not asked again, and what became of it is ``unknown``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from trunkline.domain.call import CallState
from trunkline.domain.events import Json, ToolOutcome, ToolQueued
from trunkline.domain.ids import CallId, ToolRunId, mint
from trunkline.storage.announcements import announce_tool_finished
from trunkline.storage.background_rows import BackgroundRunRow
from trunkline.storage.rows import CallRow, ToolRunRow
from trunkline.storage.upsert import clean_json, clean_text, insert_new

LEASE_MARGIN: Final = timedelta(seconds=30)
SEND_AGAIN: Final = timedelta(seconds=5)
"""A call that has not said it has its result is told again after this."""


@dataclass(frozen=True, slots=True)
class ClaimedRun:
    """A run that is ours until its lease ends; ``attempt`` counts from one.

    ``was_begun``: an earlier claim began it and never said how it ended.
    """

    run_id: ToolRunId
    call_id: CallId
    lease: str
    tool: str
    arguments: Mapping[str, Json]
    slip: Mapping[str, Json]
    variables: Mapping[str, Json]
    idempotency_key: str
    may_repeat: bool
    attempt: int
    expires_at: datetime
    was_begun: bool


@dataclass(frozen=True, slots=True)
class RunEnd:
    """``result`` as in ToolRan."""

    outcome: ToolOutcome
    result: Json
    duration_ms: int = 0
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class UntoldRun:
    """An ended run whose call lives, at the edge that carries it."""

    run_id: ToolRunId
    call_id: CallId
    edge_id: str
    end: RunEnd


async def queue_run(
    session: AsyncSession, fact: ToolQueued, *, held_back: timedelta | None = None
) -> None:
    """Once; a fact that is written again changes nothing.

    ``held_back``: for so long it is a program's to begin, whose call hears of it from the program.
    """
    values = {
        "id": fact.run_id,
        "call_id": fact.call_id,
        "tool": clean_text(fact.tool),
        "arguments": clean_json(fact.arguments),
        "slip": clean_json(fact.slip),
        "variables": clean_json(fact.variables),
        "idempotency_key": clean_text(fact.idempotency_key),
        "may_repeat": fact.may_repeat,
        "lease_ms": fact.worst_case_ms + round(LEASE_MARGIN.total_seconds() * 1000),
        "at": fact.at,
        "due_at": fact.at + (held_back or timedelta()),
        "told_at": None if held_back is None else fact.at,
        "expires_at": fact.at + timedelta(milliseconds=fact.within_ms),
        "attempts": 0,
    }
    await insert_new(session, BackgroundRunRow, values, key=["id"])


async def note_told(session: AsyncSession, run_id: str, at: datetime) -> None:
    """The call has taken the result."""
    await session.execute(
        update(BackgroundRunRow)
        .where(BackgroundRunRow.id == run_id, BackgroundRunRow.told_at.is_(None))
        .values(told_at=at)
    )


class BackgroundRuns:
    """The rows of one transaction; on SQLite that must be a writing one."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def has_due(self, now: datetime) -> bool:
        """Whether a claim would find anything; asked without a lock."""
        query = select(BackgroundRunRow.id).where(
            BackgroundRunRow.ended_at.is_(None),
            BackgroundRunRow.due_at <= now,
            or_(BackgroundRunRow.leased_until.is_(None), BackgroundRunRow.leased_until < now),
        )
        return await self._session.scalar(query.limit(1)) is not None

    async def has_untold(self) -> bool:
        query = select(BackgroundRunRow.id).where(
            BackgroundRunRow.ended_at.is_not(None), BackgroundRunRow.told_at.is_(None)
        )
        return await self._session.scalar(query.limit(1)) is not None

    async def claim(
        self, now: datetime, most_at_once: int, *, holder: str = "lease"
    ) -> list[ClaimedRun]:
        """Due runs that nobody holds, so many that ``holder`` holds ``most_at_once`` altogether.

        ``holder`` is one worker: what another held when it died takes nobody's place. What is
        written here says that they have begun: it must be on the disk before they do.
        """
        held = await self._session.scalar(
            select(func.count())
            .select_from(BackgroundRunRow)
            .where(
                BackgroundRunRow.ended_at.is_(None),
                BackgroundRunRow.leased_until >= now,
                BackgroundRunRow.lease.startswith(f"{holder}_", autoescape=True),
            )
        )
        room = most_at_once - int(held or 0)
        if room <= 0:
            return []
        query = (
            select(BackgroundRunRow)
            .where(
                BackgroundRunRow.ended_at.is_(None),
                BackgroundRunRow.due_at <= now,
                or_(BackgroundRunRow.leased_until.is_(None), BackgroundRunRow.leased_until < now),
            )
            .order_by(BackgroundRunRow.due_at, BackgroundRunRow.id)
            .limit(room)
            .with_for_update(skip_locked=True)
        )
        claimed = []
        for row in await self._session.scalars(query):
            was_begun = row.begun_at is not None
            row.lease, row.begun_at = mint(holder), now
            row.leased_until = now + timedelta(milliseconds=row.lease_ms)
            row.attempts += 1
            claimed.append(claimed_run(row, row.lease, was_begun=was_begun))
        await self._session.flush()
        return claimed

    async def end(self, run: ClaimedRun, end: RunEnd, now: datetime) -> bool:
        """The run is over; False when the lease had passed to another claim meanwhile."""
        done: Any = await self._session.execute(
            update(BackgroundRunRow)
            .where(
                BackgroundRunRow.id == run.run_id,
                BackgroundRunRow.lease == run.lease,
                BackgroundRunRow.ended_at.is_(None),
            )
            .values(lease=None, leased_until=None, begun_at=None, ended_at=now)
        )
        if not done.rowcount:
            return False
        # The edge that noted the beginning may have a clock that is ahead of ours.
        row = await self._session.get(ToolRunRow, run.run_id)
        if row is not None:
            row.at = max(now, row.at)
            row.outcome, row.result = end.outcome.value, clean_json(end.result)
            row.duration_ms, row.attempts = end.duration_ms, end.attempts
        else:
            await self._note_lost_start(run, end, now)
        return True

    async def _note_lost_start(self, run: ClaimedRun, end: RunEnd, now: datetime) -> None:
        """The fact of its beginning is still on its way, or was lost with its edge."""
        row = ToolRunRow(
            id=run.run_id,
            call_id=run.call_id,
            at=now,
            at_ms=0,
            tool=run.tool,
            arguments=dict(run.arguments),
            outcome=end.outcome.value,
            result=clean_json(end.result),
            duration_ms=end.duration_ms,
            attempts=end.attempts,
            step="",
            is_background=True,
        )
        self._session.add(row)
        await self._session.flush()

    async def retry(self, run: ClaimedRun, due_at: datetime) -> bool:
        """It failed in a way that passes, and the service will know a repetition."""
        done: Any = await self._session.execute(
            update(BackgroundRunRow)
            .where(BackgroundRunRow.id == run.run_id, BackgroundRunRow.lease == run.lease)
            .values(lease=None, leased_until=None, begun_at=None, due_at=due_at)
        )
        return bool(done.rowcount)

    async def untold(self, now: datetime, limit: int = 50) -> list[UntoldRun]:
        """Ended runs whose calls live and have not said that they know; noted as sent."""
        query = (
            select(BackgroundRunRow, CallRow.edge_id, ToolRunRow)
            .join(CallRow, CallRow.id == BackgroundRunRow.call_id)
            .join(ToolRunRow, ToolRunRow.id == BackgroundRunRow.id)
            .where(
                BackgroundRunRow.ended_at.is_not(None),
                BackgroundRunRow.told_at.is_(None),
                CallRow.state != CallState.ENDED.value,
                or_(
                    BackgroundRunRow.sent_at.is_(None),
                    BackgroundRunRow.sent_at <= now - SEND_AGAIN,
                ),
            )
            .order_by(BackgroundRunRow.ended_at)
            .limit(limit)
            .with_for_update(skip_locked=True, of=BackgroundRunRow)
        )
        found = []
        for row, edge_id, ran in await self._session.execute(query):
            row.sent_at = now
            end = RunEnd(ToolOutcome(ran.outcome), ran.result, ran.duration_ms, ran.attempts)
            found.append(UntoldRun(ToolRunId(row.id), CallId(row.call_id), edge_id, end))
        await self._session.flush()
        return found

    async def close_missed(self, now: datetime, limit: int = 50) -> Sequence[str]:
        """Results that came too late for their calls: kept, and told to webhooks, once."""
        query = (
            select(BackgroundRunRow, ToolRunRow)
            .join(CallRow, CallRow.id == BackgroundRunRow.call_id)
            .join(ToolRunRow, ToolRunRow.id == BackgroundRunRow.id)
            .where(
                BackgroundRunRow.ended_at.is_not(None),
                BackgroundRunRow.told_at.is_(None),
                CallRow.state == CallState.ENDED.value,
            )
            .order_by(BackgroundRunRow.ended_at)
            .limit(limit)
            .with_for_update(skip_locked=True, of=BackgroundRunRow)
        )
        closed = []
        for row, ran in (await self._session.execute(query)).all():
            row.told_at = now
            said = {
                "run_id": row.id,
                "tool": row.tool,
                "outcome": ran.outcome,
                "result": ran.result,
                "duration_ms": ran.duration_ms,
            }
            await announce_tool_finished(self._session, row.call_id, said, now)
            closed.append(row.id)
        await self._session.flush()
        return closed


def claimed_run(row: BackgroundRunRow, lease: str, *, was_begun: bool) -> ClaimedRun:
    return ClaimedRun(
        run_id=ToolRunId(row.id),
        call_id=CallId(row.call_id),
        lease=lease,
        tool=row.tool,
        arguments=row.arguments,
        slip=row.slip,
        variables=row.variables,
        idempotency_key=row.idempotency_key,
        may_repeat=row.may_repeat,
        attempt=row.attempts,
        expires_at=row.expires_at,
        was_begun=was_begun,
    )
