"""The approvals inbox: what a person sees, what they may do, and what they are told instead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from tests.unit.dashboard.conftest import PASSWORD, Office, csrf_of
from tests.unit.dashboard.page import Node, read_page
from tests.unit.dashboard.story import START
from tests.unit.storage.facts import caller_turn, started
from tests.unit.storage.test_approvals import PARKED, POLICY

from trunkline.calls.approval_desk import ApprovalDesk
from trunkline.dashboard.approval_view import edited
from trunkline.domain.approval import (
    Approval,
    ApprovalPolicy,
    ApprovalState,
    Deed,
    Level,
    Person,
    Role,
    binding_hash,
)
from trunkline.domain.approval_json import write_policy
from trunkline.domain.approval_rules import Act
from trunkline.domain.errors import Invalid
from trunkline.domain.events import ApprovalParked
from trunkline.domain.ids import ApprovalId, ToolRunId
from trunkline.flows.catalog import SHIPPED_AGENTS
from trunkline.flows.schema.loader import load_flow
from trunkline.flows.tool_slip import write_slip
from trunkline.storage.approvals import Approvals
from trunkline.storage.engine import database_now
from trunkline.storage.users import create_user

PATH = "/approvals/appr_1"
BEN = Person("user:ben", Role.SUPERVISOR)


def request(
    approval_id: str = "appr_1", policy: ApprovalPolicy = POLICY, **changes: Any
) -> ApprovalParked:
    text = (SHIPPED_AGENTS / "energy.yaml").read_text()
    flow = load_flow(text, environment={"TRUNKLINE_SAMPLE_SERVICE_URL": "http://127.0.0.1:9"})
    fact = replace(
        PARKED,
        approval_id=ApprovalId(approval_id),
        run_id=ToolRunId(f"run_{approval_id}"),
        slip=write_slip(flow.tools["pay_bill"]),
        policy=write_policy(policy),
        **changes,
    )
    bound = binding_hash("pay_bill", fact.arguments, "f1", write_policy(policy))
    return replace(fact, arguments_hash=bound)


@pytest.fixture
async def inbox(office: Office) -> Office:
    await office.store([started(), caller_turn("pay it, please"), request()])
    await office.log_in()
    return office


def approvals(office: Office) -> ApprovalDesk:
    return ApprovalDesk(office.sessions)


async def state(office: Office, approval_id: str = "appr_1") -> ApprovalState:
    return (await approvals(office).show(approval_id)).parked.approval.state


async def post(office: Office, deed: str, path: str = PATH, **form: str) -> tuple[int, Node]:
    page = await office.client.get(path)
    seen = read_page(page.text).all("input", name="seen_hash")
    sent = {"csrf": csrf_of(page.text)}
    if seen:
        sent["seen_hash"] = seen[0].attributes["value"]
    answer = await office.client.post(f"{path}/{deed}", data={**sent, **form})
    return answer.status_code, read_page(answer.text) if answer.text else Node("none", {})


async def test_the_page_has_everything_a_decision_needs(inbox: Office) -> None:
    page = await inbox.page("/approvals")
    (row,) = page.all("li", "ask-row")
    assert "240.50" in row.text and "energy" in row.text and "not verified" in row.text
    ask = page.one("article", "ask")
    assert ask.one("h2", "ask-question").text == PARKED.question
    assert "pay it, please" in ask.one("ol", "said-tail").text
    assert "0 of 1" in ask.text and "None was decided before" in ask.text
    (field,) = [one for one in ask.all("input") if one.attributes.get("name") == "field.amount"]
    assert field.attributes["value"] == "240.50"
    assert not [one for one in ask.all("input") if one.attributes.get("name") == "field.account"]
    assert page.one("b", data_approval_count="").attributes["class"] == "badge wait"


async def test_the_calls_timeline_tells_who_changed_and_approved_it(inbox: Office) -> None:
    await post(inbox, "edit", **{"field.amount": "200.00"})
    await post(inbox, "grant")
    entry = (await inbox.page(f"/calls/{PARKED.call_id}")).one("li", "approval")
    summary = entry.one("summary").text
    assert "Approved, about to run" in summary
    assert "sue approved, changed by sue" in summary
    assert "amount: the call asked 240.50 , now 200.00" in entry.text
    told = [item.text for item in entry.one("div", "deeds").all("p")]
    assert [("asked" in told[0]), ("changed" in told[1]), ("approved" in told[2])] == [True] * 3
    assert entry.one("a").attributes["href"] == PATH


async def test_it_is_claimed_edited_and_approved_without_a_script(inbox: Office) -> None:
    assert (await post(inbox, "claim"))[0] == 303
    assert "by you" in (await inbox.page(PATH)).one("p", "ask-state").text
    assert (await post(inbox, "edit", **{"field.amount": "200.00"}))[0] == 303
    page = await inbox.page(f"{PATH}?done=edited")
    assert "the call asked 240.50" in page.one("label", "is-changed").text
    assert "amount is 200.00 , not 240.50" in page.one("header", "ask-head").text
    assert (await post(inbox, "grant"))[0] == 303
    shown = await approvals(inbox).show("appr_1")
    assert shown.parked.approval.state is ApprovalState.GRANTED
    assert shown.parked.approval.arguments["amount"] == "200.00"
    assert [deed.person_id for deed in shown.deeds] == ["user:sue"] * 3
    assert [deed.via for deed in shown.deeds] == ["dashboard"] * 3


async def test_what_is_typed_can_be_saved_and_approved_at_once(inbox: Office) -> None:
    status, _ = await post(inbox, "edit", then="grant", **{"field.amount": "10.00"})
    assert (status, await state(inbox)) == (303, ApprovalState.GRANTED)


async def test_the_loser_is_told_who_won_and_why(inbox: Office) -> None:
    page = await inbox.client.get(PATH)
    seen = read_page(page.text).all("input", name="seen_hash")[0].attributes["value"]
    await approvals(inbox).refuse("appr_1", BEN, seen, "wrong account", via="dashboard")
    form = {"csrf": csrf_of(page.text), "seen_hash": seen}
    answer = await inbox.client.post(f"{PATH}/grant", data=form)
    told = read_page(answer.text).one("p", "alert").text
    assert answer.status_code == 409
    assert "You came too late. ben declined at" in told and "wrong account" in told
    assert await state(inbox) is ApprovalState.REFUSED


async def test_what_another_has_claimed_cannot_be_decided(inbox: Office) -> None:
    await approvals(inbox).claim("appr_1", BEN, via="dashboard")
    page = await inbox.page(PATH)
    assert "disabled" in page.one("button", "big").attributes
    assert "ben is deciding this until" in page.one("p", "ask-why").text
    status, page = await post(inbox, "grant")
    assert status == 409 and "ben is deciding this" in page.one("p", "alert").text


async def test_nobody_approves_what_they_have_not_seen(inbox: Office) -> None:
    before = read_page((await inbox.client.get(PATH)).text).all("input", name="seen_hash")
    less = {**PARKED.arguments, "amount": "1.00"}
    seen = before[0].attributes["value"]
    await approvals(inbox).edit("appr_1", BEN, seen, less, via="dashboard")
    status, page = await post(inbox, "grant", seen_hash=seen)
    assert status == 409
    assert "ben changed the arguments" in page.one("p", "alert").text
    assert await state(inbox) is ApprovalState.EDITED


async def test_a_refusal_needs_a_reason_and_keeps_it(inbox: Office) -> None:
    status, page = await post(inbox, "refuse")
    assert status == 422 and "Say why" in page.one("p", "alert").text
    status, _ = await post(inbox, "refuse", quick="Against our rules", reason="twice today")
    assert status == 303
    approval = (await approvals(inbox).show("appr_1")).parked.approval
    assert approval.reason == "Against our rules. twice today"


async def test_an_amount_above_the_limit_is_for_a_manager(inbox: Office) -> None:
    policy = replace(
        POLICY,
        levels=(
            Level(Role.SUPERVISOR, timedelta(minutes=1)),
            Level(Role.MANAGER, timedelta(minutes=2)),
        ),
        limits={Role.SUPERVISOR: Decimal(100)},
    )
    await inbox.store([request("appr_2", policy)])
    path = "/approvals/appr_2"
    page = await inbox.page(path)
    assert "above what a supervisor may approve (100)" in page.one("p", "ask-why").text
    status, _ = await post(inbox, "grant", path)
    assert status == 403
    assert (await post(inbox, "escalate", path))[0] == 303
    assert "managers and above" in (await inbox.page(path)).text
    assert await state(inbox, "appr_2") is ApprovalState.ESCALATED


async def test_two_people_agree_one_after_the_other(inbox: Office) -> None:
    await inbox.store([request("appr_2", replace(POLICY, grants=2))])
    path = "/approvals/appr_2"
    assert (await post(inbox, "grant", path))[0] == 303
    page = await inbox.page(path)
    assert "1 of 2 sue" in page.text and "A second person" in page.one("p", "ask-why").text
    assert (await post(inbox, "grant", path))[0] == 409
    await create_user(inbox.sessions, "max", PASSWORD, "manager", START)
    inbox.client.cookies.clear()
    await inbox.log_in("max")
    assert (await post(inbox, "grant", path))[0] == 303
    assert await state(inbox, "appr_2") is ApprovalState.GRANTED


async def test_an_unknown_outcome_is_settled_by_a_person(inbox: Office) -> None:
    await post(inbox, "grant")
    async with inbox.sessions.writing(durable=True) as session:
        now = await database_now(session)
        await Approvals(session).act("appr_1", Act(Deed.LOSE), now, via="worker")
    page = await inbox.page("/approvals")
    assert "Outcome unknown" in page.one("li", "ask-row").text
    assert page.one("b", data_approval_count="") is not None
    status, _ = await post(inbox, "settle", settled_as="done", reason="seen in the ledger")
    assert (status, await state(inbox)) == (303, ApprovalState.DONE)


async def test_a_viewer_sees_and_does_not_decide(inbox: Office) -> None:
    inbox.client.cookies.clear()
    await inbox.log_in("vic")
    page = await inbox.page(PATH)
    assert PARKED.question in page.text
    assert not page.all("section", "ask-decide")
    status, page = await post(inbox, "grant")
    assert status == 403 and "Only supervisors and above decide" in page.text
    assert await state(inbox) is ApprovalState.ASKED


async def test_a_form_from_elsewhere_decides_nothing(inbox: Office) -> None:
    answer = await inbox.client.post(f"{PATH}/claim", data={"csrf": "0" * 64})
    assert answer.status_code == 403
    assert (await inbox.client.get("/approvals/appr_9")).status_code == 404
    assert await state(inbox) is ApprovalState.ASKED


async def test_precedents_say_how_the_like_was_decided(inbox: Office) -> None:
    await inbox.store([request("appr_2"), request("appr_3")])
    seen = request().arguments_hash
    await approvals(inbox).grant("appr_2", BEN, seen, via="dashboard")
    await approvals(inbox).refuse("appr_3", BEN, seen, "no", via="api")
    page = await inbox.page(PATH)
    lists = [one.text for one in page.all("ol", "ask-past")]
    (past,) = [text for text in lists if "Approved" in text and "ben" in text]
    assert "Declined" in past and "no" in past


def test_fields_are_read_by_the_tools_schema() -> None:
    arguments: Mapping[str, Any] = {"to": {"name": "Ann", "urgent": True}, "count": 2, "note": None}
    policy = replace(
        POLICY, editable=frozenset({"to.urgent", "count", "note"}), amount_field="count"
    )
    asked = Approval(ApprovalId("a"), "t", arguments, "h", policy, START, START)
    form = {
        "field.to.urgent": "false",
        "field.count": "3",
        "field.note": "",
        "field.to.name": "Eve",
    }
    assert edited(asked, form, {}) == {
        "to": {"name": "Ann", "urgent": False}, "count": 3, "note": None,
    }  # fmt: skip
    with pytest.raises(Invalid, match="lots"):
        edited(asked, {"field.count": "lots"}, {"properties": {"count": {"type": "integer"}}})
