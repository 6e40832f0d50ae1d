"""Granted runs that a program outside does itself: begun by it once, ended by it once.

The run is written down with the grant like any other, and held back from the workers for as long
as a program that lives needs to begin it. One that never does, or dies with it, leaves the run to
a worker, which cannot do it and says so: ``failed`` when it never began, ``unknown`` when it had.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from trunkline.domain.approval import OPEN, ApprovalState, Deed
from trunkline.domain.approval_rules import Act
from trunkline.domain.errors import Conflict, NotFound
from trunkline.domain.ids import mint
from trunkline.domain.program_runs import is_programs
from trunkline.storage.approval_rows import ApprovalRow
from trunkline.storage.approval_views import Parked
from trunkline.storage.approvals import Approvals
from trunkline.storage.background_rows import BackgroundRunRow
from trunkline.storage.background_runs import BackgroundRuns, ClaimedRun, RunEnd, claimed_run

VIA = "program"


class ProgramRuns:
    """The rows of one durable, writing transaction."""

    def __init__(self, session: AsyncSession, *, owner: str) -> None:
        self._session = session
        self._owner = owner

    async def begin(self, approval_id: str, now: datetime) -> ClaimedRun:
        """The one claim of a granted run. Conflict when it is not granted, or was begun before."""
        asked = await self._asked(approval_id)
        run = await self._run(asked)
        if run is None or asked.state != ApprovalState.GRANTED.value:
            raise Conflict(f"it is {asked.state}, and not granted", code="not_granted")
        if run.begun_at is not None or run.ended_at is not None:
            raise Conflict("it was begun before", code="already_begun")
        run.lease, run.begun_at = mint("lease"), now
        run.leased_until = now + timedelta(milliseconds=run.lease_ms)
        run.attempts += 1
        await self._session.flush()
        await Approvals(self._session).run_begun(run.id, now)
        return claimed_run(run, run.lease, was_begun=False)

    async def end(self, approval_id: str, lease: str, end: RunEnd, now: datetime) -> Parked:
        """What became of it. Conflict when the lease has run out or was never given."""
        asked = await self._asked(approval_id)
        run = await self._run(asked)
        if run is None or run.lease != lease or run.leased_until is None or run.leased_until < now:
            raise Conflict("the lease is not, or no longer, in force", code="lease_lost")
        claimed = claimed_run(run, lease, was_begun=True)
        await BackgroundRuns(self._session).end(claimed, end, now)
        approvals = Approvals(self._session)
        await approvals.run_ended(run.id, end, now)
        return await approvals.get(approval_id, owner=self._owner)

    async def withdraw(self, approval_id: str, now: datetime) -> Parked:
        """It is not wanted any more; what was decided stays as it is."""
        asked = await self._asked(approval_id)
        approvals = Approvals(self._session)
        if ApprovalState(asked.state) in OPEN:
            act = Act(Deed.ABANDON, reason="the program does not want it any more")
            return await approvals.act(approval_id, act, now, via=VIA, owner=self._owner)
        return await approvals.get(approval_id, owner=self._owner)

    async def _asked(self, approval_id: str) -> ApprovalRow:
        query = (
            select(ApprovalRow)
            .where(ApprovalRow.id == approval_id, ApprovalRow.owner == self._owner)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        row: ApprovalRow | None = await self._session.scalar(query)
        if row is None or not is_programs(row.slip):
            raise NotFound("no program asked for such an approval", code="approval_not_found")
        return row

    async def _run(self, asked: ApprovalRow) -> BackgroundRunRow | None:
        return await self._session.get(
            BackgroundRunRow, asked.run_id, with_for_update=True, populate_existing=True
        )
