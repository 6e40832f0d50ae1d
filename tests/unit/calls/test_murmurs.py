"""What sounds like a turn and is none: knocks, murmurs, and the agent's own echo."""

from __future__ import annotations

from tests.unit.calls.test_turns import Case

from trunkline.calls.turn_events import (
    Discard,
    Hypothesis,
    Reason,
    Resume,
    SpeechOpened,
    Transcribed,
)


def test_a_gap_in_the_first_word_gives_the_agent_no_leave_to_go_on() -> None:
    """ "Excuse me" on a noisy line: a vowel, 300 ms in which nothing is heard, another vowel."""
    case = Case().speech(80).quiet(300).speech(100).quiet(240).speech(260)
    assert case.kinds == ["Pause"]
    case.tell(Hypothesis(case.now_ms, "a", "excuse me"))
    case.speech(500)
    assert "Resume" not in case.kinds


def test_particles_in_a_murmur_let_the_agent_go_on() -> None:
    """ "Right" on an echoing line: "for", "for my", and in the end "right" or nothing better."""
    for final in ("right", "for my"):
        case = Case().speech(320)
        case.tell(SpeechOpened(case.now_ms, "a"))
        case.tell(Hypothesis(case.now_ms, "a", "for"))
        case.speech(160)
        case.tell(Hypothesis(case.now_ms, "a", "for my"))
        case.speech(40).quiet(260)
        case.tell(Transcribed(case.now_ms, "a", final))
        assert "Interrupt" not in case.kinds
        assert case.kinds[-2:] == ["Resume", "Discard"]


def test_particles_in_long_speech_take_the_floor() -> None:
    case = Case().speech(320)
    case.tell(SpeechOpened(case.now_ms, "a"))
    case.tell(Hypothesis(case.now_ms, "a", "i have"))
    case.speech(400)
    case.tell(Hypothesis(case.now_ms, "a", "i have a"))
    assert case.kinds == ["Pause", "Interrupt"]


def test_a_knock_lets_the_agent_go_on_after_half_a_second() -> None:
    case = Case().speech(80).quiet(460)
    assert case.kinds == ["Pause"]
    assert case.quiet(20).decisions[-1] == Resume(Reason.NOISE)


def test_what_the_server_hears_once_a_murmur_is_over_is_the_agents_echo() -> None:
    case = Case().utterance(400, "uh huh")
    assert case.kinds == ["Pause", "Resume", "Discard"]
    case.quiet(40)
    case.tell(SpeechOpened(case.now_ms, "echo"))
    case.quiet(300)
    case.tell(Hypothesis(case.now_ms, "echo", "closes at eight"))
    case.end("closes at eight", item="echo")
    assert case.decisions[3:] == [Discard("echo", Reason.NOISE)]


def test_echo_that_only_the_server_hears_is_thrown_away() -> None:
    case = Case()
    case.tell(SpeechOpened(500, "echo"))
    case.quiet(800)
    case.tell(Hypothesis(800, "echo", "thank you for calling"))
    case.end("thank you for calling", item="echo")
    assert case.decisions == [Discard("echo", Reason.NOISE)]
