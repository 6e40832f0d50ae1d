"""Hold queues in virtual time: humans who are busy, free, away; callers who stay, leave, call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from tests.fakes.leg import FakeLeg
from tests.fakes.scene import Scene, scene
from tests.fakes.switch import FakeSwitch, OutsideLeg
from tests.fakes.virtual_time import run_virtual

from trunkline.calls.switch import SwitchBoard
from trunkline.domain.call import CallState, EndCause
from trunkline.domain.errors import Forbidden
from trunkline.domain.events import (
    CallbackRequested,
    CallStateChanged,
    QueuePlaced,
    TransferAttempted,
)
from trunkline.domain.turn import Speaker
from trunkline.flows.schema.loader import load_flow
from trunkline.runtime.telemetry import QUEUE_CALLERS, QUEUE_WAIT_SECONDS

FLOW = """
agent: {name: desk, display_name: Desk}
start: hold
steps:
  hold:
    say: Please hold.
    queue:
      name: support
      targets: ["sip:ann@192.0.2.1", "sip:ben@192.0.2.1"]
      announce_every_s: 30
      announce: "You are number {{ queue_position }}."
      callback_key: "1"
      max_wait_s: 120
      ring_s: 10
    on_callback: {say: We will call you back.}
    on_timeout: {say: Nobody is free today.}
    on_unavailable: {say: The desk is closed.}
"""


class Hold:
    """A caller in a queue, and the humans who may take them."""

    def __init__(self, call: Scene, switch: FakeSwitch) -> None:
        self.call = call
        self.switch = switch

    async def rung(self, number: int) -> OutsideLeg:
        leg = await self.switch.placed(number)
        leg.alert()
        return leg

    def heard(self, text: str) -> bool:
        return any(text in said for said in self.call.said_by(Speaker.AGENT))

    def states(self) -> list[CallState]:
        return [fact.state for fact in self.call.facts(CallStateChanged)]

    def positions(self) -> list[int]:
        return [fact.position for fact in self.call.facts(QueuePlaced)]


@asynccontextmanager
async def holding(caller: FakeLeg | None = None, **changes: str) -> AsyncIterator[Hold]:
    switch, board = FakeSwitch(), SwitchBoard()
    board.connect(switch)
    text = FLOW
    for old, new in changes.items():
        assert f"{old}:" in text
        text = "\n".join(
            f"      {old}: {new}" if line.strip().startswith(f"{old}:") else line
            for line in text.split("\n")
        )
    async with scene(flow=load_flow(text, environment={}), switch=board, leg=caller) as call:
        await call.heard("Please hold.")
        yield Hold(call, switch)


def test_a_caller_hears_music_and_their_place_until_a_human_has_them() -> None:
    async def play() -> None:
        async with holding() as hold:
            ann = await hold.rung(1)
            assert ann.target == "sip:ann@192.0.2.1"
            await hold.call.heard("You are number 1.")
            await asyncio.sleep(1)
            caller = hold.call.leg
            music = np.frombuffer(b"".join(caller.sent[-25:]), "<i2")
            assert np.abs(music).max() > 300
            ann.pick_up()
            await caller.until(lambda: bool(hold.switch.joined))
            assert hold.switch.joined == [(caller, ann)]
            await asyncio.sleep(5)
            ann.hang_up_by_callee()
            await hold.call.over()
            assert hold.call.end.cause is EndCause.TRANSFERRED
            assert hold.states()[2:4] == [CallState.QUEUED, CallState.BRIDGED]
            assert hold.positions() == [1, 0]

    run_virtual(play())


def test_humans_are_rung_in_turn_and_rest_longer_each_time_they_do_not_answer() -> None:
    async def play() -> None:
        async with holding(max_wait_s="300") as hold:
            began: dict[str, list[float]] = {}
            for number in range(1, 9):
                leg = await hold.rung(number)
                began.setdefault(leg.target, []).append(asyncio.get_running_loop().time())
                await asyncio.sleep(0.5)
                leg.refuse(486)
            ann = began["sip:ann@192.0.2.1"]
            gaps = [later - earlier for earlier, later in pairwise(ann)]
            assert len(ann) == 4
            for gap, rest in zip(gaps, (5, 10, 20), strict=True):
                assert rest <= gap <= rest + 3
            assert len(hold.switch.legs) == 8
            assert all(not leg.hang_ups for leg in hold.switch.legs)
            attempts = [(f.target, f.sip_status) for f in hold.call.facts(TransferAttempted)]
            assert ("sip:ben@192.0.2.1", 486) in attempts
            hold.call.leg.hang_up_by_caller()
            await hold.call.over()

    run_virtual(play())


def test_an_unanswered_phone_is_cancelled_before_the_next_is_rung() -> None:
    async def play() -> None:
        async with holding() as hold:
            ann = await hold.rung(1)
            ben = await hold.rung(2)
            assert [cause for cause, _ in ann.hang_ups] == [EndCause.AGENT_HANGUP]
            ben.pick_up()
            await ben.until(lambda: bool(hold.switch.joined))
            hold.call.leg.hang_up_by_caller()
            await hold.call.over()
            assert len(ben.hang_ups) == 1

    run_virtual(play())


def test_the_place_is_told_at_the_beginning_and_at_every_interval() -> None:
    async def play() -> None:
        async with holding() as hold:
            await asyncio.sleep(100)
            lines = [turn for turn in hold.call.turns if turn.text == "You are number 1."]
            assert len(lines) == 4
            for before, after in pairwise(lines):
                assert 29_000 <= after.started_ms - before.started_ms <= 31_500
            hold.call.leg.hang_up_by_caller()
            await hold.call.over()

    run_virtual(play())


def test_nobody_in_time_brings_the_caller_back_to_the_flow() -> None:
    async def play() -> None:
        async with holding(max_wait_s="25") as hold:
            await hold.call.over()
            assert hold.heard("Nobody is free today.")
            assert hold.states()[2:4] == [CallState.QUEUED, CallState.ANSWERED]
            ended = [leg for leg in hold.switch.legs if leg.ended is not None]
            assert ended == hold.switch.legs  # whoever was being rung is left alone
            assert not hold.call.service._edge.queues.targets.taken()
            waits = QUEUE_WAIT_SECONDS.labels(queue="support", outcome="timeout")
            assert waits._sum.get() >= 25
            assert QUEUE_CALLERS.labels(queue="support")._value.get() == 0

    run_virtual(play())


def test_whoever_picks_up_in_the_last_second_still_gets_the_caller() -> None:
    async def play() -> None:
        async with holding(
            max_wait_s="8", ring_s="10\n      briefing: A caller who waited."
        ) as hold:
            ann = await hold.rung(1)
            await asyncio.sleep(7)
            ann.pick_up()
            await ann.until(lambda: bool(hold.switch.joined))
            assert ann.has_heard(900)
            hold.call.leg.hang_up_by_caller()
            await hold.call.over()
            assert not hold.heard("Nobody is free")

    run_virtual(play())


def test_the_callback_key_keeps_the_number_and_stops_the_phone() -> None:
    async def play() -> None:
        async with holding() as hold:
            ann = await hold.rung(1)
            await asyncio.sleep(3)
            hold.call.leg.press("7")  # no key of this queue
            hold.call.leg.press("1")
            hold.call.leg.press("1")
            await hold.call.over()
            assert hold.heard("We will call you back.")
            (wish,) = hold.call.facts(CallbackRequested)
            assert (wish.number, wish.queue, wish.position) == ("+442071230000", "support", 1)
            assert 3000 <= wish.waited_ms <= 6000
            assert len(ann.hang_ups) == 1

    run_virtual(play())


def test_a_withheld_number_is_no_number_to_call_back() -> None:
    async def play() -> None:
        caller = FakeLeg()
        caller._description = replace(caller.description, caller_number="Anonymous")
        async with holding(caller) as hold:
            caller.press("1")
            await hold.call.over()
            (wish,) = hold.call.facts(CallbackRequested)
            assert wish.number == ""

    run_virtual(play())


def test_a_queue_whose_numbers_do_not_exist_is_told_as_unavailable() -> None:
    async def play() -> None:
        async with holding() as hold:
            for number in (1, 2):
                (await hold.rung(number)).refuse(404)
            await hold.call.over(30)
            assert hold.heard("The desk is closed.")

    run_virtual(play())


def test_a_queue_that_nothing_leads_to_is_told_as_unavailable_at_once() -> None:
    async def play() -> None:
        switch, board = FakeSwitch(), SwitchBoard()
        switch.failure = Forbidden("not in the dial plan")
        board.connect(switch)
        async with scene(flow=load_flow(FLOW, environment={}), switch=board) as call:
            await call.over(30)
            assert "The desk is closed." in call.said_by(Speaker.AGENT)

    run_virtual(play())


@pytest.mark.parametrize("when", ["ringing", "picked up", "between", "joined"])
def test_a_caller_who_hangs_up_leaves_nobody_ringing_and_no_place_taken(when: str) -> None:
    async def play() -> None:
        async with holding() as hold:
            ann = await hold.rung(1)
            if when == "picked up":
                ann.pick_up()
            elif when == "between":
                ann.refuse(486)
                (await hold.rung(2)).refuse(486)
                await asyncio.sleep(1)
            elif when == "joined":
                ann.pick_up()
                await ann.until(lambda: bool(hold.switch.joined))
                await asyncio.sleep(1)
            hold.call.leg.hang_up_by_caller()
            await hold.call.over()
            assert hold.call.end.cause is EndCause.CALLER_HANGUP
            assert all(leg.ended is not None for leg in hold.switch.legs)
            board = hold.call.service._edge.queues
            assert not board.targets.taken()
            assert not board.of("support").callers

    run_virtual(play())


def test_an_edge_that_stops_says_goodbye_to_those_who_wait() -> None:
    async def play() -> None:
        async with holding() as hold:
            await hold.rung(1)
            await asyncio.sleep(2)
            await hold.call.service.drain(5)
            assert hold.call.end.cause is EndCause.DRAINED
            assert hold.heard("I have to end this call now.")
            assert all(leg.ended is not None for leg in hold.switch.legs)

    run_virtual(play())


def test_an_edge_that_stops_puts_nobody_into_a_queue() -> None:
    async def play() -> None:
        switch, board = FakeSwitch(), SwitchBoard()
        board.connect(switch)
        text = FLOW.replace("Please hold.", "Please hold the line for a little while.")
        async with scene(flow=load_flow(text, environment={}), switch=board) as call:
            await call.leg.until(lambda: call.leg.has_heard(500))
            await call.service.drain(0)
            assert call.end.cause is EndCause.DRAINED
            assert not switch.legs
            assert CallState.QUEUED not in [f.state for f in call.facts(CallStateChanged)]

    run_virtual(play())


def test_a_caller_who_holds_the_line_keeps_their_place() -> None:
    async def play() -> None:
        async with holding() as hold:
            ann = await hold.rung(1)
            hold.call.leg.hold_by_caller()
            await asyncio.sleep(3)
            ann.refuse(486)
            ben = await hold.rung(2)
            hold.call.leg.unhold_by_caller()
            await asyncio.sleep(1)
            music = np.frombuffer(b"".join(hold.call.leg.sent[-25:]), "<i2")
            assert np.abs(music).max() > 300
            ben.pick_up()
            await ben.until(lambda: bool(hold.switch.joined))
            assert hold.positions() == [1, 0]
            hold.call.leg.hang_up_by_caller()
            await hold.call.over()

    run_virtual(play())
