"""Approvals over the API: who may decide what, on what they saw, and once."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.api.conftest import Api
from tests.unit.storage.facts import started
from tests.unit.storage.test_approvals import PARKED, POLICY

from trunkline.domain.approval import binding_hash
from trunkline.domain.approval_json import write_policy
from trunkline.flows.catalog import SHIPPED_AGENTS
from trunkline.flows.schema.loader import load_flow
from trunkline.flows.tool_slip import write_slip
from trunkline.storage.journal import write_facts

PATH = "/api/v1/approvals/appr_1"


@pytest.fixture
async def asked(api: Api) -> Api:
    text = (SHIPPED_AGENTS / "energy.yaml").read_text()
    tool = load_flow(text, environment={"TRUNKLINE_SAMPLE_SERVICE_URL": "http://127.0.0.1:9"})
    policy = write_policy(POLICY)
    bound = binding_hash("pay_bill", PARKED.arguments, "f1", policy)
    slip = write_slip(tool.tools["pay_bill"])
    fact = replace(PARKED, arguments_hash=bound, slip=slip, policy=policy)
    await write_facts(api.sessions, [started(), fact])
    return api


async def test_the_open_ones_are_listed_with_everything_a_decision_needs(asked: Api) -> None:
    (one,) = (await asked.http.get("/api/v1/approvals")).json()
    assert one["arguments"] == PARKED.arguments
    assert one["question"] == PARKED.question
    assert (one["state"], one["asked_role"], one["amount"]) == ("asked", "supervisor", "240.50")
    assert one["editable"] == ["amount"]
    assert one["now"] < one["sla_at"] < one["expires_at"]


async def test_a_grant_binds_to_what_was_seen_and_counts_once(asked: Api) -> None:
    seen = (await asked.http.get(PATH)).json()["arguments_hash"]
    stale = await asked.http.post(f"{PATH}/grant", json={"seen_hash": "other"})
    assert (stale.status_code, stale.json()["code"]) == (409, "arguments_changed")
    granted = await asked.http.post(f"{PATH}/grant", json={"seen_hash": seen})
    assert granted.json()["state"] == "granted"
    assert [deed["deed"] for deed in granted.json()["deeds"]] == ["grant"]
    again = await asked.http.post(f"{PATH}/grant", json={"seen_hash": seen})
    assert (again.status_code, again.json()["code"]) == (409, "already_decided")


async def test_an_edit_is_checked_by_the_tools_own_schema(asked: Api) -> None:
    seen = (await asked.http.get(PATH)).json()["arguments_hash"]
    wrong = {**PARKED.arguments, "amount": "lots"}
    refused = await asked.http.post(f"{PATH}/edit", json={"seen_hash": seen, "arguments": wrong})
    assert refused.status_code == 422
    assert refused.json()["param"] == "arguments.amount"
    other = {"account": "11111111", "amount": "240.50"}
    locked = await asked.http.post(f"{PATH}/edit", json={"seen_hash": seen, "arguments": other})
    assert (locked.status_code, locked.json()["code"]) == (403, "not_editable")
    less = {**PARKED.arguments, "amount": "200.00"}
    edited = await asked.http.post(f"{PATH}/edit", json={"seen_hash": seen, "arguments": less})
    now = edited.json()
    assert (now["state"], now["arguments"]) == ("edited", less)
    assert now["asked_arguments"] == PARKED.arguments
    assert now["arguments_hash"] != seen


@pytest.mark.parametrize(
    ("scopes", "status"),
    [
        (("approvals:read",), 403),
        (("calls:read",), 403),
        (("approvals:decide",), 200),
        (("approvals:manage",), 200),
    ],
)
async def test_only_keys_that_may_decide_do(
    asked: Api, scopes: tuple[str, ...], status: int
) -> None:
    answer = await asked.http.post(f"{PATH}/claim", headers=await asked.key(*scopes))
    assert answer.status_code == status


async def test_what_one_has_claimed_another_cannot_decide(asked: Api) -> None:
    anna, bert = await asked.key("approvals:decide"), await asked.key("approvals:decide")
    seen = (await asked.http.get(PATH)).json()["arguments_hash"]
    await asked.http.post(f"{PATH}/claim", headers=anna)
    body = {"seen_hash": seen, "reason": "no"}
    answer = await asked.http.post(f"{PATH}/refuse", headers=bert, json=body)
    assert (answer.status_code, answer.json()["code"]) == (409, "claimed_by_another")
    await asked.http.post(f"{PATH}/release", headers=anna)
    answer = await asked.http.post(f"{PATH}/refuse", headers=bert, json=body)
    assert (answer.json()["state"], answer.json()["reason"]) == ("refused", "no")


async def test_what_is_not_there_is_not_found(asked: Api) -> None:
    for path in ("claim", "release", "escalate"):
        answer = await asked.http.post(f"/api/v1/approvals/appr_9/{path}", json={})
        assert answer.status_code == 404
