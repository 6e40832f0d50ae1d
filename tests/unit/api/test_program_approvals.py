"""Programs that answer calls have people asked over the API, and do once what was granted."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from tests.unit.api.conftest import Api
from tests.unit.storage.facts import CALL, ended, started

from trunkline.domain.clock import SystemClock
from trunkline.flows.tool_runner import ToolRunner
from trunkline.jobs.tool_runs import run_due_tools
from trunkline.storage.background_rows import BackgroundRunRow
from trunkline.storage.journal import write_facts

ASKED: dict[str, Any] = {
    "function_call_id": "call_of_the_model_1",
    "tool": "refund",
    "arguments": {"parcel": "204817", "dollars": 40},
    "question": "May 40 dollars be paid back?",
    "policy": {"amount": "dollars", "limits": {"supervisor": "50"}},
    "holding_line": "Please hold.",
}


@pytest.fixture
async def house(api: Api) -> Api:
    await write_facts(api.sessions, [started()])
    return api


async def ask(house: Api, **changes: Any) -> Any:
    return await house.http.post(f"/api/v1/calls/{CALL}/approvals", json={**ASKED, **changes})


async def path(house: Api) -> str:
    answer = await ask(house)
    assert answer.status_code == 201, answer.text
    return f"/api/v1/approvals/{answer.json()['approval_id']}"


async def post(house: Api, url: str, status: int = 200, **body: Any) -> Any:
    answer = await house.http.post(url, json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


async def granted(house: Api) -> str:
    at = await path(house)
    seen = (await house.http.get(at)).json()["arguments_hash"]
    assert (await post(house, f"{at}/grant", seen_hash=seen))["state"] == "granted"
    return at


async def workers(house: Api, *, later: bool = False) -> int:
    """What workers find to do; ``later``: after all that a program has been given time for."""
    if later:
        async with house.sessions.writing() as session:
            past = SystemClock().now() - timedelta(seconds=1)
            await session.execute(
                update(BackgroundRunRow).values(due_at=past, leased_until=past - timedelta(1))
            )
    async with ToolRunner() as runner:
        return await run_due_tools(house.sessions, runner, SystemClock())


async def test_the_same_question_again_is_the_same_approval(house: Api) -> None:
    first, again = (await ask(house)).json(), (await ask(house)).json()
    assert first["approval_id"] == again["approval_id"]
    assert (first["tool"], first["editable"], first["amount"]) == ("refund", [], "40")
    other = await ask(house, arguments={"parcel": "204817", "dollars": 41})
    assert (other.status_code, other.json()["code"]) == (409, "asked_otherwise")
    assert len((await house.http.get("/api/v1/approvals")).json()) == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("arguments", {"dollars": "x" * 70_000}),
        ("function_call_id", ""),
        ("question", ""),
        ("policy", {"people": 3}),
        ("policy", {"levels": []}),
        ("policy", {"editable": ["dollars"]}),
        ("worst_case_s", 0),
        ("parameters", {}),
    ],
)
async def test_what_cannot_be_asked_is_refused_by_name(house: Api, field: str, value: Any) -> None:
    wrong = await ask(house, **{field: value})
    assert wrong.status_code == 422, wrong.text
    assert field in wrong.text
    assert (await house.http.get("/api/v1/approvals")).json() == []


async def test_an_amount_above_a_roles_limit_is_not_that_roles_to_grant(house: Api) -> None:
    answer = await ask(house, arguments={"dollars": 60, "note": "\x00 \u202e"})
    assert answer.status_code == 201, answer.text
    asked = answer.json()
    grant = await house.http.post(
        f"/api/v1/approvals/{asked['approval_id']}/grant",
        json={"seen_hash": asked["arguments_hash"]},
        headers=await house.key("approvals:decide"),
    )
    assert (grant.status_code, grant.json()["code"]) == (403, "amount_above_limit")


async def test_a_call_that_is_over_or_unknown_asks_nobody(house: Api) -> None:
    nobody = await house.http.post("/api/v1/calls/call_x/approvals", json=ASKED)
    assert nobody.status_code == 404
    await write_facts(house.sessions, [ended()])
    over = await ask(house)
    assert (over.status_code, over.json()["code"]) == (409, "call_over")


async def test_what_is_granted_is_begun_once_and_no_worker_touches_it(house: Api) -> None:
    at = await path(house)
    early = await post(house, f"{at}/begin", 409)
    assert early["code"] == "not_granted"
    at = await granted(house)
    assert await workers(house) == 0
    answers = await asyncio.gather(*(house.http.post(f"{at}/begin") for _ in range(5)))
    (begun,) = [answer.json() for answer in answers if answer.status_code == 200]
    assert {a.json()["code"] for a in answers if a.status_code != 200} <= {
        "already_begun",
        "not_granted",
    }
    assert begun["arguments"] == ASKED["arguments"]
    assert await workers(house) == 0
    assert (await house.http.get(at)).json()["state"] == "executing"
    forged = await post(house, f"{at}/finish", 409, lease="lease_x", outcome="done")
    assert forged["code"] == "lease_lost"
    done = await post(house, f"{at}/finish", lease=begun["lease"], outcome="done", result="Paid.")
    assert (done["state"], done["result"]) == ("done", "Paid.")
    await post(house, f"{at}/finish", 409, lease=begun["lease"], outcome="failed")
    (run,) = (await house.http.get(f"/api/v1/calls/{CALL}")).json()["tool_runs"]
    assert (run["outcome"], run["result"]) == ("ok", "Paid.")


@pytest.mark.parametrize(("outcome", "state"), [("failed", "failed"), ("unknown", "unknown")])
async def test_a_program_says_whether_nothing_or_nobody_knows_what_was_done(
    house: Api, outcome: str, state: str
) -> None:
    at = await granted(house)
    lease = (await post(house, f"{at}/begin"))["lease"]
    ended = await post(house, f"{at}/finish", lease=lease, outcome=outcome, result="No parcel.")
    assert ended["state"] == state


@pytest.mark.parametrize(("begins", "state"), [(False, "failed"), (True, "unknown")])
async def test_a_program_that_dies_leaves_nothing_open(
    house: Api, begins: bool, state: str
) -> None:
    at = await granted(house)
    if begins:
        lease = (await post(house, f"{at}/begin"))["lease"]
    assert await workers(house, later=True) == 1
    assert (await house.http.get(at)).json()["state"] == state
    if begins:
        late = await post(house, f"{at}/finish", 409, lease=lease, outcome="done")
        assert late["code"] == "lease_lost"
    else:
        await post(house, f"{at}/begin", 409)
    async with house.sessions.reading() as session:
        (run,) = (await session.scalars(select(BackgroundRunRow))).all()
    assert run.told_at is not None  # no edge is told again and again


async def test_news_come_as_soon_as_there_are_any(house: Api) -> None:
    at = await path(house)
    seen = (await house.http.get(at)).json()

    async def refuse() -> None:
        body = {"seen_hash": seen["arguments_hash"], "reason": "no"}
        await post(house, f"{at}/refuse", **body)

    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(
            house.http.get(f"{at}/news", params={"revision": seen["revision"], "wait_s": 20})
        )
        tasks.create_task(refuse())
    assert waiting.result().json()["state"] == "refused"
    same = await house.http.get(f"{at}/news", params={"revision": 99, "wait_s": 0})
    assert same.json()["state"] == "refused"


async def test_what_is_taken_back_is_asked_of_nobody_and_a_caller_who_leaves_takes_it_back(
    house: Api,
) -> None:
    at = await path(house)
    assert (await post(house, f"{at}/withdraw"))["state"] == "abandoned"
    assert (await post(house, f"{at}/withdraw"))["state"] == "abandoned"
    second = (await ask(house, function_call_id="call_of_the_model_2")).json()
    await write_facts(house.sessions, [ended()])
    left = await house.http.get(f"/api/v1/approvals/{second['approval_id']}")
    assert left.json()["state"] == "abandoned"


async def test_only_a_key_that_may_ask_does_and_only_about_what_programs_asked(house: Api) -> None:
    at = await path(house)
    for scope in ("approvals:read", "approvals:decide", "calls:control", "realtime"):
        headers = await house.key(scope)
        url = f"/api/v1/calls/{CALL}/approvals"
        assert (await house.http.post(url, json=ASKED, headers=headers)).status_code == 403
        assert (await house.http.post(f"{at}/begin", headers=headers)).status_code == 403
    asker = await house.key("approvals:ask")
    assert (await house.http.get(f"{at}/news", headers=asker)).status_code == 200
    assert (await house.http.post(f"{at}/grant", headers=asker, json={})).status_code == 403
    await post(house, "/api/v1/approvals/appr_x/begin", 404)
