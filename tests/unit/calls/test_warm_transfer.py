"""Warm transfers in virtual time: a human who answers, is busy, rings out, declines, hangs up."""

from __future__ import annotations

import asyncio
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np
import pytest
from tests.fakes.scene import Scene, scene
from tests.fakes.switch import FakeSwitch, OutsideLeg
from tests.fakes.virtual_time import run_virtual
from tests.fakes.voices import quiet, tone, voiced

from trunkline.calls.session import CallSession
from trunkline.calls.switch import SwitchBoard
from trunkline.domain.call import CallState, EndCause
from trunkline.domain.errors import Forbidden
from trunkline.domain.events import CallStateChanged, RecordingClosed, TransferAttempted
from trunkline.flows.actions import Transfer, TransferMode
from trunkline.runtime.supervision import nursery

BRIEFING = "A caller who would like to pay a bill."


class Talk:
    """A call that has come to a transfer, and the humans it may go to."""

    def __init__(self, call: Scene, session: CallSession, switch: FakeSwitch) -> None:
        self.call = call
        self.session = session
        self.switch = switch

    def transfer(
        self, *, needs_key: bool = False, ring_ms: int = 20_000, detects_machine: bool = False
    ) -> None:
        action = Transfer(
            "sip:desk@192.0.2.9", TransferMode.WARM, BRIEFING, ring_ms, needs_key, detects_machine
        )
        self.session.spawn(self.session.away.transfer(action), "transfer")

    async def human(self) -> OutsideLeg:
        leg = await self.switch.placed(1)
        leg.alert()
        return leg

    def attempts(self) -> list[tuple[int | None, bool]]:
        return [(f.sip_status, f.is_final) for f in self.call.facts(TransferAttempted)]

    def states(self) -> list[CallState]:
        return [fact.state for fact in self.call.facts(CallStateChanged)]


@asynccontextmanager
async def talking() -> AsyncIterator[Talk]:
    switch, board = FakeSwitch(), SwitchBoard()
    board.connect(switch)
    async with scene(switch=board) as call:
        await call.heard("How can I help you")
        (session,) = [end.__self__ for end in call.service._live._ends.values()]  # type: ignore[attr-defined]
        async with nursery("talk"):
            yield Talk(call, session, switch)


def test_a_human_is_briefed_and_joined_and_both_are_on_record() -> None:
    async def play() -> None:
        async with talking() as talk:
            talk.transfer()
            human = await talk.human()
            assert human.target == "sip:desk@192.0.2.9"
            await asyncio.sleep(2)
            caller = talk.call.leg
            music = np.frombuffer(b"".join(caller.sent[-50:]), "<i2")
            assert np.abs(music).max() > 300  # music while the phone rings
            human.pick_up()
            await human.until(lambda: bool(talk.switch.joined))
            # Nine words at 250 ms each were spoken to the human before they were joined.
            assert human.played_samples() == 9 * 250 * 8
            assert talk.switch.joined == [(caller, human)]
            await asyncio.sleep(0.5)
            human.say(tone(1000, 700.0))
            caller.say(tone(1000, 500.0))
            await asyncio.sleep(1.5)
            human.hang_up_by_callee()
            await talk.call.over()
            assert talk.call.end.cause is EndCause.TRANSFERRED
            assert talk.call.leg.hang_ups == [(EndCause.TRANSFERRED, 200)]
            assert talk.attempts() == [(180, False), (200, False), (200, True)]
            assert talk.states()[-4:] == [
                CallState.TRANSFERRING,
                CallState.BRIDGED,
                CallState.ENDING,
                CallState.ENDED,
            ]
            left, right = recorded(talk.call)
            assert loudest_hz(left[-12000:]) == pytest.approx(500, abs=5)
            assert loudest_hz(right[-12000:]) == pytest.approx(700, abs=5)

    run_virtual(play())


def recorded(call: Scene) -> tuple[np.ndarray, np.ndarray]:
    (closed,) = call.facts(RecordingClosed)
    with wave.open(str(call.data_dir / closed.path)) as file:
        both = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
    return both[:, 0], both[:, 1]


def loudest_hz(samples: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft(samples.astype(float)))
    return float(np.argmax(spectrum) * 8000 / len(samples))


@pytest.mark.parametrize(("status", "final"), [(486, 486), (603, 603), (404, 404)])
def test_a_human_who_refuses_gives_the_caller_back(status: int, final: int) -> None:
    async def play() -> None:
        async with talking() as talk:
            talk.transfer()
            (await talk.human()).refuse(status)
            await talk.call.leg.until(lambda: talk.states()[-1] is CallState.ANSWERED)
            assert talk.attempts()[-1] == (final, True)
            assert not talk.session.away.is_away
            assert not talk.session.beside
            talk.call.leg.hang_up_by_caller()
            await talk.call.over()

    run_virtual(play())


def test_a_phone_that_rings_out_is_cancelled() -> None:
    async def play() -> None:
        async with talking() as talk:
            talk.transfer(ring_ms=5000)
            human = await talk.human()
            await talk.call.leg.until(lambda: talk.states()[-1] is CallState.ANSWERED)
            assert talk.attempts()[-1] == (408, True)
            assert [cause for cause, _ in human.hang_ups] == [EndCause.AGENT_HANGUP]
            talk.call.leg.hang_up_by_caller()
            await talk.call.over()

    run_virtual(play())


@pytest.mark.parametrize("how", ["declines", "hangs up", "never presses"])
def test_a_human_who_must_press_one_and_does_not_is_not_given_the_caller(how: str) -> None:
    async def play() -> None:
        async with talking() as talk:
            talk.transfer(needs_key=True)
            human = await talk.human()
            human.pick_up()
            await human.until(lambda: human.has_heard(4000))
            if how == "declines":
                human.press("2")
            elif how == "hangs up":
                human.hang_up_by_callee()
            await talk.call.leg.until(lambda: talk.states()[-1] is CallState.ANSWERED)
            assert not talk.switch.joined
            assert talk.attempts()[-1] == (408 if how == "never presses" else 603, True)
            talk.call.leg.hang_up_by_caller()
            await talk.call.over()

    run_virtual(play())


def test_one_pressed_joins_them_and_the_callers_keys_reach_the_human() -> None:
    async def play() -> None:
        async with talking() as talk:
            talk.transfer(needs_key=True)
            human = await talk.human()
            human.pick_up()
            await asyncio.sleep(0.5)
            human.press("1")
            await human.until(lambda: bool(talk.switch.joined))
            await asyncio.sleep(0.1)
            talk.call.leg.press("5")
            await human.until(lambda: human.digits_sent == ["5"])
            talk.call.leg.hang_up_by_caller()
            await talk.call.over()
            assert talk.call.end.cause is EndCause.CALLER_HANGUP
            assert len(human.hang_ups) == 1

    run_virtual(play())


def test_a_caller_who_hangs_up_while_the_phone_rings_leaves_no_leg_behind() -> None:
    async def play() -> None:
        async with talking() as talk:
            talk.transfer()
            human = await talk.human()
            await asyncio.sleep(1)
            talk.call.leg.hang_up_by_caller()
            await talk.call.over()
            assert len(human.hang_ups) == 1
            assert talk.call.end.cause is EndCause.CALLER_HANGUP

    run_virtual(play())


def test_a_number_that_may_not_be_dialled_gives_the_caller_back() -> None:
    async def play() -> None:
        async with talking() as talk:
            talk.switch.failure = Forbidden("not in the dial plan")
            talk.transfer()
            await talk.call.leg.until(lambda: talk.attempts() == [(403, True)])
            assert talk.states()[-1] is CallState.ANSWERED
            talk.call.leg.hang_up_by_caller()
            await talk.call.over()

    run_virtual(play())


@pytest.mark.parametrize("hears", ["a greeting", "a beep"])
def test_a_recording_that_picks_up_is_no_answer(hears: str) -> None:
    async def play() -> None:
        async with talking() as talk:
            talk.transfer(detects_machine=True)
            human = await talk.human()
            human.pick_up()
            human.say(quiet(300) + (voiced(6000) if hears == "a greeting" else tone(400, 1000.0)))
            await talk.call.leg.until(lambda: talk.states()[-1] is CallState.ANSWERED)
            assert not talk.switch.joined
            assert talk.attempts()[-1] == (408, True)
            assert len(human.hang_ups) == 1
            talk.call.leg.hang_up_by_caller()
            await talk.call.over()

    run_virtual(play())


@pytest.mark.parametrize("says", [b"", quiet(400) + voiced(600)])
def test_whoever_says_a_word_or_nothing_is_given_the_caller(says: bytes) -> None:
    async def play() -> None:
        async with talking() as talk:
            talk.transfer(detects_machine=True)
            human = await talk.human()
            human.pick_up()
            human.say(says)
            await human.until(lambda: bool(talk.switch.joined))
            talk.call.leg.hang_up_by_caller()
            await talk.call.over()

    run_virtual(play())


def test_an_edge_that_stops_rings_nobody_any_more_while_it_says_goodbye() -> None:
    async def play() -> None:
        async with talking() as talk:
            talk.transfer()
            human = await talk.human()
            await talk.call.service.drain(1)
            assert talk.call.end.cause is EndCause.DRAINED
            assert len(human.hang_ups) == 1
            assert not talk.switch.joined
            (goodbye,) = [turn for turn in talk.call.turns if "have to end this call" in turn.text]
            assert not goodbye.is_interrupted

    run_virtual(play())
