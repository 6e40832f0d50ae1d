"""Calls that we place, in virtual time: rung, answered, greeted, paid for, refused, ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from tests.fakes.scene import Scene, scene
from tests.fakes.switch import FakeSwitch, OutsideLeg
from tests.fakes.virtual_time import run_virtual
from tests.fakes.voices import voiced

from trunkline.calls.control import HangUpCall, PlaceCall
from trunkline.calls.switch import SwitchBoard
from trunkline.domain.call import CallState, Direction, EndCause
from trunkline.domain.errors import Forbidden, TrunkError
from trunkline.domain.events import CallAnswered, CallStarted, CallStateChanged, RecordingClosed
from trunkline.domain.ids import CallId
from trunkline.domain.outbound import OutboundRoute
from trunkline.domain.tariff import Price
from trunkline.domain.turn import Speaker
from trunkline.flows.flow import Flow
from trunkline.flows.schema.loader import load_flow
from trunkline.storage.placement_views import ClaimedPlacement

CALL = CallId("call_ordered")
REMINDER = """
agent:
  name: reminder
  display_name: Reminder
  language: en-GB
  voice: ash
variables: {patient: nobody}
start: greet
intents:
  fine: {label: fine, description: Fine., examples: [fine, "yes"], goto: bye}
policies:
  no_input: {after_ms: 60000, reprompts: ["Are you there?", "Hello?", "Anybody?"]}
steps:
  greet:
    say: "Hello {{ patient }}, this is a reminder, {{ direction }} to {{ called_number }}."
    listen: {intents: [fine]}
  bye: {say: Goodbye., hang_up: done}
"""


def placed(**changes: Any) -> ClaimedPlacement:
    one = ClaimedPlacement(
        placement_id=CALL,
        call_id=CALL,
        number=1,
        route=OutboundRoute("+441632960100", "carrier", Price(0), "+441632960000"),
        agent="reminder",
        variables={"patient": "Ada", "call_id": "forged"},
        ring_s=20,
        longest_s=600,
        granted_s=60,
        is_metered=False,
    )
    return replace(one, **changes)


class OneOrder:
    """Claimed once; ``funds_s`` is how much talk the money pays for."""

    def __init__(self, order: ClaimedPlacement, funds_s: int = 10_000) -> None:
        self.order: ClaimedPlacement | None = order
        self.funds_s = funds_s
        self.asked: list[tuple[str, int]] = []
        self.open: list[CallId] = []

    async def claim(self, placement_id: str) -> ClaimedPlacement | None:
        await asyncio.sleep(0.01)
        order, self.order = self.order, None
        return order

    async def extend(self, call_id: str, wanted_s: int) -> int:
        self.asked.append((call_id, wanted_s))
        return wanted_s if wanted_s <= self.funds_s else 0

    async def strays(self) -> list[CallId]:
        return self.open


class Talk:
    def __init__(self, call: Scene, switch: FakeSwitch, orders: OneOrder) -> None:
        self.call = call
        self.switch = switch
        self.orders = orders

    async def phone(self) -> OutsideLeg:
        """Whoever is called: their phone, ringing."""
        self.call.service.obey(PlaceCall(CALL))
        leg = await self.switch.placed(1)
        self.call.leg = leg
        leg.alert()
        return leg

    def states(self) -> list[CallState]:
        return [fact.state for fact in self.call.facts(CallStateChanged)]

    def said(self) -> list[str]:
        return self.call.said_by(Speaker.AGENT)


def reminder() -> Flow:
    return load_flow(REMINDER, environment={})


@asynccontextmanager
async def ordered(
    order: ClaimedPlacement | None = None, funds_s: int = 10_000
) -> AsyncIterator[Talk]:
    switch, board = FakeSwitch(), SwitchBoard()
    board.connect(switch)
    orders = OneOrder(order or placed(), funds_s)
    async with scene(flow=reminder(), switch=board, orders=orders, is_called=False) as call:
        yield Talk(call, switch, orders)


def test_an_answered_call_is_a_call_with_its_variables() -> None:
    async def play() -> None:
        async with ordered() as talk:
            phone = await talk.phone()
            await asyncio.sleep(4)
            assert talk.states() == [CallState.RINGING]
            phone.pick_up()
            phone.say(voiced(500))
            await talk.call.heard("this is a reminder")
            phone.hang_up_by_callee()
            await talk.call.over()
            assert talk.said() == ["Hello Ada, this is a reminder, outbound to +441632960100."]
            (began,) = talk.call.facts(CallStarted)
            assert (began.direction, began.agent) == (Direction.OUTBOUND, "reminder")
            assert (began.caller_number, began.called_number) == ("+441632960000", "+441632960100")
            assert talk.states() == [CallState.RINGING, CallState.ANSWERED, CallState.ENDED]
            assert talk.call.end.cause is EndCause.CALLEE_HANGUP
            assert talk.call.facts(CallAnswered)[0].setup_ms > 3900
            (recording,) = talk.call.facts(RecordingClosed)
            assert abs(recording.duration_ms - talk.call.end.duration_ms) < 100
            assert {fact.call_id for fact in talk.call.sink.facts} == {CALL}

    run_virtual(play())


@pytest.mark.parametrize(
    ("hello_ms", "at_least_ms", "at_most_ms"),
    [(0, 1500, 1700), (400, 800, 1100), (2000, 2400, 2700), (10_000, 4000, 4200)],
)
def test_the_called_person_speaks_first(hello_ms: int, at_least_ms: int, at_most_ms: int) -> None:
    async def play() -> None:
        async with ordered() as talk:
            phone = await talk.phone()
            phone.pick_up()
            if hello_ms:
                phone.say(voiced(hello_ms))
            await phone.until(lambda: phone.played_samples() > 0)
            assert at_least_ms <= len(phone.sent) * 20 <= at_most_ms

    run_virtual(play())


@pytest.mark.parametrize(
    ("status", "cause"),
    [
        (486, EndCause.BUSY),
        (480, EndCause.NO_ANSWER),
        (603, EndCause.REJECTED),
        (404, EndCause.UNREACHABLE),
        (503, EndCause.TRUNK_ERROR),
    ],
)
def test_a_refusal_ends_the_call_with_its_cause(status: int, cause: EndCause) -> None:
    async def play() -> None:
        async with ordered() as talk:
            (await talk.phone()).refuse(status)
            await talk.call.over()
            assert (talk.call.end.cause, talk.call.end.sip_status) == (cause, status)
            assert (talk.call.end.duration_ms, talk.said()) == (0, [])

    run_virtual(play())


def test_a_phone_that_rings_out_is_cancelled() -> None:
    async def play() -> None:
        async with ordered() as talk:
            phone = await talk.phone()
            await talk.call.over()
            assert 19 < asyncio.get_running_loop().time() < 23
            assert talk.call.end.cause is EndCause.NO_ANSWER
            assert "20 s" in talk.call.end.reason
            assert [cause for cause, _ in phone.hang_ups] == [EndCause.NO_ANSWER]
            assert not talk.call.facts(RecordingClosed)

    run_virtual(play())


@pytest.mark.parametrize(
    ("failure", "cause"),
    [
        (Forbidden("not in the dial plan"), EndCause.REJECTED),
        (TrunkError("no"), EndCause.TRUNK_ERROR),
    ],
)
def test_a_call_that_cannot_be_dialled_still_ends_in_the_database(
    failure: Forbidden | TrunkError, cause: EndCause
) -> None:
    async def play() -> None:
        async with ordered() as talk:
            talk.switch.failure = failure
            talk.call.service.obey(PlaceCall(CALL))
            await asyncio.sleep(1)
            assert talk.call.facts(CallStarted)[0].direction is Direction.OUTBOUND
            assert (talk.call.end.call_id, talk.call.end.cause) == (CALL, cause)
            assert failure.message in talk.call.end.reason

    run_virtual(play())


def test_an_agent_that_is_gone_ends_the_call_before_it_is_dialled() -> None:
    async def play() -> None:
        async with ordered(placed(agent="nobody")) as talk:
            talk.call.service.obey(PlaceCall(CALL))
            await asyncio.sleep(1)
            assert not talk.switch.legs
            assert talk.call.end.cause is EndCause.FLOW_ERROR

    run_virtual(play())


def test_an_order_that_is_told_of_twice_is_dialled_once() -> None:
    async def play() -> None:
        async with ordered() as talk:
            for _ in range(5):
                talk.call.service.obey(PlaceCall(CALL))
            phone = await talk.switch.placed(1)
            talk.call.service.obey(PlaceCall(CALL))
            await asyncio.sleep(1)
            assert len(talk.switch.legs) == 1
            phone.refuse(486)
            await talk.call.over()

    run_virtual(play())


@pytest.mark.parametrize("is_answered", [False, True])
def test_an_operator_ends_a_placed_call_whether_or_not_it_was_answered(is_answered: bool) -> None:
    async def play() -> None:
        async with ordered() as talk:
            phone = await talk.phone()
            if is_answered:
                phone.pick_up()
                await talk.call.heard("reminder")
            talk.call.service.obey(HangUpCall(CALL, "Ada"))
            await talk.call.over()
            assert talk.call.end.cause is EndCause.OPERATOR_HANGUP
            assert len(phone.hang_ups) == 1

    run_virtual(play())


def test_a_call_asks_for_more_money_in_time_and_says_goodbye_when_it_is_used_up() -> None:
    async def play() -> None:
        async with ordered(placed(is_metered=True, granted_s=60), funds_s=120) as talk:
            phone = await talk.phone()
            phone.pick_up()
            await talk.call.over()
            assert talk.orders.asked[0] == (CALL, 120)
            assert {wanted for _, wanted in talk.orders.asked[1:]} == {180}
            assert talk.call.end.cause is EndCause.LIMIT_REACHED
            assert "spend cap" in talk.call.end.reason
            assert "I have to end this call now" in talk.said()[-1]
            assert 100_000 < talk.call.end.duration_ms <= 120_000

    run_virtual(play())


@pytest.mark.parametrize("longest_s", [10, 90])
def test_a_call_lasts_no_longer_than_it_may(longest_s: int) -> None:
    async def play() -> None:
        order = placed(is_metered=True, granted_s=min(60, longest_s), longest_s=longest_s)
        async with ordered(order) as talk:
            phone = await talk.phone()
            phone.pick_up()
            await talk.call.over()
            assert talk.call.end.cause is EndCause.LIMIT_REACHED
            assert f"{longest_s} s" in talk.call.end.reason
            assert talk.call.end.duration_ms <= longest_s * 1000 + 3000

    run_virtual(play())


def test_a_claim_whose_answer_was_lost_is_closed() -> None:
    async def play() -> None:
        async with ordered() as talk:
            phone = await talk.phone()
            talk.orders.open = [CALL, CallId("call_lost")]
            placing = talk.call.service.placing
            assert placing is not None
            await placing.close_strays()
            assert (talk.call.end.call_id, talk.call.end.cause) == (
                "call_lost",
                EndCause.INTERNAL_ERROR,
            )
            phone.refuse(486)
            await talk.call.over()

    run_virtual(play())
