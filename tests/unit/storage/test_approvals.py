"""Approvals in the database: asked once, decided by one, executed once, told until known."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

import orjson
import pytest
from sqlalchemy import select
from tests.unit.storage.facts import CALL, after, ended, started

from trunkline.domain.approval import ApprovalPolicy, ApprovalState, Deed, Person, Role
from trunkline.domain.approval_json import read_policy, write_policy
from trunkline.domain.approval_rules import Act
from trunkline.domain.errors import CallerError, Conflict, Invalid, NotFound
from trunkline.domain.events import ApprovalParked, Json, ToolOutcome
from trunkline.domain.ids import ApprovalId, ToolRunId
from trunkline.storage.approval_rows import ApprovalDeedRow
from trunkline.storage.approval_values import deed_of
from trunkline.storage.approval_views import Parked
from trunkline.storage.approvals import Approvals
from trunkline.storage.audit import Audit
from trunkline.storage.background_rows import BackgroundRunRow
from trunkline.storage.background_runs import BackgroundRuns, RunEnd
from trunkline.storage.engine import Sessions
from trunkline.storage.journal import write_facts
from trunkline.storage.rows import OutboxRow
from trunkline.storage.webhooks import WebhookRepository

ANNA, BERT = Person("anna", Role.SUPERVISOR), Person("bert", Role.SUPERVISOR)
POLICY: Final = ApprovalPolicy(editable=frozenset({"amount"}), amount_field="amount")
PARKED: Final = ApprovalParked(
    call_id=CALL,
    at=after(5),
    at_ms=4800,
    approval_id=ApprovalId("appr_1"),
    run_id=ToolRunId("run_1"),
    tool="pay_bill",
    arguments={"account": "44172908", "amount": "240.50"},
    arguments_hash="h1",
    flow_version="f1",
    question="Pay 240.50 on account 44172908?",
    policy=write_policy(POLICY),
    may_repeat=True,
    worst_case_ms=5000,
)
OK: Final = RunEnd(ToolOutcome.OK, {"receipt": "r7"}, 40, 1)


def now(seconds: float = 0) -> datetime:
    """The database's clock is the real one here: far enough from any deadline."""
    return datetime.now(UTC) + timedelta(seconds=seconds)


def grant(person: Person = ANNA, seen: str = "h1") -> Act:
    return Act(Deed.GRANT, person, seen_hash=seen)


async def act(sessions: Sessions, one: Act, *, at: datetime | None = None) -> Parked:
    async with sessions.writing(durable=True) as session:
        return await Approvals(session).act("appr_1", one, at or now(), via="api")


async def state(sessions: Sessions) -> ApprovalState:
    async with sessions.reading() as session:
        return (await Approvals(session).get("appr_1")).approval.state


async def runs(sessions: Sessions) -> list[BackgroundRunRow]:
    async with sessions.reading() as session:
        return list(await session.scalars(select(BackgroundRunRow)))


@pytest.fixture
async def asked(sessions: Sessions) -> Sessions:
    await write_facts(sessions, [started(), PARKED])
    await write_facts(sessions, [PARKED])
    return sessions


async def test_a_grant_writes_one_run_down_under_the_approvals_own_id(asked: Sessions) -> None:
    assert not await runs(asked)
    await act(asked, grant())
    with pytest.raises(Conflict):
        await act(asked, grant())
    (run,) = await runs(asked)
    assert (run.id, run.idempotency_key, run.arguments) == ("run_1", "appr_1", PARKED.arguments)


async def test_a_run_is_begun_and_ended_with_its_approval(asked: Sessions) -> None:
    await act(asked, grant())
    async with asked.writing(durable=True) as session:
        (claimed,) = await BackgroundRuns(session).claim(now(1), 5)
        await Approvals(session).run_begun(claimed.run_id, now(1))
    assert await state(asked) is ApprovalState.EXECUTING
    async with asked.writing(durable=True) as session:
        assert await BackgroundRuns(session).end(claimed, OK, now(2))
        await Approvals(session).run_ended(claimed.run_id, OK, now(2))
    async with asked.reading() as session:
        done = (await Approvals(session).get("appr_1")).approval
        deeds = list(await session.scalars(select(ApprovalDeedRow.deed).order_by("revision")))
        chain = await Audit(session).latest()
    assert (done.state, done.result) == (ApprovalState.DONE, {"receipt": "r7"})
    assert deeds == ["grant", "begin", "finish"]
    assert {link.action for link in chain} == {
        "approval.grant",
        "approval.begin",
        "approval.finish",
    }


@pytest.mark.parametrize(
    ("outcome", "error", "deed"),
    [
        (ToolOutcome.FAILED, {"code": "not_found", "http_status": 404}, Deed.FAIL),
        (ToolOutcome.FAILED, {"code": "http_500", "http_status": 500}, Deed.LOSE),
        (ToolOutcome.FAILED, {"code": "http_409", "http_status": 409}, Deed.LOSE),
        (ToolOutcome.FAILED, {"code": "unreachable"}, Deed.LOSE),
        (ToolOutcome.FAILED, {"code": "breaker_open"}, Deed.FAIL),
        (ToolOutcome.TIMED_OUT, {"code": "timed_out"}, Deed.LOSE),
        (ToolOutcome.TIMED_OUT, {"code": "expired"}, Deed.FAIL),
        (ToolOutcome.UNKNOWN, {"code": "expired"}, Deed.LOSE),
        (ToolOutcome.FAILED, {"code": "bad_answer", "http_status": 200}, Deed.LOSE),
    ],
)
def test_only_what_surely_did_not_happen_has_failed(
    outcome: ToolOutcome, error: Json, deed: Deed
) -> None:
    assert deed_of(RunEnd(outcome, {"error": error})) is deed


async def test_of_many_who_decide_at_once_one_does(asked: Sessions) -> None:
    acts = [grant(ANNA), grant(BERT), Act(Deed.REFUSE, BERT, seen_hash="h1", reason="no")] * 3

    async def attempt(one: Act) -> bool:
        try:
            await act(asked, one)
        except CallerError:
            return False
        return True

    assert sum(await asyncio.gather(*(attempt(one) for one in acts))) == 1
    ended_as = await state(asked)
    assert len(await runs(asked)) == (ended_as is ApprovalState.GRANTED)


async def test_what_was_edited_is_what_runs(asked: Sessions) -> None:
    arguments = {"account": "44172908", "amount": "200.00"}
    edit = Act(Deed.EDIT, ANNA, seen_hash="h1", arguments=arguments, arguments_hash="h2")
    await act(asked, edit)
    with pytest.raises(Conflict):
        await act(asked, grant(seen="h1"))
    await act(asked, grant(seen="h2"))
    (run,) = await runs(asked)
    assert run.arguments == arguments


async def test_the_clock_expires_what_nobody_decides(asked: Sessions) -> None:
    async with asked.writing(durable=True) as session:
        assert await Approvals(session).sweep(now(31)) == 1  # a reminder
        assert await Approvals(session).sweep(now(32)) == 0
        assert await Approvals(session).sweep(now(301)) == 1
    assert await state(asked) is ApprovalState.EXPIRED
    assert not await runs(asked)


async def test_a_call_that_ends_takes_its_questions_along(asked: Sessions) -> None:
    await write_facts(asked, [ended()])
    assert await state(asked) is ApprovalState.ABANDONED


async def test_a_question_that_comes_after_the_end_of_its_call_is_abandoned(
    sessions: Sessions,
) -> None:
    await write_facts(sessions, [started(), ended()])
    await write_facts(sessions, [PARKED])
    assert await state(sessions) is ApprovalState.ABANDONED


async def test_a_policy_may_keep_the_question_when_the_caller_has_gone(
    sessions: Sessions,
) -> None:
    kept = {**write_policy(POLICY), "when_caller_leaves": "keep"}
    await write_facts(sessions, [started(), replace(PARKED, policy=kept), ended()])
    assert await state(sessions) is ApprovalState.ASKED


async def test_news_is_sent_again_until_the_call_knows_it(asked: Sessions) -> None:
    async with asked.writing() as session:
        assert not await Approvals(session).untold(now())
    await act(asked, Act(Deed.CLAIM, ANNA))
    async with asked.writing() as session:
        assert not await Approvals(session).untold(now()), "a claim is no news to a caller"
    await act(asked, grant())
    async with asked.writing() as session:
        (news,) = await Approvals(session).untold(now())
        assert not await Approvals(session).untold(now(1))
        (again,) = await Approvals(session).untold(now(5))
        assert again.approval == news.approval
        assert news.approval.state is ApprovalState.GRANTED
        await Approvals(session).note_told("appr_1", news.approval.revision)
        assert not await Approvals(session).untold(now(10))


async def test_webhooks_hear_of_the_question_and_of_each_end_without_its_arguments(
    sessions: Sessions,
) -> None:
    async with sessions.writing() as session:
        await WebhookRepository(session).add(
            "https://example.org/hook", ["approval.requested", "approval.decided"], after(0)
        )
    await write_facts(sessions, [started(), PARKED])
    await act(sessions, grant())
    async with sessions.writing() as session:
        await Approvals(session).run_ended("run_1", OK, now(3))
    async with sessions.reading() as session:
        bodies = [orjson.loads(row.body) for row in await session.scalars(select(OutboxRow))]
    told = sorted((body["type"], body["data"]["state"]) for body in bodies)
    assert told == [
        ("approval.decided", "done"),
        ("approval.decided", "granted"),
        ("approval.requested", "asked"),
    ]
    assert "240.50" not in str(bodies)


async def test_another_owner_sees_nothing(asked: Sessions) -> None:
    async with asked.writing() as session:
        with pytest.raises(NotFound):
            await Approvals(session).get("appr_1", owner="somebody")
        with pytest.raises(NotFound):
            await Approvals(session).act("appr_1", grant(), now(), via="api", owner="somebody")


def test_a_policy_survives_being_written() -> None:
    assert read_policy(write_policy(POLICY)) == POLICY
    assert read_policy({}) == ApprovalPolicy()
    with pytest.raises(Invalid):
        read_policy({"levels": [{"role": "king", "sla_ms": 1}]})
