"""Ordered calls in the database: kept once, claimed once, paid for, tried again, taken back."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import orjson
import pytest
from tests.unit.storage.facts import NOON, after, answered, ended, started

from trunkline.domain.call import CallState, Direction, EndCause
from trunkline.domain.dial_plan import DialPlan
from trunkline.domain.errors import Conflict, Invalid, NotFound, TooMany
from trunkline.domain.ids import CallId
from trunkline.domain.outbound import OutboundRules, OutboundTrunk
from trunkline.domain.placement import PlacementOutcome, PlacementState, RetryPolicy
from trunkline.domain.quiet_hours import as_quiet_hours
from trunkline.domain.tariff import as_tariff
from trunkline.storage.calls import CallRepository
from trunkline.storage.engine import Sessions
from trunkline.storage.journal import write_facts
from trunkline.storage.keys import KeyRepository
from trunkline.storage.lost_edges import close_calls_of_lost_edges
from trunkline.storage.outbox import Outbox
from trunkline.storage.placement_views import ClaimedPlacement, NewPlacement, PlacementView
from trunkline.storage.placements import Placements, expire_placements
from trunkline.storage.views import KeyQuota
from trunkline.storage.webhooks import WebhookRepository

NUMBER = "+441632960100"
TRUNK = OutboundTrunk(
    "carrier",
    ("carrier.example", "5060"),
    caller_ids=("+441632960000",),
    tariff=as_tariff({"+44": 0.5}, "60/60"),
)
RULES = OutboundRules(plan=DialPlan(("+44",)), trunks=(TRUNK,), spend_cap=2_000_000, max_calls=5)
EDGE = "edge_one"


def new(**changes: Any) -> NewPlacement:
    return replace(NewPlacement(target=NUMBER, agent="energy", due_at=NOON), **changes)


async def order(sessions: Sessions, **changes: Any) -> PlacementView:
    async with sessions.writing() as session:
        return (await Placements(session).order(new(**changes), NOON)).placement


async def claim(
    sessions: Sessions, placement: PlacementView, rules: OutboundRules = RULES, at_s: float = 0
) -> ClaimedPlacement | None:
    async with sessions.writing() as session:
        return await Placements(session).claim(placement.placement_id, EDGE, rules, after(at_s))


async def claimed(sessions: Sessions, **changes: Any) -> ClaimedPlacement:
    found = await claim(sessions, await order(sessions, **changes))
    assert found is not None
    return found


async def look(sessions: Sessions, call_id: str) -> PlacementView:
    async with sessions.reading() as session:
        return await Placements(session).get(call_id)


async def spent(sessions: Sessions, at_s: float = 0) -> int:
    async with sessions.reading() as session:
        return await Placements(session).spent(after(at_s))


def begun(call_id: CallId) -> Any:
    return started(call_id, direction=Direction.OUTBOUND, caller_number="", called_number=NUMBER)


def over(call_id: CallId, at_s: float, cause: EndCause, duration_ms: int = 0) -> Any:
    return replace(ended(call_id, after(at_s)), cause=cause, duration_ms=duration_ms)


async def test_an_order_has_its_calls_id_at_once_and_waits(sessions: Sessions) -> None:
    placement = await order(sessions, variables={"name": "Ada"}, details={"ticket": 7})
    assert placement.placement_id.startswith("call_")
    assert placement.state is PlacementState.QUEUED
    assert (placement.attempts, placement.outcome) == ((), None)
    async with sessions.reading() as session:
        assert await Placements(session).due(NOON) == [placement.placement_id]
        with pytest.raises(NotFound):
            await Placements(session).get(placement.placement_id, owner="somebody else")
        with pytest.raises(NotFound):  # no call yet: nobody's live board shows it
            await CallRepository(session).summary(placement.placement_id)


async def test_what_waits_is_listed_the_next_due_first(sessions: Sessions) -> None:
    ids = [(await order(sessions, due_at=after(at_s))).placement_id for at_s in (30, 10, 20, 10)]
    async with sessions.writing() as session:
        placements = Placements(session)
        await placements.cancel(ids[2], NOON)
        listed = [one.placement_id for one in await placements.waiting()]
        assert listed[2:] == [ids[0]] and set(listed[:2]) == {ids[1], ids[3]}
        rest = await placements.waiting(after=listed[0], limit=1)
        assert [one.placement_id for one in rest] == [listed[1]]
        assert await placements.waiting(owner="tenant") == ()
        with pytest.raises(Invalid):
            await placements.waiting(after=listed[0], owner="tenant")


async def test_the_same_order_twice_is_one_order(sessions: Sessions) -> None:
    async def place(**changes: Any) -> tuple[str, bool]:
        async with sessions.writing() as session:
            found = await Placements(session).order(
                new(idempotency_key="k1", digest="d1", **changes), NOON
            )
            return found.placement.placement_id, found.is_new

    answers = await asyncio.gather(*(place() for _ in range(8)))
    assert len({call_id for call_id, _ in answers}) == 1
    assert sum(is_new for _, is_new in answers) == 1
    with pytest.raises(Invalid) as refused:
        await order(sessions, idempotency_key="k1", digest="another")
    assert refused.value.code == "idempotency_key_reused"
    other, is_new = await place(owner="tenant")
    assert is_new, other


async def test_only_one_edge_gets_to_dial(sessions: Sessions) -> None:
    placement = await order(sessions)
    got = await asyncio.gather(*(claim(sessions, placement) for _ in range(8)))
    (one,) = [each for each in got if each is not None]
    assert one.call_id == placement.placement_id
    assert (one.route.trunk, one.route.target) == ("carrier", NUMBER)
    now = await look(sessions, one.call_id)
    assert now.state is PlacementState.DIALLING
    async with sessions.reading() as session:
        call = await CallRepository(session).summary(one.call_id)
    assert (call.direction, call.called_number) == (Direction.OUTBOUND, NUMBER)
    assert (call.state, call.edge_id) == (CallState.INITIATED, EDGE)


async def test_an_answered_call_is_paid_for_and_not_made_again(sessions: Sessions) -> None:
    one = await claimed(sessions, retry=RetryPolicy(3), variables={"name": "Ada"})
    assert one.variables == {"name": "Ada"}
    assert await spent(sessions) == 500_000  # a minute is reserved while it rings
    await write_facts(sessions, [begun(one.call_id), answered(one.call_id, after(5))])
    assert (await look(sessions, one.call_id)).state is PlacementState.ANSWERED
    await write_facts(sessions, [over(one.call_id, 70, EndCause.CALLEE_HANGUP, 65_000)])
    now = await look(sessions, one.call_id)
    assert (now.state, now.outcome) == (PlacementState.ENDED, PlacementOutcome.ANSWERED)
    assert now.variables == {}  # what was said to the flow alone is forgotten
    assert (now.cause, now.attempts[0].cost) == (EndCause.CALLEE_HANGUP, 1_000_000)
    assert await spent(sessions, 80) == 1_000_000


@pytest.mark.parametrize(("cause", "wait_s"), [(EndCause.BUSY, 120), (EndCause.NO_ANSWER, 900)])
async def test_busy_and_unanswered_are_tried_again_as_often_as_ordered(
    sessions: Sessions, cause: EndCause, wait_s: int
) -> None:
    one = await claimed(sessions, retry=RetryPolicy(2))
    await write_facts(sessions, [begun(one.call_id), over(one.call_id, 30, cause)])
    now = await look(sessions, one.call_id)
    assert (now.state, now.due_at) == (PlacementState.QUEUED, after(30 + wait_s))
    assert await spent(sessions, 40) == 0
    assert await claim(sessions, now, at_s=29 + wait_s) is None
    two = await claim(sessions, now, at_s=31 + wait_s)
    assert two is not None
    assert (two.number, two.call_id != one.call_id) == (2, True)
    at_s = 60 + wait_s
    await write_facts(sessions, [begun(two.call_id), over(two.call_id, at_s, cause)])
    now = await look(sessions, two.call_id)
    assert now.placement_id == one.call_id
    assert (now.outcome, now.cause) == (PlacementOutcome.UNANSWERED, cause)
    assert [attempt.call_id for attempt in now.attempts] == [one.call_id, two.call_id]


@pytest.mark.parametrize("is_retried", [False, True])
async def test_a_call_whose_edge_died_while_dialling_is_closed_and_obeys_the_policy(
    sessions: Sessions, is_retried: bool
) -> None:
    policy = RetryPolicy(2, {EndCause.EDGE_LOST: 5}) if is_retried else RetryPolicy(2)
    one = await claimed(sessions, retry=policy)
    async with sessions.writing() as session:
        assert await close_calls_of_lost_edges(session, {EDGE: after(20)}) == (one.call_id,)
    now = await look(sessions, one.call_id)
    assert now.attempts[0].cause is EndCause.EDGE_LOST
    assert now.state is (PlacementState.QUEUED if is_retried else PlacementState.ENDED)
    # The edge was silent and not dead: what it knew corrects the attempt, and dials nothing.
    await write_facts(sessions, [begun(one.call_id), over(one.call_id, 9, EndCause.BUSY)])
    again = await look(sessions, one.call_id)
    assert again.attempts[0].cause is EndCause.BUSY
    assert (again.state, again.due_at) == (now.state, now.due_at)


async def test_money_is_reserved_by_the_minute_and_never_passes_the_cap(
    sessions: Sessions,
) -> None:
    one, two = await claimed(sessions), await claimed(sessions)
    assert await spent(sessions) == 1_000_000
    async with sessions.writing() as session:
        placements = Placements(session)
        assert await placements.extend(one.call_id, 120, RULES, after(30)) == 120
        assert await placements.extend(two.call_id, 120, RULES, after(30)) == 120
        assert await placements.extend(one.call_id, 180, RULES, after(90)) == 120
        assert await placements.spent(after(90)) == 2_000_000
        assert await placements.extend("call_nobody", 60, RULES, after(90)) == 0
    three = await order(sessions)
    assert await claim(sessions, three, at_s=91) is None
    now = await look(sessions, three.placement_id)
    assert now.outcome is PlacementOutcome.REFUSED
    assert "TRUNKLINE_OUTBOUND_SPEND_CAP" in now.reason
    # What is not used comes back.
    await write_facts(
        sessions,
        [
            begun(two.call_id),
            answered(two.call_id, after(1)),
            over(two.call_id, 95, EndCause.AGENT_HANGUP, 10_000),
        ],
    )
    assert await spent(sessions, 96) == 1_500_000
    assert await claim(sessions, await order(sessions), at_s=97) is not None


async def test_a_new_day_has_new_money(sessions: Sessions) -> None:
    rules = replace(RULES, spend_cap=500_000)
    assert await claim(sessions, await order(sessions), rules) is not None
    assert await claim(sessions, await order(sessions), rules, 1) is None
    tomorrow = await order(sessions, valid_s=86_400)
    assert await claim(sessions, tomorrow, rules, 13 * 3600) is not None


async def test_no_more_calls_at_once_than_allowed_and_none_in_quiet_hours(
    sessions: Sessions,
) -> None:
    rules = replace(RULES, max_calls=1)
    one = await claim(sessions, await order(sessions), rules)
    waiting = await order(sessions)
    assert one is not None
    assert await claim(sessions, waiting, rules) is None
    assert (await look(sessions, waiting.placement_id)).state is PlacementState.QUEUED
    await write_facts(sessions, [begun(one.call_id), over(one.call_id, 3, EndCause.BUSY)])
    quiet = replace(rules, quiet_hours=as_quiet_hours("11:00-13:00"))
    assert await claim(sessions, waiting, quiet) is None
    assert (await look(sessions, waiting.placement_id)).due_at == NOON + timedelta(hours=1)
    assert await claim(sessions, waiting, quiet, 3600) is not None


async def test_what_is_not_allowed_any_more_is_refused_when_it_is_due(sessions: Sessions) -> None:
    placement = await order(sessions)
    assert await claim(sessions, placement, replace(RULES, plan=DialPlan(("+49",)))) is None
    now = await look(sessions, placement.placement_id)
    assert now.outcome is PlacementOutcome.REFUSED
    assert "TRUNKLINE_OUTBOUND_PREFIXES" in now.reason


async def test_an_order_that_waits_too_long_expires(sessions: Sessions) -> None:
    placement = await order(sessions, valid_s=60)
    async with sessions.writing() as session:
        assert await expire_placements(session, after(59)) == 0
        assert await expire_placements(session, after(61)) == 1
    now = await look(sessions, placement.placement_id)
    assert now.outcome is PlacementOutcome.EXPIRED
    assert await claim(sessions, placement, at_s=62) is None


async def test_an_order_is_taken_back_before_the_answer_only(sessions: Sessions) -> None:
    async def cancel(call_id: str) -> PlacementView:
        async with sessions.writing() as session:
            return await Placements(session).cancel(call_id, after(5))

    waiting = await order(sessions)
    assert (await cancel(waiting.placement_id)).outcome is PlacementOutcome.CANCELLED
    assert await claim(sessions, waiting) is None
    with pytest.raises(Conflict):
        await cancel(waiting.placement_id)

    one = await claimed(sessions, retry=RetryPolicy(5))
    assert (await cancel(one.call_id)).state is PlacementState.DIALLING  # the edge ends it
    await write_facts(sessions, [begun(one.call_id), over(one.call_id, 6, EndCause.BUSY)])
    now = await look(sessions, one.call_id)
    assert (now.outcome, now.cause) == (PlacementOutcome.CANCELLED, EndCause.BUSY)

    two = await claimed(sessions)
    await write_facts(sessions, [begun(two.call_id), answered(two.call_id, after(1))])
    with pytest.raises(Conflict) as refused:
        await cancel(two.call_id)
    assert refused.value.code == "call_answered"
    assert f"{two.call_id}/hangup" in refused.value.message


async def test_a_keys_quota_bounds_what_it_orders(sessions: Sessions) -> None:
    async with sessions.writing() as session:
        key, _ = await KeyRepository(session).create(
            "k", ["calls:write"], NOON, quota=KeyQuota(calls_at_once=1, calls_per_day=2)
        )
    one = await order(sessions, key_id=key.key_id)
    with pytest.raises(TooMany) as refused:
        await order(sessions, key_id=key.key_id)
    assert refused.value.code == "key_calls_at_once"
    async with sessions.writing() as session:
        await Placements(session).cancel(one.placement_id, NOON)
    two = await order(sessions, key_id=key.key_id)
    async with sessions.writing() as session:
        await Placements(session).cancel(two.placement_id, NOON)
    with pytest.raises(TooMany) as refused:
        await order(sessions, key_id=key.key_id)
    assert refused.value.code == "key_calls_per_day"
    assert refused.value.retry_after_s == 12 * 3600 + 1
    await order(sessions, key_id="another key")


async def test_webhooks_are_told_of_the_call_and_of_the_orders_end(sessions: Sessions) -> None:
    async with sessions.writing() as session:
        await WebhookRepository(session).add(
            "https://example.org/x", ["call.started", "call.ended", "placement.ended"], NOON
        )
    one = await claimed(sessions, details={"ticket": 7}, owner="house")
    await write_facts(sessions, [begun(one.call_id), over(one.call_id, 3, EndCause.BUSY)])
    async with sessions.writing() as session:
        told = [orjson.loads(each.body) for each in await Outbox(session).claim(after(4))]
    by_type = {each["type"]: each["data"] for each in told}
    assert set(by_type) == {"call.started", "call.ended", "placement.ended"}
    assert {each["metadata"]["ticket"] for each in by_type.values()} == {7}
    assert by_type["call.ended"]["placement_id"] == one.call_id
    assert (by_type["placement.ended"]["outcome"], by_type["placement.ended"]["cause"]) == (
        "unanswered",
        "busy",
    )
    assert by_type["call.ended"]["direction"] == "outbound"


async def test_the_owner_of_the_key_owns_the_call(sessions: Sessions) -> None:
    placement = await order(sessions, owner="tenant")
    found = await claim(sessions, placement)
    assert found is not None
    await write_facts(sessions, [begun(found.call_id), over(found.call_id, 3, EndCause.BUSY)])
    async with sessions.reading() as session:
        call = await CallRepository(session).summary(found.call_id, owner="tenant")
        assert (await Placements(session).get(found.call_id, owner="tenant")).owner == "tenant"
    assert call.owner == "tenant"
