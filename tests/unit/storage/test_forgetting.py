"""Old calls and deliveries are forgotten whole; what somebody must still see to stays."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import pytest
from sqlalchemy import func, select
from tests.unit.storage.facts import CALL, NOON, after, ended, started, whole_call
from tests.unit.storage.test_approvals import PARKED
from tests.unit.storage.test_callbacks import WISH
from tests.unit.storage.test_escalations import RAISED

from trunkline.domain.events import CallFact
from trunkline.domain.ids import CallId
from trunkline.storage.approval_rows import ApprovalRow
from trunkline.storage.audit import Audit
from trunkline.storage.base import Base
from trunkline.storage.engine import Sessions
from trunkline.storage.forgetting import forget_calls, forget_deliveries, forget_links, old_calls
from trunkline.storage.journal import write_facts
from trunkline.storage.rows import DecisionLinkRow, EscalationRow, OutboxRow, UserRow
from trunkline.storage.users import UserRepository
from trunkline.storage.webhooks import WebhookRepository

LATER: Final = NOON + timedelta(days=31)


async def old(sessions: Sessions) -> list[str]:
    async with sessions.reading() as session:
        return [call.call_id for call in await old_calls(session, LATER, 10)]


async def close(sessions: Sessions, state: str = "refused") -> None:
    async with sessions.writing() as session:
        for row in await session.scalars(select(ApprovalRow)):
            row.state, row.next_due_at = state, None


async def test_a_call_goes_with_everything_that_hangs_on_it(sessions: Sessions) -> None:
    await write_facts(sessions, [*whole_call(), PARKED])
    await close(sessions)
    async with sessions.writing() as session:
        await Audit(session).append("key:one", "approval.refuse", "appr_1", NOON)
    async with sessions.reading() as session:
        deeds = await Audit(session).latest()
    (only,) = await old(sessions)
    async with sessions.writing() as session:
        assert await forget_calls(session, [only]) == 1
    async with sessions.reading() as session:
        for table in Base.metadata.sorted_tables:
            if "call_id" in table.c or table.name in ("calls", "words", "approval_deeds"):
                count = await session.scalar(select(func.count()).select_from(table))
                assert (table.name, count) == (table.name, 0)
        assert await Audit(session).first_broken() is None
        assert await Audit(session).latest() == deeds


@pytest.mark.parametrize(
    "facts",
    [[started()], [started(), PARKED, ended()], [started(), RAISED, ended()],
     [started(), WISH, ended()]],
    ids=["it goes on", "an approval", "an escalation", "a callback"],
)  # fmt: skip
async def test_what_somebody_must_still_see_to_keeps_its_call(
    sessions: Sessions, facts: Sequence[CallFact]
) -> None:
    await write_facts(sessions, facts)
    if PARKED in facts:
        await close(sessions, "unknown")
    async with sessions.writing() as session:
        for row in await session.scalars(select(EscalationRow)):
            row.state = "acknowledged"
    assert await old(sessions) == []


async def test_a_call_that_ended_after_then_stays(sessions: Sessions) -> None:
    young = CallId("call_young")
    await write_facts(sessions, [started(), ended(), started(young), ended(young, at=LATER)])
    assert await old(sessions) == [CALL]


async def test_the_file_is_named_until_it_is_gone(sessions: Sessions) -> None:
    await write_facts(sessions, whole_call())
    await close(sessions)
    async with sessions.reading() as session:
        (call,) = await old_calls(session, LATER, 1)
        assert call.recording is not None
        assert call.recording.endswith(f"{CALL}.wav")
        assert await old_calls(session, LATER, 1, after=CALL) == ()


async def test_only_what_was_delivered_or_given_up_is_forgotten(sessions: Sessions) -> None:
    async with sessions.writing() as session:
        await WebhookRepository(session).add("https://example.org/h", ["call.ended"], NOON)
    await write_facts(
        sessions, [fact for n in range(3) for fact in (started(_id(n)), ended(_id(n)))]
    )
    async with sessions.writing() as session:
        sent, lost, waits = await session.scalars(select(OutboxRow).order_by("id"))
        sent.sent_at = lost.given_up_at = after(60)
        kept = waits.id
    async with sessions.writing() as session:
        assert await forget_deliveries(session, after(60), 10) == 0
        assert await forget_deliveries(session, after(61), 10) == 2
        assert list(await session.scalars(select(OutboxRow.id))) == [kept]


async def test_links_go_once_their_time_is_long_over(sessions: Sessions) -> None:
    await write_facts(sessions, [started(), PARKED])
    async with sessions.writing() as session:
        await UserRepository(session).add("sue", "-", "supervisor", NOON)
        user = await session.scalar(select(UserRow.id))
        session.add(
            DecisionLinkRow(
                id="link_1", approval_id="appr_1", user_id=user, outbox_id="out_1",
                arguments_hash="h", decisions=["grant"], issued_at=NOON, expires_at=after(60),
            )
        )  # fmt: skip
    async with sessions.writing() as session:
        assert await forget_links(session, after(60), 10) == 0
        assert await forget_links(session, after(61), 10) == 1


def _id(number: int) -> CallId:
    return CallId(f"call_{number}")
