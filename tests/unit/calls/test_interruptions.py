"""The caller speaks while the agent does: paused at once, resumed without a gap or cut at what was
heard."""

from __future__ import annotations

import pytest
from tests.fakes.scene import Scene, scene
from tests.fakes.virtual_time import run_virtual
from tests.fakes.voices import tone, voiced

from trunkline.domain.turn import Speaker, Turn, TurnKind, WordFate
from trunkline.model.script import Script
from trunkline.realtime.client_events import (
    ItemCreate,
    ItemDelete,
    ItemTruncate,
    ResponseCancel,
    ResponseCreate,
)
from trunkline.realtime.items import item_text

LONG = " ".join(f"item{n}" for n in range(40)) + "."


def long_answer(*said: str) -> Script:
    """The agent answers the first turn with ten seconds of speech; then come these utterances."""
    return Script.model_validate(
        {
            "transcripts": ["tell me everything", *said, "goodbye"],
            "replies": [
                {"match": "everything", "text": LONG},
                {"match": "goodbye", "tool": {"name": "intent_goodbye"}},
                {"text": "Yes of course."},
            ],
        }
    )


async def into_the_answer(call: Scene, ms: int = 2000) -> None:
    """Up to where so much of the long answer has been played."""
    await call.heard("How can I help you")
    played = call.leg.played_samples()
    call.leg.say(voiced(900))
    await call.leg.until(lambda: call.leg.played_samples() >= played + ms * 8)


def reply_of(call: Scene) -> Turn:
    return next(turn for turn in call.turns if turn.kind is TurnKind.REPLY)


def test_a_backchannel_resumes_with_no_sample_lost_or_repeated() -> None:
    async def play() -> None:
        async with scene(long_answer("uh huh")) as call:
            await into_the_answer(call)
            call.leg.say(voiced(450))
            await call.heard("item39")
            leg = call.leg
            assert len(leg.pauses) == 1
            assert len(leg.resumes) == 1
            assert leg.flushes == []
            assert leg.consumed == leg.written  # every sample once, in order
            turn = reply_of(call)
            assert not turn.is_interrupted
            assert turn.text == LONG
            (backchannel,) = [t for t in call.turns if t.kind is TurnKind.BACKCHANNEL]
            assert backchannel.text == "uh huh"
            deleted = [e.item_id for e in call.endpoint.told if isinstance(e, ItemDelete)]
            assert len(deleted) == 1
            assert not any(isinstance(e, ResponseCancel) for e in call.endpoint.told)
            asked = [e for e in call.endpoint.told if isinstance(e, ResponseCreate)]
            assert len(asked) == 1

    run_virtual(play())


def test_the_words_after_a_pause_are_heard_later_by_its_length() -> None:
    async def play() -> None:
        async with scene(long_answer("uh huh")) as call:
            await into_the_answer(call)
            call.leg.say(voiced(450))
            await call.heard("item39")
            turn, leg = reply_of(call), call.leg
            gap_ms = (leg.resumes[0] - leg.pauses[0]) * 20
            starts = [word.start_ms for word in turn.words]
            steps = {after - before for before, after in zip(starts, starts[1:], strict=False)}
            assert 250 in steps
            assert max(steps) == pytest.approx(250 + gap_ms, abs=20)
            assert len(steps) <= 3

    run_virtual(play())


def test_an_interruption_stops_the_agent_and_keeps_what_was_heard() -> None:
    async def play() -> None:
        async with scene(long_answer("stop I want something else")) as call:
            await into_the_answer(call)
            call.leg.say(voiced(1200))
            await call.leg.until(lambda: bool(call.leg.flushes))
            turn = reply_of(call)
            assert turn.is_interrupted
            heard = [word for word in turn.words if word.fate is WordFate.HEARD]
            cut = [word for word in turn.words if word.fate is not WordFate.HEARD]
            assert turn.text == " ".join(word.text for word in heard)
            assert turn.generated_text.startswith(turn.text)
            assert {word.fate for word in cut} <= {WordFate.CUT, WordFate.GENERATED}
            # Exactly the words that were over, less what is still on its way to the ear (50 ms).
            played_ms = turn.ended_ms - turn.started_ms
            assert len(heard) == (played_ms - 50) // 250
            (truncated,) = [e for e in call.endpoint.told if isinstance(e, ItemTruncate)]
            assert truncated.audio_end_ms == pytest.approx(played_ms - 50, abs=1)
            assert any(isinstance(e, ResponseCancel) for e in call.endpoint.told)
            await call.heard("Yes of course")

    run_virtual(play())


def test_the_agent_falls_silent_at_the_frame_after_the_onset() -> None:
    async def play() -> None:
        async with scene(long_answer("stop I want something else")) as call:
            await into_the_answer(call)
            spoke_at = call.leg.ticks
            call.leg.say(voiced(1200))
            await call.leg.until(lambda: bool(call.leg.flushes))
            assert call.leg.pauses[0] - spoke_at <= 5  # three speech frames of five
            silent = call.leg.sent[call.leg.pauses[0] + 1 :]
            assert not any(any(frame) for frame in silent[:3])
            await call.heard("Yes of course")
            turn = reply_of(call)
            assert turn.stop_to_silence_ms is not None
            assert turn.stop_to_silence_ms <= 100
            call.leg.hang_up_by_caller()
            await call.over()
            assert call.end.receipts["interruptions"] == 1
            assert call.end.receipts["stop_to_silence_max_ms"] <= 100

    run_virtual(play())


def test_a_click_pauses_for_a_moment_and_costs_nothing() -> None:
    async def play() -> None:
        async with scene(long_answer("")) as call:
            await into_the_answer(call)
            call.leg.say(voiced(90))
            await call.heard("item39")
            leg = call.leg
            assert leg.flushes == []
            assert leg.consumed == leg.written
            if leg.pauses:
                assert leg.resumes[0] - leg.pauses[0] <= 30  # frames: the click, and 480 ms
            assert reply_of(call).text == LONG

    run_virtual(play())


def test_a_dtmf_tone_in_the_audio_is_no_interruption() -> None:
    async def play() -> None:
        async with scene(long_answer()) as call:
            await into_the_answer(call)
            call.leg.say(tone(400, 770, 1336))
            await call.heard("item39")
            assert call.leg.pauses == []

    run_virtual(play())


def test_an_uninterruptible_line_is_said_to_its_end_and_the_caller_answered_after_it() -> None:
    async def play() -> None:
        async with scene(long_answer()) as call:
            await call.leg.until(lambda: call.leg.has_heard(100))
            call.leg.say(voiced(700))  # over "This call is recorded."
            await call.heard("This call is recorded.")
            assert call.leg.pauses == []
            await call.leg.until(lambda: bool(call.said_by(Speaker.CALLER)))
            assert call.said_by(Speaker.CALLER) == ["tell me everything"]
            await call.heard("item39")

    run_virtual(play())


def test_yes_to_a_question_is_an_answer_even_before_its_last_word() -> None:
    script = Script.model_validate(
        {
            "transcripts": ["hello", "yes"],
            "replies": [
                {"match": "hello", "text": "Would you like me to tell you more about that now?"},
                {"match": "yes", "text": "Very well."},
            ],
        }
    )

    async def play() -> None:
        async with scene(script) as call:
            await into_the_answer(call, 1700)  # of 2500 ms
            call.leg.say(voiced(400))
            await call.heard("Very well.")
            assert len(call.leg.flushes) == 1

    run_virtual(play())


def test_a_line_of_the_flow_that_is_cut_is_replaced_by_what_was_heard() -> None:
    async def play() -> None:
        async with scene(long_answer()) as call:
            await call.heard("This call is recorded.")
            await call.leg.until(lambda: call.leg.has_heard(1000 + 1100))
            call.leg.say(voiced(1200))
            await call.leg.until(lambda: bool(call.leg.flushes))
            said = [turn for turn in call.turns if turn.kind is TurnKind.SAY]
            assert said[-1].is_interrupted
            assert said[-1].text.startswith("Welcome to Brightwater")
            created = [e.item for e in call.endpoint.told if isinstance(e, ItemCreate)]
            texts = [item_text(item) for item in created]
            assert texts[-1] == said[-1].text
            deleted = [e.item_id for e in call.endpoint.told if isinstance(e, ItemDelete)]
            assert created[1].id in deleted

    run_virtual(play())


def test_a_caller_who_goes_on_before_the_answer_is_answered_once_for_all_of_it() -> None:
    script = Script.model_validate(
        {
            "transcripts": ["what is my", "balance please", "bye"],
            "replies": [
                {"match": "what is my", "text": "Your what?", "delay_ms": 1500},
                {"match": "balance", "text": "One moment."},
            ],
        }
    )

    async def play() -> None:
        async with scene(script) as call:
            await call.heard("How can I help you")
            call.leg.say(voiced(700) + bytes(650 * 16) + voiced(700))
            await call.heard("One moment.")
            assert "Your what?" not in call.said_by(Speaker.AGENT)
            assert "Withdraw" in call.decisions()

    run_virtual(play())


def test_nobody_there_is_asked_twice_and_told_goodbye() -> None:
    async def play() -> None:
        async with scene(Script()) as call:
            await call.over()
            said = call.said_by(Speaker.AGENT)
            assert "Are you still there?" in said
            assert said[-1].endswith("Goodbye.")
            assert call.decisions().count("Silent") == 3

    run_virtual(play())


def test_what_cannot_be_understood_is_asked_again() -> None:
    script = Script.model_validate(
        {
            "transcripts": [{"text": "blah", "is_rejected": True, "confidence": 0.1}, "goodbye"],
            "replies": [{"match": "goodbye", "tool": {"name": "intent_goodbye"}}],
        }
    )

    async def play() -> None:
        async with scene(script) as call:
            await call.heard("How can I help you")
            call.leg.say(voiced(700))
            await call.heard("Sorry, I didn't catch that.")
            call.leg.say(voiced(700))
            await call.over()
            assert call.said_by(Speaker.AGENT)[-1].endswith("Goodbye.")

    run_virtual(play())
