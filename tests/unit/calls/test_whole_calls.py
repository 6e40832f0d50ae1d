"""Whole calls in virtual time: a caller, an agent, a tool, and the facts they leave behind."""

from __future__ import annotations

import wave

import numpy as np
import pytest
from tests.fakes.leg import FakeLeg
from tests.fakes.scene import Scene, scene
from tests.fakes.virtual_time import run_virtual
from tests.fakes.voices import voiced

from trunkline.domain.call import CallState, EndCause
from trunkline.domain.events import (
    ApprovalParked,
    CallAnswered,
    CallEnded,
    CallerPartial,
    CallStarted,
    CallStateChanged,
    RecordingClosed,
    RecordingState,
    StepEntered,
    ToolOutcome,
    ToolRan,
)
from trunkline.domain.turn import Speaker, TurnKind, WordFate
from trunkline.flows.tools import ToolError, ToolFailed
from trunkline.model.script import Script

ASK_ACCOUNT = {"match": "status", "text": "What is your eight digit account number?", "times": 1}
BALANCE_CALL = Script.model_validate(
    {
        "transcripts": ["what is my balance", "four four one seven two nine oh eight", "no thanks"],
        "replies": [
            {"match": "balance", "tool": {"name": "intent_balance"}},
            ASK_ACCOUNT,
            {
                "match": "four four one",
                "tool": {"name": "collect_balance_account", "arguments": {"account": "44172908"}},
            },
            {"match": "no thanks", "tool": {"name": "intent_no_more"}},
        ],
    }
)
BALANCE = {"owed": 182.40, "due": "2026-03-20"}


async def ask_for_balance(call: Scene) -> None:
    """Up to where the account number has been said."""
    await call.heard("How can I help you")
    call.leg.say(voiced(900, call.leg.format.sample_rate_hz))
    await call.heard("account number?")
    call.leg.say(voiced(1800, call.leg.format.sample_rate_hz))


async def hold_balance_call(call: Scene) -> None:
    call.tools.answers["get_balance"] = BALANCE
    await ask_for_balance(call)
    await call.heard("Is there anything else")
    call.leg.say(voiced(600, call.leg.format.sample_rate_hz))
    await call.over()


@pytest.mark.parametrize(
    "leg_kind", [(8000, "PCMU/8000"), (8000, "PCMA/8000"), (24000, "opus/48000")]
)
def test_a_call_goes_from_greeting_to_goodbye(leg_kind: tuple[int, str]) -> None:
    async def play() -> None:
        async with scene(BALANCE_CALL, leg=FakeLeg(rate_hz=leg_kind[0], codec=leg_kind[1])) as call:
            await hold_balance_call(call)
            assert call.said_by(Speaker.CALLER) == [
                "what is my balance",
                "four four one seven two nine oh eight",
                "no thanks",
            ]
            agent = call.said_by(Speaker.AGENT)
            assert agent[0] == "This call is recorded."
            assert "one hundred and eighty two dollars and forty cents" in " ".join(agent)
            assert agent[-1].endswith("Goodbye.")
            assert call.end.cause is EndCause.AGENT_HANGUP
            assert call.leg.hang_ups == [(EndCause.AGENT_HANGUP, None)]
            assert [turn.seq for turn in call.turns] == list(range(1, len(call.turns) + 1))

    run_virtual(play())


def test_every_fact_of_a_call_is_published_in_order_and_within_a_second_of_its_end() -> None:
    async def play() -> None:
        async with scene(BALANCE_CALL) as call:
            await hold_balance_call(call)
            kinds = [type(fact) for fact in call.sink.facts]
            assert kinds[0] is CallStarted
            assert kinds[-1] is CallEnded
            assert kinds.index(CallAnswered) < kinds.index(StepEntered)
            states = [fact.state for fact in call.facts(CallStateChanged)]
            assert states == [
                CallState.RINGING,
                CallState.ANSWERED,
                CallState.ENDING,
                CallState.ENDED,
            ]
            (ran,) = call.facts(ToolRan)
            assert (ran.tool, ran.outcome, ran.arguments) == (
                "get_balance",
                ToolOutcome.OK,
                {"account": "44172908"},
            )
            assert call.facts(CallerPartial)[0].text == "what"
            assert call.leg.ended is not None
            ended_s = call.sink.at_s[kinds.index(RecordingClosed)]
            assert call.sink.at_s[-1] - ended_s < 1.0

    run_virtual(play())


def test_the_greeting_is_in_memory_before_the_answer_and_plays_at_once() -> None:
    async def play() -> None:
        async with scene(BALANCE_CALL, is_warm=False) as call:
            await call.leg.until(lambda: call.leg.ticks > 3)
            assert call.leg.sent[0] == bytes(320)  # the tick before the first is written
            assert any(call.leg.sent[1])
            asked = [line.text for line in call.speech.asked]
            assert asked.count("This call is recorded.") >= 1
            (answered,) = call.facts(CallAnswered)
            assert answered.setup_ms < 500
            call.leg.hang_up_by_caller()
            await call.over()

    run_virtual(play())


def test_response_times_run_from_the_end_of_speech_to_the_first_audio() -> None:
    async def play() -> None:
        async with scene(BALANCE_CALL) as call:
            await hold_balance_call(call)
            first = next(turn for turn in call.turns if turn.kind is TurnKind.REPLY)
            asked = next(turn for turn in call.turns if turn.speaker is Speaker.CALLER)
            assert first.response_ms == first.started_ms - asked.ended_ms
            assert 500 <= first.response_ms <= 640  # the hangover, and a few frames
            assert call.end.receipts["responses"] == 3

    run_virtual(play())


def test_words_of_the_agent_lie_where_they_were_played() -> None:
    async def play() -> None:
        async with scene(BALANCE_CALL) as call:
            await hold_balance_call(call)
            for turn in call.turns:
                if turn.speaker is not Speaker.AGENT:
                    continue
                assert {word.fate for word in turn.words} == {WordFate.HEARD}
                assert [word.start_ms - turn.started_ms for word in turn.words] == [
                    250 * n for n in range(len(turn.words))
                ]
                assert " ".join(word.text for word in turn.words) == turn.text

    run_virtual(play())


def test_the_recording_has_both_sides_at_the_same_time() -> None:
    async def play() -> None:
        async with scene(BALANCE_CALL) as call:
            await hold_balance_call(call)
            (closed,) = call.facts(RecordingClosed)
            assert closed.state is RecordingState.COMPLETE
            with wave.open(str(call.data_dir / closed.path)) as file:
                assert (file.getnchannels(), file.getframerate()) == (2, 8000)
                samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
            assert len(samples) * 1000 // 8000 == closed.duration_ms
            agent = b"".join(call.leg.sent)[: len(samples) * 2]
            assert samples[:, 1].tobytes() == agent
            spoke = next(turn for turn in call.turns if turn.speaker is Speaker.CALLER)
            inside = samples[(spoke.started_ms + 100) * 8 : (spoke.ended_ms - 100) * 8, 0]
            assert np.abs(inside).max() > 1000

    run_virtual(play())


def test_a_tool_that_fails_is_spoken_of_and_tried_again() -> None:
    async def play() -> None:
        async with scene(BALANCE_CALL) as call:
            failed = ToolFailed(ToolOutcome.TIMED_OUT, ToolError("timed_out", "too slow"), 3000, 2)
            call.tools.answers["get_balance"] = [failed, BALANCE]
            await ask_for_balance(call)
            await call.heard("that didn't work")
            await call.heard("You owe")
            assert [ran.outcome for ran in call.facts(ToolRan)] == [
                ToolOutcome.TIMED_OUT,
                ToolOutcome.OK,
            ]
            keys = {context.idempotency_key for _, _, context in call.tools.ran}
            assert len(keys) == 1
            call.leg.hang_up_by_caller()
            await call.over()

    run_virtual(play())


def test_a_tool_that_breaks_does_not_break_the_call() -> None:
    async def play() -> None:
        async with scene(BALANCE_CALL) as call:
            call.tools.answers["get_balance"] = [RuntimeError("a bug in a tool"), BALANCE]
            await ask_for_balance(call)
            await call.heard("You owe")
            assert call.facts(ToolRan)[0].outcome is ToolOutcome.FAILED
            call.leg.hang_up_by_caller()
            await call.over()
            assert call.end.cause is EndCause.CALLER_HANGUP

    run_virtual(play())


PAYMENT_CALL = Script.model_validate(
    {
        "transcripts": ["i want to pay my bill", "four four one", "fifty dollars", "goodbye"],
        "replies": [
            {"match": "pay my bill", "tool": {"name": "intent_payment"}},
            ASK_ACCOUNT,
            {
                "match": "four four one",
                "tool": {"name": "collect_payment_account", "arguments": {"account": "44172908"}},
            },
            {"match": "accepted", "text": "How much would you like to pay?", "times": 1},
            {
                "match": "fifty",
                "tool": {"name": "collect_payment_amount", "arguments": {"amount": "50.00"}},
            },
            {"match": "goodbye", "tool": {"name": "intent_goodbye"}},
        ],
    }
)


def test_a_high_risk_tool_is_parked_and_never_run() -> None:
    async def play() -> None:
        async with scene(PAYMENT_CALL) as call:
            call.tools.answers["get_balance"] = BALANCE
            await call.heard("How can I help you")
            call.leg.say(voiced(900))
            await call.heard("account number?")
            call.leg.say(voiced(1500))
            await call.heard("like to pay?")
            call.leg.say(voiced(900))
            await call.heard("Nothing has been taken yet.")
            (parked,) = call.facts(ApprovalParked)
            assert (parked.tool, parked.arguments) == (
                "pay_bill",
                {"account": "44172908", "amount": "50.00"},
            )
            assert len(parked.arguments_hash) == 64
            assert [name for name, _, _ in call.tools.ran] == ["get_balance"]
            assert call.facts(ToolRan)[-1].outcome is ToolOutcome.PARKED
            await call.heard("Please stay on the line.")
            call.leg.say(voiced(600))  # goodbye, and nobody confirms that it is taken back
            await call.over()
            assert [name for name, _, _ in call.tools.ran] == ["get_balance"]

    run_virtual(play())
