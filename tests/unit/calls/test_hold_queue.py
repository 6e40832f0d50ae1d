"""The order of a hold queue, who may be rung for, and how long a target rests."""

from __future__ import annotations

import asyncio
import random
from contextlib import AsyncExitStack

import pytest
from tests.fakes.leg import FakeLeg
from tests.fakes.scene import scene
from tests.fakes.switch import FakeSwitch
from tests.fakes.virtual_time import VirtualClock, run_virtual
from tests.unit.calls.test_queue import FLOW

from trunkline.calls.hold_queue import HoldQueue, Standing, Targets, Waiting, rest_ms, standing
from trunkline.calls.queue_board import QueueBoard
from trunkline.calls.switch import SwitchBoard
from trunkline.domain.call import EndCause
from trunkline.domain.events import QueuePlaced
from trunkline.flows.schema.loader import load_flow


def test_callers_stand_in_the_order_they_came_wherever_they_came() -> None:
    waiting = [Waiting("c", 300), Waiting("a", 100, is_rung_for=True), Waiting("b", 200)]
    assert standing(waiting, "a") == Standing(1, may_ring=True)
    assert standing(waiting, "b") == Standing(2, may_ring=True)
    assert standing(waiting, "c") == Standing(3, may_ring=False)  # b still waits for a phone


def test_a_target_rests_longer_each_time_and_at_most_a_minute() -> None:
    assert [rest_ms(failures) for failures in (1, 2, 3, 4, 5, 50)] == [
        5_000, 10_000, 20_000, 40_000, 60_000, 60_000,
    ]  # fmt: skip


def test_a_target_serves_one_caller_and_is_fresh_again_once_it_has_answered() -> None:
    targets = Targets()
    targets.take("ann", "a")
    assert targets.free(["ann", "ben"], 0) == ["ben"]
    targets.give_back("ann", "b")  # not theirs to give
    assert targets.free(["ann"], 0) == []
    assert targets.failed("ann", 0) == 5_000
    targets.give_back("ann", "a")
    assert targets.free(["ann"], 4_999) == []
    assert targets.free(["ann"], 5_000) == ["ann"]
    targets.take("ann", "c")
    targets.answered("ann")
    targets.give_back("ann", "c")
    assert targets.failed("ann", 9_000) == 5_000


def test_targets_that_nobody_asks_for_any_more_are_forgotten() -> None:
    targets = Targets()
    for number in range(3000):
        targets.failed(f"sip:{number}@192.0.2.1", number * 100)
    assert len(targets._targets) <= 1001


def test_the_wait_is_estimated_from_how_long_conversations_were() -> None:
    queue = HoldQueue()
    assert queue.estimate_ms(1, 2) is None
    queue.talks_ms.extend([60_000, 180_000])
    assert queue.estimate_ms(1, 2) == 60_000
    assert queue.estimate_ms(4, 2) == 240_000


def test_two_callers_share_two_humans_first_come_first_served() -> None:
    async def play() -> None:
        switch, switches, board = FakeSwitch(), SwitchBoard(), QueueBoard()
        switches.connect(switch)
        flow = load_flow(FLOW.replace('"sip:ann@192.0.2.1", ', ""), environment={})
        async with AsyncExitStack() as stack:
            first = await stack.enter_async_context(scene(flow=flow, switch=switches, queues=board))
            await first.heard("You are number 1.")
            leg = FakeLeg()
            second = await stack.enter_async_context(
                scene(flow=flow, switch=switches, queues=board, leg=leg)
            )
            await second.heard("You are number 2.")
            ben = await switch.placed(1)
            ben.alert()
            await asyncio.sleep(3)
            assert len(switch.legs) == 1  # nobody else is there to be rung for the second
            ben.pick_up()
            await ben.until(lambda: bool(switch.joined))
            assert switch.joined == [(first.leg, ben)]
            await asyncio.sleep(60)
            assert len(switch.legs) == 1  # ben is talking
            assert [fact.position for fact in second.facts(QueuePlaced)] == [2, 1]
            ben.hang_up_by_callee()
            again = await switch.placed(2)
            again.pick_up()
            await again.until(lambda: len(switch.joined) == 2)
            assert switch.joined[1] == (second.leg, again)
            assert board.of("support").estimate_ms(1, 1) is not None
            again.hang_up_by_callee()
            await first.over()
            await second.over()
            assert {first.end.cause, second.end.cause} == {EndCause.TRANSFERRED}

    run_virtual(play())


def test_a_caller_behind_is_served_while_the_one_ahead_is_being_rung_for() -> None:
    async def play() -> None:
        board, clock = QueueBoard(), VirtualClock()
        await board.join("q", "a", clock)
        await asyncio.sleep(1)
        await board.join("q", "b", clock)
        assert not board.standing("q", "b").may_ring
        assert await board.take("q", "a", ["ann", "ben"], clock) == "ann"
        assert board.standing("q", "b") == Standing(2, may_ring=True)
        assert await board.take("q", "b", ["ann", "ben"], clock) == "ben"
        assert await board.take("q", "a", ["ann", "ben"], clock) is None
        board.failed("q", "a", "ann", clock)
        assert not board.standing("q", "b").may_ring  # a is next again
        await asyncio.sleep(5.1)
        assert await board.take("q", "a", ["ann", "ben"], clock) == "ann"

    run_virtual(play())


@pytest.mark.parametrize("seed", range(8))
def test_whoever_came_first_is_served_first_however_often_the_others_look(seed: int) -> None:
    async def play() -> None:
        board, clock, chance = QueueBoard(), VirtualClock(), random.Random(seed)
        came: list[str] = []
        served: list[str] = []
        talking: dict[str, tuple[str, int]] = {}
        humans = [f"human-{number}" for number in range(chance.randint(1, 4))]
        for tick in range(120):
            await asyncio.sleep(0.5)
            if tick < 60 and chance.random() < 0.5:
                came.append(f"caller-{len(came)}")
                await board.join("q", came[-1], clock)
            waiting = list(board.of("q").callers)
            chance.shuffle(waiting)
            for call_id in waiting:
                if not board.standing("q", call_id).may_ring:
                    continue
                human = await board.take("q", call_id, humans, clock)
                if human is not None:
                    board.leave("q", call_id)
                    served.append(call_id)
                    talking[human] = (call_id, tick + chance.randint(1, 6))
            for human, (call_id, until) in list(talking.items()):
                if tick >= until:
                    del talking[human]
                    board.talked("q", human, call_id, 1000)
            assert len({call_id for call_id, _ in talking.values()}) == len(talking)
        assert len(served) > 10
        assert served == came[: len(served)]  # the others still wait

    run_virtual(play())
