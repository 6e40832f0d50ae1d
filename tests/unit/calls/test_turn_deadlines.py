"""Whatever is heard in whatever order, no state of turn taking lasts for ever.

A small world round the policy: an agent that speaks, thinks and falls silent as it is told, a
server that may lose, delay or invent anything. Time is the policy's own, a frame at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias, assert_never

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trunkline.audio.speech_gate import Debounce
from trunkline.calls.turn_events import (
    AgentFloor,
    Answer,
    DigitPressed,
    Discard,
    Heard,
    Hypothesis,
    Interrupt,
    Listening,
    NotListening,
    Pause,
    Resume,
    ServerBack,
    ServerLost,
    Silent,
    SpeechClosed,
    SpeechOpened,
    Suspended,
    Transcribed,
    TurnDecision,
    TurnEvent,
    Unclear,
    Withdraw,
)
from trunkline.calls.turn_state import TurnSettings
from trunkline.calls.turns import TurnPolicy

FRAME_MS = 20
NO_INPUT_MS = 5000
LINE_MS = 3000  # of speech for each thing that the agent says
THINKING_MS = 8000  # the engine answers, or is given up (calls.responses)
SETTINGS = TurnSettings()
LONGEST_PAUSE_MS = SETTINGS.final_ms + 2 * FRAME_MS
WORDS = ("", "um", "uh huh", "okay", "yes", "stop please", "what is my balance")


@dataclass
class World:
    """Says a line whenever something is to be said, and notes how long nothing has happened."""

    policy: TurnPolicy = field(default_factory=lambda: TurnPolicy(SETTINGS))
    now_ms: int = 0
    speaks_ms: int = 0
    thinks_ms: int = 0
    is_paused: bool = False
    is_interruptible: bool = True
    listens: bool = False
    opened_ms: dict[str, int] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)
    items: int = 0
    paused_ms: int = 0
    mute_ms: int = 0  # nobody speaks, nobody thinks, and nobody is told of it
    decisions: list[TurnDecision] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.onset, self.confirmed = Debounce(3, 5), Debounce(9, 12)
        self.listen()

    def listen(self) -> None:
        self.listens = True
        self.tell(Listening(self.now_ms, NO_INPUT_MS))

    def tell(self, event: TurnEvent) -> None:
        self.do(self.policy.handle(event))

    def do(self, decisions: Sequence[TurnDecision]) -> None:
        for decision in decisions:
            self.decisions.append(decision)
            self._carry_out(decision)

    def _carry_out(self, decision: TurnDecision) -> None:
        match decision:
            case Pause():
                assert self.speaks_ms > 0, "nobody speaks who could pause"
                assert not self.is_paused
                self.is_paused, self.paused_ms = True, 0
            case Resume():
                assert self.is_paused
                self.is_paused = False
            case Interrupt():
                assert self.is_interruptible
                self.is_paused, self.speaks_ms = False, 0
                if self.listens:  # a line that was cut is over, and the flow listens
                    self.tell(Listening(self.now_ms, NO_INPUT_MS))
            case Withdraw():
                self.thinks_ms = 0
            case Answer():
                assert self.listens
                self.thinks_ms = 600
            case Unclear() | Silent():
                self.speaks_ms += LINE_MS
            case Discard():
                pass
            case _:
                assert_never(decision)

    def frame(self, is_speech: bool, level_dbfs: float = -25.0) -> None:
        self.now_ms += FRAME_MS
        self._live()
        floor = AgentFloor(
            is_speaking=self.speaks_ms > 0,
            is_interruptible=self.is_interruptible,
            is_thinking=self.thinks_ms > 0,
            remaining_ms=self.speaks_ms,
        )
        onset, confirmed = self.onset.update(is_speech), self.confirmed.update(is_speech)
        level = level_dbfs if is_speech else -70.0
        is_quiet = not (is_speech or onset or confirmed)
        quiet = self.policy.pass_quiet(self.now_ms, floor) if is_quiet else None
        if quiet is not None:
            self.do(quiet)
        else:
            self.tell(Heard(self.now_ms, is_speech, onset, confirmed, level, floor))
        self._check(is_speech)

    def _live(self) -> None:
        if self.thinks_ms > 0:
            self.thinks_ms -= FRAME_MS
            if self.thinks_ms <= 0:
                self.speaks_ms += LINE_MS
        if self.speaks_ms > 0 and not self.is_paused:
            self.speaks_ms = max(self.speaks_ms - FRAME_MS, 0)
            if self.speaks_ms == 0:
                self.listen()

    def _check(self, is_speech: bool) -> None:
        self.paused_ms = self.paused_ms + FRAME_MS if self.is_paused else 0
        assert self.paused_ms <= LONGEST_PAUSE_MS, "the agent is paused for ever"
        assert self.is_paused == self.policy.is_paused
        is_busy = self.speaks_ms > 0 or self.thinks_ms > 0 or is_speech
        self.mute_ms = 0 if is_busy else self.mute_ms + FRAME_MS

    # ---- the server's side ---------------------------------------------------------------------

    def open(self) -> None:
        self.items += 1
        item_id = f"item_{self.items}"
        self.opened_ms[item_id] = self.now_ms
        self.tell(SpeechOpened(self.now_ms, item_id))

    def last(self) -> str:
        return f"item_{self.items}"

    def close(self, item_id: str) -> None:
        if item_id in self.opened_ms and item_id not in self.closed:
            self.closed.add(item_id)
            self.tell(SpeechClosed(self.now_ms, item_id))


@dataclass(frozen=True)
class Sound:
    frames: int
    is_speech: bool
    level_dbfs: float = -25.0


@dataclass(frozen=True)
class Told:
    """Something of the server's or the flow's, about the newest utterance or the one before."""

    what: str
    text: str = ""
    is_older: bool = False


Step: TypeAlias = Sound | Told

SOUNDS = st.builds(
    Sound, st.integers(1, 120), st.booleans(), st.sampled_from((-20.0, -25.0, -45.0))
)
TOLD = st.builds(
    Told,
    st.sampled_from(
        (
            "open", "close", "hypothesis", "final", "rejected", "failed", "stopped", "listen",
            "busy", "digit", "suspended", "lost", "back", "speaks", "says what must be said",
            "thinks", "falls silent",
        )
    ),
    st.sampled_from(WORDS),
    st.booleans(),
)  # fmt: skip
SCENES = st.lists(SOUNDS | TOLD, max_size=60)


def play(world: World, steps: Sequence[Step]) -> None:
    for step in steps:
        if isinstance(step, Sound):
            for _ in range(step.frames):
                world.frame(step.is_speech, step.level_dbfs)
            continue
        at, item_id = world.now_ms, world.last()
        if step.is_older:
            item_id = f"item_{world.items - 1}"
        match step.what:
            case "open":
                world.open()
            case "close":
                world.close(item_id)
            case "hypothesis":
                world.tell(Hypothesis(at, item_id, step.text))
            case "final":
                world.tell(Transcribed(at, item_id, step.text))
            case "rejected":
                world.tell(Transcribed(at, item_id, step.text, is_rejected=True))
            case "failed":
                world.tell(Transcribed(at, item_id, None))
            case "stopped":
                world.tell(Transcribed(at, item_id, step.text, is_stopped=True))
            case "listen":
                world.listen()
            case "busy":
                world.listens = False
                world.tell(NotListening(at))
            case "digit":
                world.tell(DigitPressed(at))
            case "suspended":
                world.is_paused = False
                world.tell(Suspended(at))
            case "lost":
                world.opened_ms.clear()
                world.tell(ServerLost(at))
            case "back":
                world.tell(ServerBack(at))
            case "speaks" | "says what must be said":
                world.is_interruptible = step.what == "speaks"
                world.speaks_ms += LINE_MS
            case "thinks":
                world.thinks_ms = THINKING_MS
            case "falls silent":
                world.speaks_ms = world.speaks_ms if world.is_paused else 0


def settle(world: World, *, hum: bool = False) -> None:
    """The caller falls silent, and the server tells nothing more: no end, no words. ``hum``: a
    voice on the line that the server takes for none."""
    world.is_interruptible = True
    if not world.speaks_ms:
        world.listen()
    world.tell(ServerBack(world.now_ms))
    world.mute_ms = 0
    for _ in range(20_000 // FRAME_MS):
        world.frame(hum)


@given(SCENES)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_paused_agent_goes_on_or_is_cut_whatever_is_heard(steps: list[Step]) -> None:
    play(World(), steps)  # the world itself asserts it, frame by frame


@given(SCENES, st.booleans())
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_server_that_says_nothing_more_does_not_silence_the_agent(
    steps: list[Step], hum: bool
) -> None:
    world = World()
    play(world, steps)
    before = len(world.decisions)
    is_owed = world.policy._owed is not None  # noqa: SLF001
    settle(world, hum=hum)
    told = [d for d in world.decisions[before:] if isinstance(d, Answer | Unclear | Silent)]
    if not hum or is_owed:  # a voice that never ends, and was never transcribed, asks for nothing
        assert told, "nobody was answered, and nobody was told of the silence"
    assert world.mute_ms <= SETTINGS.open_ms + NO_INPUT_MS + 2 * FRAME_MS
    assert hum or not world.policy.awaits_words


@given(SCENES)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_every_utterance_that_was_closed_is_let_go(steps: list[Step]) -> None:
    world = World()
    play(world, steps)
    for item_id in list(world.opened_ms):
        world.close(item_id)
    for _ in range(SETTINGS.transcript_ms // FRAME_MS + 2):
        world.frame(False)
    assert not world.policy.awaits_words


def test_an_utterance_that_the_server_never_ends_is_answered_as_it_is() -> None:
    world = World()
    play(world, [Sound(40, True), Told("open"), Sound(40, True)])
    play(world, [Sound(SETTINGS.open_ms // FRAME_MS - 1, False)])
    assert world.decisions == []
    play(world, [Sound(1, False)])
    assert world.decisions == [Answer("item_1")]


def test_a_hum_on_the_line_puts_an_answer_off_for_seconds_only() -> None:
    world = World()
    play(world, [Told("open"), Sound(50, True), Told("close"), Told("final", WORDS[-1])])
    play(world, [Sound(SETTINGS.going_on_ms // FRAME_MS - 1, True)])
    assert world.decisions == []
    play(world, [Sound(1, True)])
    assert world.decisions == [Answer("item_1")]


def test_a_line_is_not_given_up_for_sounds_that_only_the_edge_heard() -> None:
    world = World()
    play(world, [Sound(40, True), Told("speaks"), Sound(100, False)])
    assert [type(decision) for decision in world.decisions] == [Pause, Resume]


def test_a_goodbye_is_said_although_the_line_before_it_was_held_up() -> None:
    world = World()
    play(world, [Told("speaks"), Sound(10, True), Told("says what must be said"), Sound(60, True)])
    assert [type(decision) for decision in world.decisions] == [Pause, Resume]
