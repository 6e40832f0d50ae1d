"""A supervisor takes a call over, in virtual time: joined, given back, not reached, in the way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from tests.fakes.scene import Scene, scene
from tests.fakes.switch import FakeSwitch, OutsideLeg
from tests.fakes.virtual_time import run_virtual
from tests.fakes.voices import quiet, tone, voiced

from trunkline.calls.control import TakeOverCall
from trunkline.calls.house_lines import house_lines
from trunkline.calls.session import CallSession
from trunkline.calls.switch import SwitchBoard
from trunkline.domain.call import CallState, EndCause
from trunkline.domain.errors import Forbidden
from trunkline.domain.events import CallStateChanged, TakeOverChanged
from trunkline.domain.turn import Speaker
from trunkline.flows.actions import Transfer, TransferMode
from trunkline.runtime.supervision import nursery

LINES = house_lines("en")


class Taking:
    """A call at its first question, and the phone of who takes it over."""

    def __init__(self, call: Scene, session: CallSession, switch: FakeSwitch) -> None:
        self.call, self.session, self.switch = call, session, switch

    def take(self, take_over_id: str = "take_one") -> None:
        command = TakeOverCall(self.session.call_id, take_over_id, "sip:ann@192.0.2.7", "user:ann")
        assert self.session.take_result(command)

    async def phone(self) -> OutsideLeg:
        leg = await self.switch.placed(1)
        leg.alert()
        return leg

    async def joined(self) -> OutsideLeg:
        self.take()
        phone = await self.phone()
        phone.pick_up()
        phone.press("1")
        await phone.until(lambda: bool(self.switch.joined))
        return phone

    def said(self) -> list[str]:
        return self.call.said_by(Speaker.AGENT)

    def stages(self) -> list[tuple[str, str]]:
        return [(fact.stage, fact.cause) for fact in self.call.facts(TakeOverChanged)]

    def states(self) -> list[CallState]:
        return [fact.state for fact in self.call.facts(CallStateChanged)]

    async def told(self, stage: str) -> None:
        async with asyncio.timeout(30):
            while stage not in [one for one, _ in self.stages()]:
                await asyncio.sleep(0.05)


@asynccontextmanager
async def taking() -> AsyncIterator[Taking]:
    switch, board = FakeSwitch(), SwitchBoard()
    board.connect(switch)
    async with scene(switch=board) as call:
        await call.heard("How can I help you")
        (session,) = [end.__self__ for end in call.service._live._ends.values()]  # type: ignore[attr-defined]
        async with nursery("taking"):
            yield Taking(call, session, switch)


@pytest.mark.parametrize("how", ["hangs up", "presses star"])
def test_they_talk_while_the_agent_is_silent_and_the_agent_goes_on_where_it_was(how: str) -> None:
    async def play() -> None:
        async with taking() as one:
            phone = await one.joined()
            assert one.switch.joined == [(one.call.leg, phone)]
            await one.told("joined")
            assert LINES.put_through in one.said()
            before = one.said()
            one.call.leg.say(voiced(1500))
            await asyncio.sleep(20)
            assert one.said() == before, "nobody but the two speaks"
            if how == "hangs up":
                phone.hang_up_by_callee()
            else:
                phone.press("*")
            await one.call.heard(LINES.with_you_again)
            async with asyncio.timeout(30):
                while sum("How can I help you" in line for line in one.said()) < 2:
                    await asyncio.sleep(0.1)
            assert one.stages() == [
                ("ringing", ""), ("answered", ""), ("joined", ""), ("handed_back", ""),
            ]  # fmt: skip
            assert one.states()[-3:] == [
                CallState.TRANSFERRING, CallState.BRIDGED, CallState.ANSWERED,
            ]  # fmt: skip
            assert phone.hang_ups or how == "hangs up"
            one.call.leg.hang_up_by_caller()
            await one.call.over()
            assert one.call.end.cause is EndCause.CALLER_HANGUP

    run_virtual(play())


@pytest.mark.parametrize(
    ("answer", "cause"), [(486, "busy"), (603, "rejected"), (404, "unreachable"), (0, "no_answer")]
)
def test_who_is_not_reached_leaves_the_caller_with_the_agent(answer: int, cause: str) -> None:
    async def play() -> None:
        async with taking() as one:
            one.take()
            phone = await one.phone()
            if answer:
                phone.refuse(answer)
            await one.told("failed")
            assert one.stages()[-1] == ("failed", cause)
            assert one.session.record.state is CallState.ANSWERED
            assert LINES.put_through not in one.said()

    run_virtual(play())


def test_the_dial_plan_is_obeyed() -> None:
    async def play() -> None:
        async with taking() as one:
            one.switch.failure = Forbidden("no", code="number_not_allowed")
            one.take()
            await one.told("failed")
            assert one.stages() == [("failed", "rejected")]

    run_virtual(play())


def test_a_second_one_is_told_that_somebody_is_at_it_and_may_come_later() -> None:
    async def play() -> None:
        async with taking() as one:
            one.take()
            phone = await one.phone()
            one.take("take_two")
            assert one.stages()[-1] == ("failed", "under_way")
            phone.refuse(486)
            await asyncio.sleep(1)
            one.take("take_three")
            await one.switch.placed(2)

    run_virtual(play())


def test_a_caller_on_the_way_to_somebody_is_not_taken_over() -> None:
    async def play() -> None:
        async with taking() as one:
            action = Transfer("sip:desk@192.0.2.9", TransferMode.WARM)
            one.session.spawn(one.session.away.transfer(action), "transfer")
            await one.switch.placed(1)
            one.take()
            assert one.stages() == [("failed", "not_free")]

    run_virtual(play())


def test_a_caller_who_leaves_while_it_rings_stops_the_phone() -> None:
    async def play() -> None:
        async with taking() as one:
            one.take()
            phone = await one.phone()
            one.call.leg.hang_up_by_caller()
            await one.call.over()
            assert phone.hang_ups

    run_virtual(play())


def test_a_caller_who_leaves_the_talk_ends_both_legs() -> None:
    async def play() -> None:
        async with taking() as one:
            phone = await one.joined()
            await one.told("joined")
            one.call.leg.say(tone(400, 500.0))
            one.call.leg.say(quiet(100))
            one.call.leg.hang_up_by_caller()
            await one.call.over()
            assert one.call.end.cause is EndCause.CALLER_HANGUP
            assert phone.hang_ups

    run_virtual(play())
