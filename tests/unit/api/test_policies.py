"""Policies over the API: what flows demand, what the house makes of it, and who may change that."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from tests.unit.api.conftest import Api
from tests.unit.api.test_approvals import PATH, asked

__all__ = ["asked"]
POLICIES = "/api/v1/approval-policies"
HOUSE = f"{POLICIES}/house"


async def test_the_policy_of_each_tool_is_told_with_what_the_house_makes_of_it(api: Api) -> None:
    rules = {"limits": {"supervisor": "100.00"}, "two_people_above": "50", "longest_sla_s": 20}
    put = await api.http.put(HOUSE, json=rules, headers={"if-match": '"0"'})
    assert (put.status_code, put.headers["etag"], put.json()["version"]) == (200, '"1"', 1)
    found = (await api.http.get(POLICIES)).json()
    pay = next(one for one in found if (one["agent"], one["tool"]) == ("energy", "pay_bill"))
    last = pay["cases"][-1]
    assert last["when"] == "" and pay["question"].startswith("May {{")
    assert last["flow"]["two_people_above"] is None
    assert last["in_force"]["two_people_above"] == "50"
    assert last["in_force"]["limits"]["supervisor"] == "100.00"
    assert {level["within_s"] for level in last["in_force"]["levels"]} == {20}


async def test_rules_are_changed_in_versions_by_whoever_saw_the_last(api: Api) -> None:
    seen = await api.http.get(HOUSE)
    assert (seen.headers["etag"], seen.json()["rules"]["mail_arguments"]) == ('"0"', "masked")
    blind = await api.http.put(HOUSE, json={})
    assert blind.status_code == 428
    first = {"if-match": seen.headers["etag"]}
    answers = await asyncio.gather(
        *(api.http.put(HOUSE, json={"remind_s": 10 + n}, headers=first) for n in range(4))
    )
    assert Counter(one.status_code for one in answers) == {200: 1, 412: 3}
    assert (await api.http.put(HOUSE, json={}, headers={"if-match": "*"})).status_code == 200
    versions = (await api.http.get(f"{HOUSE}/versions")).json()
    assert [one["version"] for one in versions] == [2, 1]


@pytest.mark.parametrize(
    ("document", "param"),
    [
        ({"limits": {"supervisor": "500", "manager": "100"}}, "limits"),
        ({"quiet_hours": "at night"}, "quiet_hours"),
    ],
)
async def test_rules_that_cannot_hold_are_named(
    api: Api, document: dict[str, object], param: str
) -> None:
    answer = await api.http.put(HOUSE, json=document, headers={"if-match": "*"})
    assert (answer.status_code, answer.json()["param"]) == (422, param)


async def test_only_those_who_manage_approvals_change_the_rules(api: Api) -> None:
    reader, decider = await api.key("approvals:read"), await api.key("approvals:decide")
    manager = await api.key("approvals:manage")
    assert (await api.http.get(POLICIES, headers=reader)).status_code == 200
    for key, status in ((reader, 403), (decider, 403), (manager, 200)):
        answer = await api.http.put(HOUSE, json={}, headers={**key, "if-match": "*"})
        assert answer.status_code == status


async def test_a_limit_of_the_house_binds_keys_as_well(asked: Api) -> None:
    limit = {"limits": {"supervisor": "100", "manager": "100"}}
    await asked.http.put(HOUSE, json=limit, headers={"if-match": "*"})
    seen = (await asked.http.get(PATH)).json()["arguments_hash"]
    low = await asked.key("approvals:decide")
    refused = await asked.http.post(f"{PATH}/grant", json={"seen_hash": seen}, headers=low)
    assert (refused.status_code, refused.json()["code"]) == (403, "amount_above_limit")
    granted = await asked.http.post(f"{PATH}/grant", json={"seen_hash": seen})
    assert granted.json()["state"] == "granted"
