"""What a call says of its question, as it is stored: asked, heard, taken back; and each deed's link
in the audit chain."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from tests.unit.storage.facts import CALL, after, ended, started
from tests.unit.storage.test_approvals import ANNA, OK, PARKED, act, grant, now, runs, state
from tests.unit.storage.test_approvals import asked as asked

from trunkline.domain.approval import ApprovalState, Deed
from trunkline.domain.approval_rules import Act
from trunkline.domain.errors import Conflict
from trunkline.domain.events import ApprovalHeard, ApprovalWithdrawn
from trunkline.storage.approval_rows import ApprovalDeedRow, ApprovalRow
from trunkline.storage.approvals import Approvals
from trunkline.storage.audit import Audit
from trunkline.storage.engine import Sessions
from trunkline.storage.journal import write_facts

WITHDRAWN = ApprovalWithdrawn(
    call_id=CALL, at=after(9), at_ms=8800, approval_id=PARKED.approval_id, run_id=PARKED.run_id
)


def heard(revision: int, was: str = "granted") -> ApprovalHeard:
    return ApprovalHeard(
        call_id=CALL,
        at=after(10),
        at_ms=9800,
        approval_id=PARKED.approval_id,
        run_id=PARKED.run_id,
        revision=revision,
        state=was,
    )


async def told_revision(sessions: Sessions) -> int:
    async with sessions.reading() as session:
        return (await session.get_one(ApprovalRow, "appr_1")).told_revision


async def is_untold(sessions: Sessions) -> bool:
    async with sessions.reading() as session:
        return await Approvals(session).has_untold()


async def test_what_the_caller_takes_back_is_abandoned_and_never_run(asked: Sessions) -> None:
    await write_facts(asked, [WITHDRAWN])
    assert await state(asked) is ApprovalState.ABANDONED
    with pytest.raises(Conflict):
        await act(asked, grant())
    assert await runs(asked) == []


async def test_taking_back_twice_is_taking_back_once(asked: Sessions) -> None:
    await write_facts(asked, [WITHDRAWN])
    await write_facts(asked, [WITHDRAWN, WITHDRAWN])
    async with asked.reading() as session:
        deeds = list(await session.scalars(select(ApprovalDeedRow.deed)))
    assert deeds == ["abandon"]


async def test_what_was_granted_first_is_not_taken_back_and_told_again_at_once(
    asked: Sessions,
) -> None:
    await act(asked, grant())
    async with asked.writing() as session:
        assert await Approvals(session).untold(now())
        assert not await Approvals(session).untold(now(1)), "sent a moment ago"
    await write_facts(asked, [WITHDRAWN])
    assert await state(asked) is ApprovalState.GRANTED
    async with asked.writing() as session:
        (news,) = await Approvals(session).untold(now(1))
    assert news.approval.state is ApprovalState.GRANTED
    assert len(await runs(asked)) == 1


async def test_a_question_and_its_withdrawal_may_come_in_one_spool(sessions: Sessions) -> None:
    await write_facts(sessions, [started(), PARKED, WITHDRAWN, ended()])
    assert await state(sessions) is ApprovalState.ABANDONED


async def test_what_nobody_asked_can_be_neither_heard_nor_taken_back(sessions: Sessions) -> None:
    await write_facts(sessions, [started(), WITHDRAWN, heard(1)])
    async with sessions.reading() as session:
        assert list(await session.scalars(select(ApprovalRow))) == []


async def test_what_was_heard_counts_up_only_and_not_beyond_what_there_is(asked: Sessions) -> None:
    await act(asked, grant())
    assert await is_untold(asked)
    await write_facts(asked, [heard(7)])
    assert await told_revision(asked) == 0, "there is no such revision"
    await write_facts(asked, [heard(1)])
    assert not await is_untold(asked)
    async with asked.writing(durable=True) as session:
        await Approvals(session).run_ended(PARKED.run_id, OK, now(2))
    assert await is_untold(asked)
    await write_facts(asked, [heard(1), heard(3, "done"), heard(1)])
    assert await told_revision(asked) == 3
    assert not await is_untold(asked)


async def test_each_deed_but_a_reminder_is_a_link_of_the_audit_chain(asked: Sessions) -> None:
    await act(asked, Act(Deed.CLAIM, ANNA))
    await act(asked, Act(Deed.RELEASE, ANNA))
    edited = {"account": "44172908", "amount": "200.00"}
    await act(asked, Act(Deed.EDIT, ANNA, "h1", edited, "h2"))
    async with asked.writing(durable=True) as session:
        assert await Approvals(session).sweep(now(31)) == 1  # a reminder
    await write_facts(asked, [heard(3, "edited")])
    await write_facts(asked, [WITHDRAWN])
    async with asked.reading() as session:
        links = [link for link in await Audit(session).latest() if link.subject == "appr_1"]
        assert await Audit(session).first_broken() is None
    told = [(link.action, link.actor, link.details["hash"]) for link in reversed(links)]
    assert told == [
        ("approval.claim", "anna", "h1"),
        ("approval.release", "anna", "h1"),
        ("approval.edit", "anna", "h2"),
        ("approval.abandon", "call", "h2"),
    ]
