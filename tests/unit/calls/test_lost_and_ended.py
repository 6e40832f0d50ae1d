"""What goes wrong in a call, and how calls end: always once, always with all their facts."""

from __future__ import annotations

import asyncio
import wave

import pytest
from tests.fakes.leg import FakeLeg
from tests.fakes.scene import Scene, scene
from tests.fakes.virtual_time import run_virtual
from tests.fakes.voices import voiced
from tests.unit.calls.test_whole_calls import BALANCE, BALANCE_CALL, ask_for_balance

from trunkline.calls.control import HangUpCall
from trunkline.calls.serving import HeldFlows
from trunkline.domain.call import CallState, EndCause
from trunkline.domain.events import (
    CallEnded,
    CallStarted,
    CallStateChanged,
    RecordingClosed,
    RecordingState,
    TransferAttempted,
)
from trunkline.domain.turn import Speaker, TurnKind
from trunkline.model.script import Script
from trunkline.realtime.client_events import ItemCreate, SessionUpdate
from trunkline.realtime.items import item_text

TO_A_PERSON = Script.model_validate(
    {
        "transcripts": ["a person please", "no thanks"],
        "replies": [
            {"match": "person", "tool": {"name": "intent_operator"}},
            {"match": "no thanks", "tool": {"name": "intent_no_more"}},
        ],
    }
)


def test_a_lost_engine_is_replaced_with_the_whole_conversation() -> None:
    async def play() -> None:
        async with scene(BALANCE_CALL) as call:
            call.tools.answers["get_balance"] = BALANCE
            await call.heard("How can I help you")
            call.leg.say(voiced(900))
            await call.heard("account number?")
            call.endpoint.kill()
            await call.heard("Sorry, one moment please.")
            call.leg.say(voiced(1800))
            await call.heard("You owe")
            fresh = call.endpoint.sessions[1]
            told = [item_text(e.item) for e in fresh.told if isinstance(e, ItemCreate)]
            assert "what is my balance" in told
            assert "What is your eight digit account number?" in told
            first = next(e for e in fresh.told if isinstance(e, SessionUpdate))
            assert [tool["name"] for tool in first.session["tools"]][0] == "collect_balance_account"

    run_virtual(play())


def test_an_answer_that_was_owed_when_the_engine_died_is_asked_of_the_next() -> None:
    slow = BALANCE_CALL.model_copy(
        update={
            "replies": (
                BALANCE_CALL.replies[0].model_copy(update={"delay_ms": 1000}),
                *BALANCE_CALL.replies[1:],
            )
        }
    )

    async def play() -> None:
        async with scene(slow, fallback_engine="spare") as call:
            await call.heard("How can I help you")
            call.leg.say(voiced(900))
            await call.leg.until(lambda: "Answer" in str(call.decisions()))
            call.endpoint.kill()
            await call.heard("account number?")
            assert call.endpoint.asked == ["scripted", "scripted"]

    run_virtual(play())


def test_an_engine_that_stays_away_ends_in_the_flows_own_apology() -> None:
    async def play() -> None:
        async with scene(BALANCE_CALL) as call:
            await call.heard("How can I help you")
            call.endpoint.is_down = True
            call.speech.is_down = True
            call.endpoint.kill()
            await call.over()
            assert "we have a technical problem" in call.said_by(Speaker.AGENT)[-1]
            assert call.end.cause is EndCause.ENGINE_ERROR
            assert call.leg.hang_ups == [(EndCause.ENGINE_ERROR, None)]

    run_virtual(play())


def test_a_call_without_any_engine_is_answered_with_an_apology_and_no_greeting() -> None:
    async def play() -> None:
        async with scene(BALANCE_CALL) as call:
            call.endpoint.is_down = True
            await call.over()
            (said,) = call.said_by(Speaker.AGENT)
            assert "technical problem" in said
            assert call.end.cause is EndCause.ENGINE_ERROR

    run_virtual(play())


def test_a_call_for_which_nothing_can_be_said_is_refused() -> None:
    async def play() -> None:
        async with scene(BALANCE_CALL, is_warm=False) as call:
            call.endpoint.is_down = call.speech.is_down = True
            await call.over()
            assert call.leg.answered_at_s is None
            assert call.leg.hang_ups == [(EndCause.ENGINE_ERROR, 503)]

    run_virtual(play())


def test_a_response_that_fails_is_tried_once_more() -> None:
    script = Script.model_validate(
        {
            "transcripts": ["hello", "goodbye"],
            "replies": [
                {"match": "hello", "fail": {"code": "boom"}, "times": 1},
                {"match": "hello", "text": "Here I am."},
                {"match": "goodbye", "tool": {"name": "intent_goodbye"}},
            ],
        }
    )

    async def play() -> None:
        async with scene(script) as call:
            await call.heard("How can I help you")
            call.leg.say(voiced(700))
            await call.heard("Here I am.")

    run_virtual(play())


def test_an_engine_that_never_answers_is_given_up_and_the_ring_owes_speech_meanwhile() -> None:
    script = Script.model_validate(
        {"transcripts": ["hello"], "replies": [{"text": "Too late.", "delay_ms": 60_000}]}
    )

    async def play() -> None:
        async with scene(script) as call:
            await call.heard("How can I help you")
            call.leg.say(voiced(700))
            await call.leg.until(lambda: call.leg.is_owed)
            await call.over()
            assert "technical problem" in call.said_by(Speaker.AGENT)[-1]
            assert call.end.cause is EndCause.ENGINE_ERROR

    run_virtual(play())


def test_digits_cut_the_agent_and_reach_the_flow() -> None:
    async def play() -> None:
        async with scene(BALANCE_CALL) as call:
            call.tools.answers["get_balance"] = BALANCE
            await call.heard("This call is recorded.")
            await call.leg.until(lambda: call.leg.has_heard(1500))
            call.leg.press("1")
            await call.heard("account number?")
            for digit in "44172908":
                call.leg.press(digit)
                await asyncio.sleep(0.2)
            await call.heard("You owe")
            digits = [turn.text for turn in call.turns if turn.kind is TurnKind.DIGITS]
            assert digits == ["1", "44172908"]
            cut = [turn for turn in call.turns if turn.is_interrupted]
            assert cut[0].generated_text.startswith("Welcome")

    run_virtual(play())


def test_too_few_digits_are_given_to_the_flow_when_the_caller_stops() -> None:
    async def play() -> None:
        async with scene(BALANCE_CALL) as call:
            await call.heard("How can I help you")
            call.leg.press("1")
            await call.heard("account number?")
            call.leg.press("44")
            await call.leg.until(lambda: [t.text for t in call.turns][-1].startswith("Please say"))

    run_virtual(play())


def test_on_hold_nothing_is_said_and_nothing_is_heard() -> None:
    async def play() -> None:
        async with scene(BALANCE_CALL) as call:
            await call.leg.until(lambda: call.leg.has_heard(1500))
            call.leg.hold_by_caller()
            await asyncio.sleep(0.1)
            played = call.leg.played_samples()
            call.leg.say(voiced(1000))
            await asyncio.sleep(30)  # far beyond the no-input time
            assert call.leg.played_samples() == played
            assert call.said_by(Speaker.CALLER) == []
            call.leg.unhold_by_caller()
            await call.heard("How can I help you")
            assert call.leg.consumed == call.leg.written
            states = [fact.state for fact in call.facts(CallStateChanged)]
            assert states[-2:] == [CallState.HELD, CallState.ANSWERED]
            assert "Silent" not in call.decisions()

    run_virtual(play())


async def ask_for_a_person(call: Scene) -> None:
    await call.heard("How can I help you")
    call.leg.say(voiced(900))
    await call.leg.until(lambda: bool(call.leg.referred_to))


def test_a_transfer_that_is_taken_ends_the_call() -> None:
    async def play() -> None:
        async with scene(TO_A_PERSON) as call:
            await ask_for_a_person(call)
            assert "I'll put you through. Please hold the line." in call.said_by(Speaker.AGENT)
            assert call.leg.referred_to == ["sip:operator@127.0.0.1:5070"]
            call.leg.progress(180, is_final=False)
            call.leg.progress(200, is_final=True)
            await call.over()
            assert call.end.cause is EndCause.TRANSFERRED
            attempts = [(f.sip_status, f.is_final) for f in call.facts(TransferAttempted)]
            assert attempts == [(180, False), (200, True)]

    run_virtual(play())


@pytest.mark.parametrize("status", [486, None])
def test_a_transfer_that_nobody_takes_brings_the_caller_back(status: int | None) -> None:
    async def play() -> None:
        async with scene(TO_A_PERSON) as call:
            await ask_for_a_person(call)
            if status is not None:
                call.leg.progress(status, is_final=True)
            await call.heard("nobody is free", 90)
            await call.heard("Is there anything else")
            assert call.facts(TransferAttempted)[-1].sip_status == (status or 408)
            call.leg.say(voiced(700))
            await call.over()
            assert call.end.cause is EndCause.AGENT_HANGUP

    run_virtual(play())


@pytest.mark.parametrize("after_ms", [0, 30, 100, 1500, 3600, 5300, 9000])
def test_a_caller_may_hang_up_at_any_moment(after_ms: int) -> None:
    async def play() -> None:
        async with scene(BALANCE_CALL) as call:
            call.tools.answers["get_balance"] = BALANCE

            async def talk() -> None:
                await ask_for_balance(call)
                await call.heard("nothing like this")

            talking = asyncio.gather(talk(), return_exceptions=True)
            await asyncio.sleep(after_ms / 1000)
            call.leg.hang_up_by_caller()
            await call.over(10)
            talking.cancel()
            assert call.end.cause in (EndCause.CALLER_HANGUP, EndCause.CALLER_CANCELLED)
            assert call.leg.hang_ups == []  # it was over already
            assert len(call.facts(CallStarted)) == len(call.facts(CallEnded)) == 1
            assert call.facts(CallStateChanged)[-1].state is CallState.ENDED
            if call.leg.ticks > 1:
                (closed,) = call.facts(RecordingClosed)
                with wave.open(str(call.data_dir / closed.path)) as file:
                    assert file.getnframes() == closed.duration_ms * 8

    run_virtual(play())


def test_an_operator_ends_a_call_once() -> None:
    async def play() -> None:
        async with scene(BALANCE_CALL) as call:
            await call.leg.until(lambda: call.leg.has_heard(500))
            (started,) = call.facts(CallStarted)
            for _ in range(3):
                call.service.obey(HangUpCall(started.call_id, "ann"))
            await call.over()
            assert call.end.cause is EndCause.OPERATOR_HANGUP
            assert call.leg.hang_ups == [(EndCause.OPERATOR_HANGUP, None)]
            cut = call.turns[-1]
            assert cut.is_interrupted
            assert len(cut.text) < len(cut.generated_text)

    run_virtual(play())


def test_draining_waits_for_calls_and_then_ends_them() -> None:
    async def play() -> None:
        async with scene(BALANCE_CALL) as call:
            await call.leg.until(lambda: call.leg.has_heard(500))
            assert await call.service.drain(2.0) == 1
            assert call.end.cause is EndCause.DRAINED
            assert call.service.live_count == 0
            late = FakeLeg()
            call.service.accept(late, "energy", 0)
            await call.over()
            assert late.hang_ups[0][0] is EndCause.DRAINED

    run_virtual(play())


def test_a_far_end_that_does_not_answer_bye_delays_no_fact() -> None:
    async def play() -> None:
        async with scene(BALANCE_CALL) as call:
            call.leg.answers_bye = False
            await call.leg.until(lambda: call.leg.has_heard(500))
            asked_s = asyncio.get_running_loop().time()
            (started,) = call.facts(CallStarted)
            call.service.obey(HangUpCall(started.call_id))
            await call.over()
            assert call.sink.at_s[-1] - asked_s < 1.0
            assert isinstance(call.sink.facts[-1], CallEnded)

    run_virtual(play())


def test_a_full_disk_leaves_the_call_alone_and_the_recording_incomplete() -> None:
    async def play() -> None:
        async with scene(BALANCE_CALL) as call:
            await call.leg.until(lambda: call.leg.has_heard(1000))
            call.disk.is_full = True
            await call.heard("How can I help you")
            call.disk.is_full = False
            call.leg.hang_up_by_caller()
            await call.over()
            (closed,) = call.facts(RecordingClosed)
            assert closed.state is RecordingState.INCOMPLETE
            assert 1500 <= closed.lost_ms <= 3500
            with wave.open(str(call.data_dir / closed.path)) as file:
                assert file.getnframes() == closed.duration_ms * 8

    run_virtual(play())


def test_a_line_that_is_dead_is_hung_up_after_a_minute() -> None:
    endless = " ".join(f"item{n}" for n in range(400))
    script = Script.model_validate({"transcripts": ["hello"], "replies": [{"text": endless}]})

    async def play() -> None:
        async with scene(script) as call:
            await call.heard("How can I help you")
            call.leg.say(voiced(700))
            await call.leg.until(lambda: call.leg.has_heard(4500))
            call.leg.is_media_silent = True
            await call.over()
            assert call.end.cause is EndCause.MEDIA_TIMEOUT
            assert 60_000 < call.end.duration_ms < 70_000

    run_virtual(play())


def test_a_dialog_that_dies_while_it_is_answered_ends_cleanly() -> None:
    async def play() -> None:
        leg = FakeLeg()
        leg.refuses_answer = True
        async with scene(BALANCE_CALL, leg=leg) as call:
            await call.over()
            assert call.end.cause is EndCause.TRUNK_ERROR

    run_virtual(play())


def test_an_agent_that_does_not_exist_is_refused() -> None:
    async def play() -> None:
        async with scene(BALANCE_CALL) as call:
            leg = FakeLeg()
            call.service._flows = _NoFlows()
            call.service.accept(leg, "nobody", 0)
            await leg.until(lambda: leg.ended is not None)
            assert leg.hang_ups == [(EndCause.REJECTED, 404)]

    run_virtual(play())


class _NoFlows:
    def hold(self, call_id: str) -> HeldFlows:
        return HeldFlows(call_id, {})

    def flows(self) -> tuple[()]:
        return ()
