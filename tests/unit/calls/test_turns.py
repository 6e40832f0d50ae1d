"""Turn taking on recorded cases: what was heard when, and what must be decided.

A case is a drawing, 20 ms a character: ``#`` speech, ``.`` none. Words come at their own time.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from trunkline.audio.speech_gate import Debounce
from trunkline.calls.turn_events import (
    AgentFloor,
    Answer,
    DigitPressed,
    Heard,
    Hypothesis,
    Interrupt,
    Listening,
    NotListening,
    Pause,
    Reason,
    Resume,
    Silent,
    SpeechClosed,
    SpeechOpened,
    Suspended,
    Transcribed,
    TurnDecision,
    TurnEvent,
    Unclear,
)
from trunkline.calls.turn_state import TurnSettings
from trunkline.calls.turns import TurnPolicy

SPEAKING = AgentFloor(is_speaking=True, remaining_ms=5000)
IDLE = AgentFloor()
THINKING = AgentFloor(is_thinking=True)
HANGOVER_MS = 500


@dataclass
class Case:
    """Drives a policy as the bridge does: frames in order, the server's events at their time."""

    settings: TurnSettings = field(default_factory=TurnSettings)
    floor: AgentFloor = SPEAKING
    listens: bool = True
    now_ms: int = 0
    level_dbfs: float = -25.0
    made: list[tuple[int, TurnDecision]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.policy = TurnPolicy(self.settings)
        self._onset, self._confirmed = Debounce(3, 5), Debounce(9, 12)
        if self.listens:
            self.tell(Listening(0, 10_000))

    def tell(self, event: TurnEvent) -> None:
        for decision in self.policy.handle(event):
            self.made.append((self.now_ms, decision))
            if isinstance(decision, Interrupt):
                self.floor = IDLE
            if isinstance(decision, Answer):
                self.floor = replace(self.floor, is_thinking=True)

    def frames(self, drawing: str) -> Case:
        for mark in drawing:
            self.now_ms += 20
            is_speech = mark == "#"
            self.tell(
                Heard(
                    self.now_ms,
                    is_speech,
                    self._onset.update(is_speech),
                    self._confirmed.update(is_speech),
                    self.level_dbfs if is_speech else -60.0,
                    self.floor,
                )
            )
        return self

    def quiet(self, ms: int) -> Case:
        return self.frames("." * (ms // 20))

    def speech(self, ms: int) -> Case:
        return self.frames("#" * (ms // 20))

    def utterance(
        self,
        ms: int,
        text: str | None,
        *,
        item: str = "a",
        rejected: bool = False,
        partial: bool = True,
    ) -> Case:
        """Speech with its server events; the words are a partial half way through."""
        self.speech(80)
        self.tell(SpeechOpened(self.now_ms, item))
        self.speech((ms - 80) // 2)
        if text and partial and self.settings.has_partials:
            self.tell(Hypothesis(self.now_ms, item, text))
        self.speech(ms - 80 - (ms - 80) // 2)
        return self.end(text, item=item, rejected=rejected)

    def end(self, text: str | None, *, item: str = "a", rejected: bool = False) -> Case:
        self.quiet(HANGOVER_MS)
        self.tell(SpeechClosed(self.now_ms, item))
        self.quiet(40)
        self.tell(Transcribed(self.now_ms, item, text, rejected))
        return self

    @property
    def decisions(self) -> list[TurnDecision]:
        return [decision for _, decision in self.made]

    @property
    def kinds(self) -> list[str]:
        return [type(decision).__name__ for decision in self.decisions]


CASES: list[tuple[str, Case, list[str]]] = [
    ("silence", Case().quiet(5000), []),
    ("one click of 20 ms", Case().frames("#" + "." * 50), []),
    ("a click of 60 ms", Case().frames("###" + "." * 50), ["Pause", "Resume"]),
    ("crackle", Case().frames("#..#...#..#....#" + "." * 50), []),
    ("a cough of 140 ms", Case().frames("#######" + "." * 50), ["Pause", "Resume"]),
    ("uh huh", Case().utterance(400, "uh huh"), ["Pause", "Resume", "Discard"]),
    ("okay, in the middle", Case().utterance(400, "okay"), ["Pause", "Resume", "Discard"]),
    ("yeah right okay", Case().utterance(900, "yeah right okay"), ["Pause", "Resume", "Discard"]),
    ("a long mm hmm", Case().utterance(700, "mm hmm"), ["Pause", "Resume", "Discard"]),
    ("stop", Case().utterance(500, "stop"), ["Pause", "Interrupt", "Answer"]),
    ("no", Case().utterance(300, "no"), ["Pause", "Interrupt", "Answer"]),
    ("yeah but wait", Case().utterance(1200, "yeah but wait"), ["Pause", "Interrupt", "Answer"]),
    ("speech without any word", Case().utterance(900, ""), ["Pause", "Resume", "Discard"]),
    (
        "understood, and rejected",
        Case().utterance(400, "mumble", rejected=True, partial=False),
        ["Pause", "Resume", "Discard"],
    ),
    (
        "a long turn that is rejected",
        Case().utterance(2500, "mumble", rejected=True),
        ["Pause", "Interrupt", "Unclear"],
    ),
    (
        "words that come only at the end",
        Case().utterance(700, "stop it", partial=False),
        ["Pause", "Interrupt", "Answer"],
    ),
    (
        "okay, to a question",
        Case(floor=replace(SPEAKING, asks=True)).utterance(400, "okay"),
        ["Pause", "Interrupt", "Answer"],
    ),
    (
        "yes, as the agent ends",
        Case(floor=replace(SPEAKING, remaining_ms=400)).utterance(400, "yes"),
        ["Pause", "Interrupt", "Answer"],
    ),
    (
        "uh huh, to a question",
        Case(floor=replace(SPEAKING, asks=True)).utterance(400, "uh huh"),
        ["Pause", "Resume", "Discard"],
    ),
    ("an answer in silence", Case(floor=IDLE).utterance(800, "my balance"), ["Answer"]),
    ("okay, in silence", Case(floor=IDLE).utterance(400, "okay"), ["Answer"]),
    ("um, in silence", Case(floor=IDLE).utterance(300, "um"), ["Discard"]),
    ("mumbling, in silence", Case(floor=IDLE).utterance(800, ""), ["Unclear"]),
    ("rejected, in silence", Case(floor=IDLE).utterance(800, "x", rejected=True), ["Unclear"]),
    (
        "words over an uninterruptible line wait",
        Case(floor=replace(SPEAKING, is_interruptible=False)).utterance(800, "my balance"),
        [],
    ),
]


@pytest.mark.parametrize(("name", "case", "expected"), CASES, ids=[case[0] for case in CASES])
def test_a_recorded_case_is_decided_as_it_was(name: str, case: Case, expected: list[str]) -> None:
    assert case.kinds == expected


def test_the_pause_comes_with_the_third_speech_frame_and_names_the_true_onset() -> None:
    case = Case().quiet(1000).frames("###")
    assert case.made == [(1060, Pause(onset_ms=1000))]


def test_a_backchannel_holds_the_agent_up_for_less_than_a_second() -> None:
    case = Case().utterance(400, "uh huh")
    paused, resumed = case.made[0][0], case.made[1][0]
    assert resumed - paused <= 600
    assert case.decisions[1] == Resume(Reason.BACKCHANNEL)


def test_words_that_stand_still_interrupt_while_the_caller_still_speaks() -> None:
    case = Case().speech(80)
    case.tell(SpeechOpened(80, "a"))
    case.speech(300)
    case.tell(Hypothesis(case.now_ms, "a", "stop"))
    case.speech(100)
    assert case.kinds == ["Pause"]
    case.tell(Hypothesis(case.now_ms, "a", "stop I"))
    assert case.made[-1] == (480, Interrupt(Reason.WORDS))


def test_guesses_that_change_are_no_words() -> None:
    case = Case().speech(80)
    case.tell(SpeechOpened(80, "a"))
    for guess in ("does", "so", "by phone", "so a"):
        case.speech(100)
        case.tell(Hypothesis(case.now_ms, "a", guess))
    case.end("of the", rejected=True)
    assert case.kinds == ["Pause", "Resume", "Discard"]


def test_a_backchannel_that_goes_on_becomes_an_interruption() -> None:
    case = Case().speech(80)
    case.tell(SpeechOpened(80, "a"))
    case.speech(200)
    case.tell(Hypothesis(280, "a", "yeah"))
    case.quiet(260)
    assert case.kinds == ["Pause", "Resume"]
    case.speech(300)
    case.tell(Hypothesis(case.now_ms, "a", "yeah but I"))
    case.speech(200)
    case.tell(Hypothesis(case.now_ms, "a", "yeah but I want to pay"))
    assert case.kinds[2:] == ["Pause", "Interrupt"]
    case.end("yeah but I want to pay")
    assert case.decisions[-1] == Answer("a")


@pytest.mark.parametrize(
    ("speech_ms", "expected"),
    [
        (100, Resume(Reason.NOISE)),
        (300, Resume(Reason.BACKCHANNEL)),
        (900, Interrupt(Reason.DURATION)),
    ],
)
def test_without_partials_duration_decides(speech_ms: int, expected: TurnDecision) -> None:
    case = Case(TurnSettings(has_partials=False)).speech(speech_ms).quiet(1000)
    assert case.decisions[-1] == expected


def test_an_engine_that_tells_no_partials_is_noticed() -> None:
    case = Case(floor=IDLE).utterance(2000, "a long story without a partial", partial=False)
    case.floor = SPEAKING
    case.made.clear()
    case.speech(700)
    assert case.decisions[-1] == Interrupt(Reason.DURATION)


def test_indecision_ends_in_an_interruption_when_the_caller_keeps_talking() -> None:
    case = Case().speech(3000)
    assert case.made == [
        (60, Pause(0)),
        (1260, Interrupt(Reason.DEADLINE)),
    ]


def test_indecision_ends_in_a_resume_when_nothing_more_is_heard() -> None:
    case = Case().speech(300).quiet(3000)
    assert case.made[-1] == (1260, Resume(Reason.DEADLINE))


def test_somebody_far_away_does_not_take_the_floor() -> None:
    case = Case(floor=IDLE).utterance(800, "my balance")
    case.floor, case.level_dbfs = SPEAKING, -48.0
    case.quiet(1000).speech(3000).quiet(500)
    assert [kind for kind in case.kinds[1:] if kind != "Pause"] == ["Resume"]


def test_after_two_false_alarms_a_pause_needs_confirmed_speech() -> None:
    case = Case()
    for _ in range(5):
        case.frames("####" + "." * 40)
    assert case.kinds == ["Pause", "Resume"] * 2
    case.speech(300)
    assert case.kinds[-1] == "Pause"


def test_words_over_an_uninterruptible_line_are_answered_when_it_ends() -> None:
    case = Case(floor=replace(SPEAKING, is_interruptible=False)).utterance(800, "my balance")
    case.floor = IDLE
    case.quiet(20)
    assert case.decisions == [Answer("a")]


def test_a_caller_who_goes_on_while_the_agent_thinks_is_answered_for_all_of_it() -> None:
    case = Case(floor=IDLE).utterance(800, "what is my")
    assert case.kinds == ["Answer"]
    case.speech(300)
    assert case.kinds[-1] == "Withdraw"
    case.floor = IDLE
    case.tell(SpeechOpened(case.now_ms, "b"))
    case.speech(300).end("balance please", item="b")
    assert case.decisions[2:] == [Answer("b")]


def test_a_withdrawn_answer_is_given_when_the_rest_was_only_noise() -> None:
    case = Case(floor=IDLE).utterance(800, "what is my balance")
    case.speech(240)
    assert case.kinds[-1] == "Withdraw"
    case.floor = IDLE
    case.quiet(400)
    assert case.decisions[-1] == Answer("a")


def test_a_turn_without_a_transcript_is_answered_after_a_deadline() -> None:
    case = Case(floor=IDLE).speech(80)
    case.tell(SpeechOpened(80, "a"))
    case.speech(500).quiet(500)
    case.tell(SpeechClosed(case.now_ms, "a"))
    closed_ms = case.now_ms
    case.quiet(4000)
    assert case.made == [(closed_ms + 3000, Answer("a"))]


def test_a_transcript_that_fails_is_answered_at_once() -> None:
    assert Case(floor=IDLE).utterance(800, None).decisions == [Answer("a")]


def test_nothing_is_answered_before_the_flow_listens() -> None:
    case = Case(floor=IDLE, listens=False).utterance(800, "hello")
    assert case.decisions == []
    case.tell(Listening(case.now_ms, 5000))
    assert case.decisions == [Answer("a")]
    case.tell(NotListening(case.now_ms))


@pytest.mark.parametrize("busy", [SPEAKING, THINKING])
def test_silence_is_counted_from_the_end_of_the_agents_turn(busy: AgentFloor) -> None:
    case = Case(floor=busy).quiet(20_000)
    case.floor = IDLE
    case.quiet(11_000)
    assert case.made == [(30_000, Silent())]


def test_silence_is_told_once_for_each_time_the_flow_listens() -> None:
    case = Case(floor=IDLE).quiet(30_000)
    case.tell(Listening(case.now_ms, 2000))
    case.quiet(2500)
    assert case.kinds == ["Silent", "Silent"]


def test_speech_and_digits_start_the_silence_anew() -> None:
    case = Case(floor=IDLE).quiet(9000).speech(20).quiet(9000)
    case.tell(DigitPressed(case.now_ms))
    case.quiet(9500)
    assert case.decisions == []
    case.quiet(600)
    assert case.kinds == ["Silent"]


def test_hold_forgets_what_was_being_said() -> None:
    case = Case().speech(100)
    case.tell(SpeechOpened(100, "a"))
    assert case.policy.is_paused
    case.tell(Suspended(120))
    assert not case.policy.is_paused
    case.tell(Transcribed(200, "a", "stop"))
    assert case.kinds == ["Pause"]


def test_a_pause_at_the_very_end_of_the_agents_speech_is_let_go() -> None:
    case = Case().speech(60)
    case.floor = IDLE
    case.speech(20)
    assert case.decisions == [Pause(0), Resume(Reason.SPOKEN_OUT)]


def test_one_unclear_turn_is_told_once() -> None:
    case = Case(floor=IDLE).utterance(800, "").quiet(20_000)
    assert case.decisions == [Unclear("a")]
