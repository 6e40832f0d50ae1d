"""Calls ordered over REST: what is kept, what is refused and why, how it goes, taken back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from tests.unit.api.conftest import Api
from tests.unit.storage.facts import answered, ended, started

from trunkline.domain.call import Direction, EndCause
from trunkline.domain.dial_plan import DialPlan
from trunkline.domain.ids import CallId
from trunkline.domain.outbound import OutboundRules, OutboundTrunk
from trunkline.domain.quiet_hours import as_quiet_hours
from trunkline.domain.tariff import as_tariff
from trunkline.storage.audit import Audit
from trunkline.storage.journal import write_facts
from trunkline.storage.keys import KeyRepository
from trunkline.storage.placement_views import ClaimedPlacement
from trunkline.storage.placements import Placements
from trunkline.storage.views import KeyQuota

NUMBER = "+441632960100"
TRUNK = OutboundTrunk(
    "carrier",
    ("carrier.example", "5060"),
    caller_ids=("+441632960000",),
    tariff=as_tariff({"+44": 0.5}, "60/60"),
)
RULES = OutboundRules(plan=DialPlan(("+44", "+1")), trunks=(TRUNK,), spend_cap=1_000_000)
BODY = {"to": NUMBER, "agent": "energy"}


@dataclass
class ToldDialler:
    told: list[str] = field(default_factory=list)

    async def place(self, placement_id: CallId) -> bool:
        self.told.append(placement_id)
        return True


@dataclass
class House:
    api: Api
    app: FastAPI
    dialler: ToldDialler

    def obey(self, rules: OutboundRules) -> None:
        self.app.state.api = replace(self.app.state.api, rules=rules, dialler=self.dialler)

    async def order(self, headers: dict[str, str] | None = None, **changes: Any) -> Any:
        body = {**BODY, **changes}
        return await self.api.http.post("/api/v1/calls", json=body, headers=headers or {})

    async def claim(self, call_id: str, rules: OutboundRules = RULES) -> ClaimedPlacement | None:
        async with self.api.sessions.writing() as session:
            return await Placements(session).claim(call_id, "edge_one", rules, now())


def now() -> datetime:
    return datetime.now(UTC) + timedelta(seconds=1)


@pytest.fixture
async def house(api: Api) -> AsyncIterator[House]:
    transport: Any = api.http._transport
    one = House(api, transport.app, ToldDialler())
    one.obey(RULES)
    yield one


async def test_an_order_is_kept_and_an_edge_told_at_once(house: House) -> None:
    answer = await house.order(metadata={"ticket": 7})
    assert answer.status_code == 202, answer.text
    placed = answer.json()
    assert answer.headers["location"] == f"/api/v1/calls/{placed['call_id']}"
    assert (placed["state"], placed["to"], placed["attempts"]) == ("queued", NUMBER, [])
    assert placed["metadata"] == {"ticket": 7}
    assert house.dialler.told == [placed["call_id"]]
    seen = (await house.api.http.get(answer.headers["location"])).json()
    assert (seen["state"], seen["direction"]) == ("initiated", "outbound")
    assert (seen["called_number"], seen["placement"]["state"]) == (NUMBER, "queued")
    listed = (await house.api.http.get("/api/v1/calls")).json()["calls"]
    assert listed == []  # a call is listed when it is dialled
    waiting = (await house.api.http.get("/api/v1/placements")).json()
    assert [one["call_id"] for one in waiting] == [placed["call_id"]]
    async with house.api.sessions.reading() as session:
        newest = (await Audit(session).latest(1))[0]
    assert (newest.action, newest.subject) == ("call.ordered", placed["call_id"])


async def test_its_state_is_told_from_the_dialling_to_the_end(house: House) -> None:
    call_id = (await house.order()).json()["call_id"]

    async def state() -> tuple[str, Any]:
        call = (await house.api.http.get(f"/api/v1/calls/{call_id}")).json()
        return call["placement"]["state"], call["placement"]

    assert await house.claim(call_id) is not None
    assert (await state())[0] == "dialling"
    listed = (await house.api.http.get("/api/v1/calls")).json()["calls"]
    assert [(one["call_id"], one["direction"]) for one in listed] == [(call_id, "outbound")]
    at = now()
    begun = started(CallId(call_id), at, direction=Direction.OUTBOUND, called_number=NUMBER)
    await write_facts(house.api.sessions, [begun, answered(CallId(call_id), at)])
    assert (await state())[0] == "answered"
    late = await house.api.http.post(f"/api/v1/calls/{call_id}/cancel")
    assert (late.status_code, late.json()["code"]) == (409, "call_answered")
    over = replace(ended(CallId(call_id), at), cause=EndCause.CALLEE_HANGUP, duration_ms=61_000)
    await write_facts(house.api.sessions, [over])
    name, placement = await state()
    assert (name, placement["outcome"], placement["cause"]) == (
        "ended",
        "answered",
        "callee_hangup",
    )
    assert (placement["attempts"][0]["cost"], placement["attempts"][0]["currency"]) == ("1", "USD")


async def test_the_same_key_gives_the_same_call(house: House) -> None:
    first = await house.order({"Idempotency-Key": "k-1"})
    again = await house.order({"Idempotency-Key": "k-1"})
    in_body = await house.order(idempotency_key="k-1")
    assert again.status_code == in_body.status_code == 202
    assert again.json()["call_id"] == in_body.json()["call_id"] == first.json()["call_id"]
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    other = await house.order({"Idempotency-Key": "k-1"}, ring_s=10)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    torn = await house.order({"Idempotency-Key": "k-2"}, idempotency_key="k-3")
    assert torn.status_code == 422


REFUSALS: list[tuple[dict[str, Any], int, str, str]] = [
    ({"to": "+49301234567"}, 403, "number_not_allowed", "TRUNKLINE_OUTBOUND_PREFIXES"),
    ({"to": "+449098765432"}, 403, "premium_number", "+449"),
    ({"to": "+12125550100"}, 403, "no_price", "prices"),
    ({"to": "sip:a b@c"}, 422, "bad_target", "SIP URI"),
    ({"to": "hello"}, 422, "bad_number", "phone number"),
    ({"agent": "nobody"}, 422, "no_such_agent", "energy"),
    ({"trunk": "other"}, 422, "no_such_trunk", "carrier"),
    ({"from": "+441632961111"}, 403, "caller_id_not_allowed", "+441632960000"),
    ({"variables": {"nobody_reads_this": 1}}, 422, "unknown_variable", "declares"),
    ({"variables": {"call_id": "x"}}, 422, "reserved_variable", "call_id"),
    (
        {"variables": {"sample_service_url": "http://evil.example"}},
        422,
        "reserved_variable",
        "tools",
    ),
    ({"metadata": {"x": "y" * 20_000}}, 422, "invalid", "16384"),
    ({"metadata": {"x": 2**64}}, 422, "invalid", "64 bits"),
    ({"schedule_at": "2020-01-01T00:00:00Z"}, 422, "invalid", "past"),
    ({"schedule_at": "2999-01-01T00:00:00Z"}, 422, "invalid", "days away"),
    ({"retry": {"attempts": 2, "after_s": {"agent_hangup": 5}}}, 422, "invalid", "agent_hangup"),
    ({"retry": {"attempts": 99}}, 422, "invalid", "10"),
    ({"ring_s": 1}, 422, "invalid", "5"),
    ({"idempotency_key": "no spaces"}, 422, "invalid", "pattern"),
    ({"unheard_of": 1}, 422, "invalid", "Extra"),
]


async def test_a_refusal_names_what_to_fix(house: House) -> None:
    for changes, status, code, names in REFUSALS:
        answer = await house.order(**changes)
        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
        assert names in answer.text, changes
    assert house.dialler.told == []


async def test_without_a_dial_plan_no_number_is_called(house: House) -> None:
    house.obey(OutboundRules())
    answer = await house.order()
    assert (answer.status_code, answer.json()["code"]) == (403, "no_trunk")
    house.obey(OutboundRules(trunks=(TRUNK,)))
    answer = await house.order()
    assert (answer.status_code, answer.json()["code"]) == (403, "number_not_allowed")
    house.obey(OutboundRules(plan=DialPlan(("112",)), trunks=(TRUNK,)))
    assert (await house.order(to="112")).status_code == 202  # named digit for digit
    house.obey(OutboundRules(plan=DialPlan(("11",)), trunks=(TRUNK,)))
    assert (await house.order(to="112")).json()["code"] == "emergency_number"


async def test_a_spend_cap_that_is_reached_refuses_with_when_to_come_back(house: House) -> None:
    for _ in range(2):
        call_id = (await house.order()).json()["call_id"]
        assert await house.claim(call_id) is not None
    told = (await house.api.http.get("/api/v1/placements/spend")).json()
    assert (told["spent"], told["cap"], told["currency"], told["live"]) == ("1", "1", "USD", 2)
    answer = await house.order()
    assert (answer.status_code, answer.json()["code"]) == (429, "spend_cap_reached")
    assert 0 < int(answer.headers["retry-after"]) <= 86_401
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    assert (await house.order(schedule_at=tomorrow)).status_code == 202
    free = await house.order(to="sip:desk@192.0.2.7")
    assert free.status_code == 202, free.text


async def test_quiet_hours_put_a_call_off_and_nobody_is_told(house: House) -> None:
    hour = datetime.now(UTC).hour
    quiet = f"{hour:02}:00-{(hour + 2) % 24:02}:00 UTC"
    house.obey(replace(RULES, quiet_hours=as_quiet_hours(quiet)))
    placed = (await house.order()).json()
    assert datetime.fromisoformat(placed["due_at"]) > datetime.now(UTC) + timedelta(minutes=59)
    assert house.dialler.told == []


async def test_an_order_is_taken_back(house: House) -> None:
    waiting = (await house.order()).json()["call_id"]
    early = await house.api.http.post(f"/api/v1/calls/{waiting}/hangup")
    assert (early.status_code, early.json()["code"]) == (409, "call_not_dialled")
    answer = await house.api.http.post(f"/api/v1/calls/{waiting}/cancel")
    assert (answer.status_code, answer.json()["outcome"]) == (202, "cancelled")
    again = await house.api.http.post(f"/api/v1/calls/{waiting}/cancel")
    assert (again.status_code, again.json()["code"]) == (409, "call_over")
    assert house.api.edges.told == []

    dialled = (await house.order()).json()["call_id"]
    assert await house.claim(dialled) is not None
    assert (await house.api.http.post(f"/api/v1/calls/{dialled}/cancel")).status_code == 202
    assert house.api.edges.told == [(dialled, "edge_one", "TRUNKLINE_API_KEY")]
    unknown = await house.api.http.post("/api/v1/calls/call_nobody/cancel")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "call_not_found")


async def test_ordering_needs_the_scope_and_obeys_the_keys_quota(house: House) -> None:
    lacking = await house.api.key("calls:read", "calls:control")
    for method, path in (("POST", "/api/v1/calls"), ("POST", "/api/v1/calls/call_x/cancel")):
        answer = await house.api.http.request(method, path, json=BODY, headers=lacking)
        assert (answer.status_code, answer.json()["code"]) == (403, "missing_scope")
    async with house.api.sessions.writing() as session:
        _, secret = await KeyRepository(session).create(
            "dialler", ["calls:write"], now(), quota=KeyQuota(calls_at_once=1)
        )
    key = {"authorization": f"Bearer {secret}"}
    assert (await house.order(key)).status_code == 202
    answer = await house.order(key)
    assert (answer.status_code, answer.json()["code"]) == (429, "key_calls_at_once")
