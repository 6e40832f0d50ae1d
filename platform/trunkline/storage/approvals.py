"""Approvals in the database: asked once, changed one deed at a time, executed once.

Every change reads the row under the transaction's lock, lets ``domain.approval_rules`` decide, and
stores the next revision with its deed in the audit chain. A grant writes the run down in the same
transaction (``background_runs``), under the approval's own id as its idempotency key: there is no
run without a grant, and no second one.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from trunkline.domain.approval import (
    CLOSED,
    OPEN,
    UNDER_WAY,
    Approval,
    ApprovalState,
    Deed,
    binding_hash,
)
from trunkline.domain.approval_json import read_policy, write_policy
from trunkline.domain.approval_rules import Act, decide, due, next_due_at, when_caller_left
from trunkline.domain.call import CallState
from trunkline.domain.errors import NotFound
from trunkline.domain.events import ApprovalParked, ToolQueued
from trunkline.domain.house_rules import HouseRules, tighten, tightened
from trunkline.domain.ids import CallId, ToolRunId
from trunkline.domain.program_runs import BEGINS_WITHIN, NOBODY_TO_TELL, is_programs
from trunkline.storage.announcements import announce_approval
from trunkline.storage.approval_notices import NOTICE_OF, Notice, tell_deciders
from trunkline.storage.approval_rows import ApprovalDeedRow, ApprovalRow
from trunkline.storage.approval_values import (
    announced,
    approval_of,
    deed_of,
    parked_of,
    past_deed,
    store,
)
from trunkline.storage.approval_views import Parked, PastDeed, UntoldApproval
from trunkline.storage.audit import Audit
from trunkline.storage.background_runs import RunEnd, queue_run
from trunkline.storage.house_rules import HouseRulesStore
from trunkline.storage.rows import CallRow, ToolRunRow
from trunkline.storage.upsert import clean_json, clean_text, insert_new
from trunkline.storage.views import HOUSE

RUN_WITHIN: Final = timedelta(minutes=10)
"""A granted run that could not be begun for so long is not run any more."""
SEND_AGAIN: Final = timedelta(seconds=2)
_DECIDED: Final = "approval.decided"
_SILENT: Final = frozenset({Deed.REMIND, Deed.CLAIM, Deed.RELEASE, Deed.LAPSE})
"""Deeds that the caller's side has no use for."""


async def lock_approvals(
    session: AsyncSession,
    *,
    ids: Collection[str] = (),
    calls: Collection[str] = (),
    runs: Collection[str] = (),
) -> None:
    """Before anything else is locked in a transaction that changes more than one row.

    Approvals by their ids, then runs and calls, and the audit chain last: whoever took them in the
    order of what they had to say waited for somebody who did too (deadlock detected).
    """
    wanted = or_(
        ApprovalRow.id.in_(ids), ApprovalRow.call_id.in_(calls), ApprovalRow.run_id.in_(runs)
    )
    if (ids or calls or runs) and session.get_bind().dialect.name == "postgresql":
        query = select(ApprovalRow.id).where(wanted).order_by(ApprovalRow.id).with_for_update()
        await session.execute(query)


async def park(session: AsyncSession, fact: ApprovalParked, now: datetime) -> None:
    """Once; a fact that is written again changes nothing. ``now``: the database's clock."""
    call = await session.get(CallRow, fact.call_id)
    owner = call.owner if call else HOUSE
    wanted = read_policy(fact.policy)
    rules = (await HouseRulesStore(session, owner=owner).current()).rules
    policy = tighten(wanted, rules, now)
    seen_hash = fact.arguments_hash
    if policy != wanted:
        seen_hash = binding_hash(fact.tool, fact.arguments, fact.flow_version, write_policy(policy))
    asked = Approval(
        approval_id=fact.approval_id,
        tool=fact.tool,
        arguments=fact.arguments,
        arguments_hash=seen_hash,
        policy=policy,
        asked_at=now,
        level_since=now,
    )
    values = {
        "id": fact.approval_id,
        "call_id": fact.call_id,
        "run_id": fact.run_id,
        "owner": owner,
        "at": fact.at,
        "at_ms": fact.at_ms,
        "tool": clean_text(fact.tool),
        "question": clean_text(fact.question),
        "arguments": clean_json(fact.arguments),
        "arguments_hash": seen_hash,
        "asked_arguments": clean_json(fact.arguments),
        "flow_version": fact.flow_version,
        "step": clean_text(fact.step),
        "is_verified": fact.is_verified,
        "policy": write_policy(policy),
        "slip": clean_json(fact.slip),
        "variables": clean_json(fact.variables),
        "worst_case_ms": fact.worst_case_ms,
        "may_repeat": fact.may_repeat,
        "state": asked.state.value,
        "asked_at": now,
        "level": 0,
        "level_since": now,
        "grants": [],
        "editors": [],
        "reason": "",
        "next_due_at": next_due_at(asked),
        "revision": 0,
        "told_revision": NOBODY_TO_TELL if is_programs(fact.slip) else 0,
    }
    if await insert_new(session, ApprovalRow, values, key=["id"]):
        row = await session.get_one(ApprovalRow, fact.approval_id)
        await tell_deciders(session, row, asked, Notice.ASKED, now)
        if call is not None and call.state == CallState.ENDED.value:
            await Approvals(session).caller_left(fact.call_id, now)


class Approvals:
    """The rows of one transaction. Changing anything needs a writing, durable one."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, approval_id: str, *, owner: str = HOUSE) -> Parked:
        """As the house's rules are now. NotFound when ``owner`` has no such approval."""
        parked = parked_of(await self._row(approval_id, owner=owner))
        return replace(parked, approval=tightened(parked.approval, await self._rules(owner)))

    async def list(
        self,
        *,
        states: Collection[ApprovalState] = (),
        call_id: str | None = None,
        owner: str = HOUSE,
        limit: int = 100,
    ) -> tuple[Parked, ...]:
        """What is asked most urgently first (the next deadline), then what was closed last."""
        query = select(ApprovalRow).where(ApprovalRow.owner == owner)
        if states:
            query = query.where(ApprovalRow.state.in_([state.value for state in states]))
        if call_id is not None:
            query = query.where(ApprovalRow.call_id == call_id)
        query = query.order_by(
            ApprovalRow.closed_at.is_not(None),
            ApprovalRow.next_due_at.is_(None),
            ApprovalRow.level_since,
            ApprovalRow.asked_at.desc(),
            ApprovalRow.id,
        ).limit(limit)
        return tuple(parked_of(row) for row in await self._session.scalars(query))

    async def deeds(self, approval_id: str) -> tuple[PastDeed, ...]:
        query = (
            select(ApprovalDeedRow)
            .where(ApprovalDeedRow.approval_id == approval_id)
            .order_by(ApprovalDeedRow.revision)
        )
        return tuple(map(past_deed, await self._session.scalars(query)))

    async def act(
        self, approval_id: str, act: Act, now: datetime, *, via: str, owner: str = HOUSE
    ) -> Parked:
        """The approval after the act; the errors of ``decide``, and NotFound."""
        row = await self._row(approval_id, owner=owner, is_locked=True)
        return await self._apply(row, act, now, via)

    async def has_due(self, now: datetime) -> bool:
        """Whether a sweep would find anything; asked without a lock."""
        query = select(ApprovalRow.id).where(
            ApprovalRow.next_due_at.is_not(None), ApprovalRow.next_due_at <= now
        )
        return await self._session.scalar(query.limit(1)) is not None

    async def has_untold(self) -> bool:
        query = (
            select(ApprovalRow.id)
            .join(CallRow, CallRow.id == ApprovalRow.call_id)
            .where(
                ApprovalRow.told_revision < ApprovalRow.revision,
                CallRow.state != CallState.ENDED.value,
            )
        )
        return await self._session.scalar(query.limit(1)) is not None

    async def sweep(self, now: datetime, limit: int = 100) -> int:
        """What the clock owes: reminders, lapsed claims, escalations, expiries. How many."""
        query = (
            select(ApprovalRow)
            .where(ApprovalRow.next_due_at.is_not(None), ApprovalRow.next_due_at <= now)
            .order_by(ApprovalRow.next_due_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        done = 0
        for row in (await self._session.scalars(query)).all():
            while (act := due(approval_of(row), now)) is not None:
                await self._apply(row, act, now, "clock")
                done += 1
            row.next_due_at = next_due_at(approval_of(row))
        await self._session.flush()
        return done

    async def caller_left(self, call_id: str, now: datetime) -> int:
        """The call has ended: what nobody decided is abandoned where its policy says so."""
        query = (
            select(ApprovalRow)
            .where(ApprovalRow.call_id == call_id, ApprovalRow.next_due_at.is_not(None))
            .with_for_update()
        )
        left = 0
        for row in (await self._session.scalars(query)).all():
            act = when_caller_left(approval_of(row))
            if act is not None:
                await self._apply(row, act, now, "call")
                left += 1
        return left

    async def withdraw(self, approval_id: str, now: datetime) -> None:
        """The caller takes it back; what somebody has decided before that stays as it is."""
        row = await self._session.get(ApprovalRow, approval_id, with_for_update=True)
        if row is not None and ApprovalState(row.state) in OPEN:
            act = Act(Deed.ABANDON, reason="the caller wanted something else")
            await self._apply(row, act, now, "call")
        elif row is not None:
            row.sent_at = None  # the caller waits for word of it: at once, if it is not known

    async def run_begun(self, run_id: str, now: datetime) -> None:
        """A worker has claimed the run; a second claim of the same run changes nothing."""
        row = await self._of_run(run_id)
        if row is not None and row.state == ApprovalState.GRANTED.value:
            await self._apply(row, Act(Deed.BEGIN), now, "worker")

    async def run_ended(self, run_id: str, end: RunEnd, now: datetime) -> None:
        """What became of the run, in the transaction that notes its end."""
        row = await self._of_run(run_id)
        if row is None or ApprovalState(row.state) not in UNDER_WAY:
            return
        if row.state == ApprovalState.GRANTED.value:
            await self._apply(row, Act(Deed.BEGIN), now, "worker")
        await self._apply(row, Act(deed_of(end), result=end.result), now, "worker")

    async def untold(self, now: datetime, limit: int = 50) -> Sequence[UntoldApproval]:
        """News that live calls have not said they know; noted as sent."""
        query = (
            select(ApprovalRow, CallRow.edge_id)
            .join(CallRow, CallRow.id == ApprovalRow.call_id)
            .where(
                ApprovalRow.told_revision < ApprovalRow.revision,
                CallRow.state != CallState.ENDED.value,
                or_(ApprovalRow.sent_at.is_(None), ApprovalRow.sent_at <= now - SEND_AGAIN),
            )
            .order_by(ApprovalRow.asked_at)
            .limit(limit)
            .with_for_update(skip_locked=True, of=ApprovalRow)
        )
        found = []
        for row, edge_id in (await self._session.execute(query)).all():
            row.sent_at = now
            found.append(
                UntoldApproval(
                    approval_of(row), CallId(row.call_id), ToolRunId(row.run_id), edge_id
                )
            )
        await self._session.flush()
        return found

    async def note_told(self, approval_id: str, revision: int) -> None:
        """The call knows the approval as it was at ``revision``."""
        row = await self._session.get(ApprovalRow, approval_id, with_for_update=True)
        if row is not None and row.told_revision < revision <= row.revision:
            row.told_revision = revision
            await self._session.flush()

    # ---- one change ----------------------------------------------------------------------------

    async def _row(self, approval_id: str, *, owner: str, is_locked: bool = False) -> ApprovalRow:
        query = select(ApprovalRow).where(ApprovalRow.id == approval_id, ApprovalRow.owner == owner)
        if is_locked:
            query = query.with_for_update().execution_options(populate_existing=True)
        row = await self._session.scalar(query)
        if row is None:
            raise NotFound("there is no such approval", code="approval_not_found")
        return row

    async def _rules(self, owner: str) -> HouseRules:
        return (await HouseRulesStore(self._session, owner=owner).current()).rules

    async def _of_run(self, run_id: str) -> ApprovalRow | None:
        query = select(ApprovalRow).where(ApprovalRow.run_id == run_id).with_for_update()
        row: ApprovalRow | None = await self._session.scalar(query)
        return row

    async def _apply(self, row: ApprovalRow, act: Act, now: datetime, via: str) -> Parked:
        before = approval_of(row)
        if act.person is not None:
            before = tightened(before, await self._rules(row.owner))
        after = decide(before, act, now)
        store(row, after)
        # Silent changes need not be told; what was told before stays told.
        if act.deed in _SILENT and row.told_revision == before.revision:
            row.told_revision = after.revision
        else:
            row.sent_at = None
        person = act.person
        self._session.add(
            ApprovalDeedRow(
                owner=row.owner,
                approval_id=row.id,
                revision=after.revision,
                at=now,
                deed=act.deed.value,
                state=after.state.value,
                person_id=person.person_id if person else None,
                role=person.role.name.lower() if person else None,
                via=via,
                arguments_hash=after.arguments_hash,
                arguments=clean_json(act.arguments) if act.arguments is not None else None,
                reason=clean_text(act.reason),
            )
        )
        if act.deed is not Deed.REMIND:
            await Audit(self._session, owner=row.owner).append(
                person.person_id if person else via,
                f"approval.{act.deed}",
                row.id,
                now,
                {"state": after.state.value, "hash": after.arguments_hash, "via": via},
            )
        if after.state is ApprovalState.GRANTED:
            await self._write_run(row, after, now)
        await self._session.flush()
        if before.state in OPEN and after.state not in OPEN or after.state in CLOSED:
            await announce_approval(self._session, _DECIDED, row.call_id, announced(after), now)
        is_again = act.deed is Deed.REMIND and before.reminded_at is not None
        if act.deed in NOTICE_OF and not is_again:
            await tell_deciders(self._session, row, after, NOTICE_OF[act.deed], now)
        return parked_of(row)

    async def _write_run(self, row: ApprovalRow, granted: Approval, now: datetime) -> None:
        ran = await self._session.get(ToolRunRow, row.run_id)
        if ran is not None:
            ran.arguments, ran.is_background = dict(granted.arguments), True
        await queue_run(
            self._session,
            ToolQueued(
                call_id=CallId(row.call_id),
                at=now,
                at_ms=row.at_ms,
                run_id=ToolRunId(row.run_id),
                tool=row.tool,
                arguments=granted.arguments,
                idempotency_key=row.id,
                slip=row.slip,
                variables=row.variables,
                may_repeat=row.may_repeat,
                worst_case_ms=row.worst_case_ms,
                within_ms=RUN_WITHIN // timedelta(milliseconds=1),
            ),
            held_back=BEGINS_WITHIN if is_programs(row.slip) else None,
        )
