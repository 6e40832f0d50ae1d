"""A granted wish whose call was lost: somebody has to call the person back, and is told so."""

from __future__ import annotations

import orjson
import pytest
from sqlalchemy import select
from tests.unit.storage.facts import CALL, after, ended
from tests.unit.storage.test_approvals import ANNA, OK, act, asked, grant, now

from trunkline.domain.approval import Deed
from trunkline.domain.approval_rules import Act
from trunkline.domain.escalation import EscalationDeed, EscalationState
from trunkline.domain.events import ApprovalHeard
from trunkline.domain.ids import ApprovalId, ToolRunId
from trunkline.storage.approval_views import Parked
from trunkline.storage.approvals import Approvals
from trunkline.storage.background_runs import BackgroundRuns
from trunkline.storage.engine import Sessions
from trunkline.storage.escalations import Escalations, EscalationView
from trunkline.storage.journal import write_facts
from trunkline.storage.lost_edges import close_calls_of_lost_edges
from trunkline.storage.rows import OutboxRow
from trunkline.storage.webhooks import WebhookRepository

__all__ = ["asked"]


async def lose_the_edge(sessions: Sessions) -> tuple[EscalationView, ...]:
    async with sessions.writing() as session:
        await close_calls_of_lost_edges(session, {"edge_one": after(60)})
    async with sessions.reading() as session:
        return await Escalations(session).list()


async def test_who_was_granted_something_is_called_back(asked: Sessions) -> None:
    async with asked.writing() as session:
        await WebhookRepository(session).add(
            "https://example.org/hook", ["escalation.raised"], after(0)
        )
    await act(asked, grant())
    (one,) = await lose_the_edge(asked)
    assert (one.rule, one.kind, one.urgency) == ("edge_lost", "call_back", "high")
    assert one.escalation.state is EscalationState.RAISED
    assert one.caller == "+4930123456"
    assert "pay_bill" in one.why
    assert "240.50" not in one.why
    async with asked.reading() as session:
        (body,) = await session.scalars(select(OutboxRow.body))
    assert orjson.loads(body)["type"] == "escalation.raised"
    assert len(await lose_the_edge(asked)) == 1
    async with asked.writing() as session:
        resolved = await Escalations(session).act(
            one.escalation.escalation_id,
            EscalationDeed.RESOLVE,
            ANNA,
            now(),
            via="dashboard",
            note="called back",
        )
    assert resolved.escalation.state is EscalationState.RESOLVED


async def done(sessions: Sessions) -> Parked:
    """It was granted, and it was made."""
    await act(sessions, grant())
    async with sessions.writing(durable=True) as session:
        (claimed,) = await BackgroundRuns(session).claim(now(1), 5)
        assert await BackgroundRuns(session).end(claimed, OK, now(2))
        await Approvals(session).run_ended(claimed.run_id, OK, now(2))
        return await Approvals(session).get("appr_1")


async def told(sessions: Sessions, known: Parked) -> None:
    fact = ApprovalHeard(
        CALL,
        after(9),
        9000,
        ApprovalId("appr_1"),
        ToolRunId("run_1"),
        known.approval.revision,
        known.approval.state.value,
    )
    await write_facts(sessions, [fact])


async def test_also_when_what_was_granted_had_been_done_by_then(asked: Sessions) -> None:
    await done(asked)
    assert len(await lose_the_edge(asked)) == 1


async def test_also_when_the_caller_knew_no_more_than_that_it_is_granted(asked: Sessions) -> None:
    await told(asked, await act(asked, grant()))
    assert len(await lose_the_edge(asked)) == 1


@pytest.mark.parametrize("deed", [None, Deed.REFUSE])
async def test_nobody_is_called_back_about_what_was_not_granted(
    asked: Sessions, deed: Deed | None
) -> None:
    if deed is not None:
        await act(asked, Act(deed, ANNA, seen_hash="h1", reason="no"))
    assert await lose_the_edge(asked) == ()


async def test_nor_about_what_the_caller_had_been_told(asked: Sessions) -> None:
    await told(asked, await done(asked))
    assert await lose_the_edge(asked) == ()


async def test_an_edge_that_was_only_silent_takes_it_back(asked: Sessions) -> None:
    await act(asked, grant())
    assert len(await lose_the_edge(asked)) == 1
    await write_facts(asked, [ended(CALL, after(90))])
    async with asked.reading() as session:
        assert await Escalations(session).list() == ()
