"""A simulation: what a caller does, how the world answers, and what must come of it. Values only.

Every value that came from a file carries its line, so that a finding can name it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Final, TypeAlias

from trunkline.domain.events import Json

DEFAULT_CALLER: Final = "+15550100"
ANSWER_WITHIN_S: Final = 12.0


# ---- what the caller does ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Say:
    """Texts with pauses between them: ``parts`` alternate freely, a number is seconds of silence.

    ``confidence`` is what the recogniser is given in text mode, 0 to 1.
    """

    parts: tuple[str | float, ...]
    confidence: float = 1.0

    @property
    def text(self) -> str:
        return " ".join(part for part in self.parts if isinstance(part, str))


@dataclass(frozen=True, slots=True)
class Backchannel:
    """Said while listening; not meant to take the floor."""

    text: str


@dataclass(frozen=True, slots=True)
class Mumble:
    """Speech that nobody could understand."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Cough:
    """A short noise of the caller's that is no speech."""


@dataclass(frozen=True, slots=True)
class Keys:
    """DTMF digits, one every ``KEY_MS``."""

    digits: str


@dataclass(frozen=True, slots=True)
class Silence:
    """Nothing, for so long; ends early when the call does."""

    seconds: float


@dataclass(frozen=True, slots=True)
class HangUp:
    pass


class EngineTrouble(StrEnum):
    FAILS = "fails"  # the next response fails
    LOST = "lost"  # the session breaks and can be opened again
    DOWN = "down"  # the session breaks and no other can be had


@dataclass(frozen=True, slots=True)
class Trouble:
    """Not the caller's doing: something happens to the engine, now."""

    kind: EngineTrouble


CallerAct: TypeAlias = Say | Backchannel | Mumble | Cough | Keys | Silence | HangUp | Trouble


@dataclass(frozen=True, slots=True)
class Expected:
    """A value and the line it stands on."""

    value: Json
    line: int


@dataclass(frozen=True, slots=True)
class TurnExpectations:
    """What must hold from this turn to the next one; None and empty ask for nothing."""

    says: tuple[Expected, ...] = ()
    never_says: tuple[Expected, ...] = ()
    matches: tuple[Expected, ...] = ()
    step: Expected | None = None
    within_ms: Expected | None = None
    interrupts: Expected | None = None
    hears: tuple[Expected, ...] = ()


@dataclass(frozen=True, slots=True)
class CallerTurn:
    """``after_s``: begins so long after the agent begins to speak; None: once it is silent.

    ``snr_db`` and ``voice`` are for audio only and win over the simulation's own.
    """

    act: CallerAct
    line: int
    after_s: float | None = None
    snr_db: float | None = None
    voice: str | None = None
    expect: TurnExpectations = TurnExpectations()

    @property
    def takes_floor(self) -> bool:
        """The agent owes an answer to it."""
        return isinstance(self.act, Say | Keys)


# ---- how the world answers ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FromService:
    """The sample service answers; ``fault`` spoils its first ``times`` attempts, 0: all."""

    fault: str = ""
    times: int = 0


@dataclass(frozen=True, slots=True)
class Returns:
    """The tool's mapped result, as declared."""

    result: Json


@dataclass(frozen=True, slots=True)
class Fails:
    """A typed error, after whatever retries the tool has."""

    code: str


@dataclass(frozen=True, slots=True)
class NeverAnswers:
    """Every attempt runs into the tool's own timeout."""


ToolAnswer: TypeAlias = FromService | Returns | Fails | NeverAnswers


@dataclass(frozen=True, slots=True)
class ToolBehaviour:
    """How one run of a tool goes; ``after_s`` is how long it takes in text mode."""

    answer: ToolAnswer
    line: int
    after_s: float = 0.2


class Verdict(StrEnum):
    GRANTED = "granted"
    REFUSED = "refused"
    NOBODY = "nobody"  # the tool's own clocks go on


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of one question to a person: who decides, when, and what they change before."""

    verdict: Verdict
    after_s: float = 3.0
    role: str = "admin"
    edit: Mapping[str, Json] = field(default_factory=dict)


class TransferOutcome(StrEnum):
    """What becomes of a human who is called, by whatever kind of transfer or queue.

    The last three are of warm transfers and queues: who declines presses 2 and who hangs up does
    so at the beginning of the briefing; who ignores it stays on the line and presses nothing.
    """

    ANSWERED = "answered"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    REJECTED = "rejected"
    UNREACHABLE = "unreachable"
    DECLINED = "declined"
    IGNORES = "ignores"
    HANGS_UP = "hangs_up"

    @property
    def sip_status(self) -> int:
        refusals = {"busy": 486, "no_answer": 480, "rejected": 603, "unreachable": 404}
        return refusals.get(self, 200)


@dataclass(frozen=True, slots=True)
class Human:
    """One human who is called; ``rings_s`` before they answer, ``talks_s`` with the caller."""

    outcome: TransferOutcome = TransferOutcome.ANSWERED
    rings_s: float = 2.0
    talks_s: float = 5.0


@dataclass(frozen=True, slots=True)
class QueueAhead:
    """Who waits in a queue before our caller; one of them is served every ``leaves_every_s``.

    ``talk_s`` is how long conversations lasted so far, for the estimate; None: nobody can tell.
    """

    ahead: int = 0
    leaves_every_s: float = 20.0
    talk_s: float | None = None


class CallTaker(StrEnum):
    """Who takes a call that the agent places, or why nobody does."""

    HUMAN = "human"
    MACHINE = "machine"
    NO_BEEP = "machine_without_beep"
    SILENT = "silent"  # answers and says nothing
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    REJECTED = "rejected"
    UNREACHABLE = "unreachable"

    @property
    def answers(self) -> bool:
        return self in (CallTaker.HUMAN, CallTaker.MACHINE, CallTaker.NO_BEEP, CallTaker.SILENT)

    @property
    def sip_status(self) -> int:
        return 200 if self.answers else TransferOutcome(self.value).sip_status


HELLO: Final = "hello"
MACHINE_GREETING: Final = (
    "you have reached the smith family we cannot come to the phone right now "
    "please leave your name and number after the tone"
)


@dataclass(frozen=True, slots=True)
class Outbound:
    """The agent calls; whoever answers speaks first: ``greeting``, empty for silence."""

    answers: CallTaker
    rings_s: float
    greeting: str

    @property
    def beeps(self) -> bool:
        return self.answers is CallTaker.MACHINE


# ---- what must come of it ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ExpectedTool:
    """One run: arguments are compared key by key, those not named may be anything."""

    tool: str
    line: int
    arguments: Mapping[str, Json] = field(default_factory=dict)
    outcome: str | None = None
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Expectations:
    """``tools`` lists every run in order; None asks for nothing. ``escalated`` likewise the rules
    that came true."""

    steps: tuple[Expected, ...] = ()
    only_steps: Expected | None = None
    never_steps: tuple[Expected, ...] = ()
    variables: Mapping[str, Expected] = field(default_factory=dict)
    tools: tuple[ExpectedTool, ...] | None = None
    tools_line: int = 0
    never_tools: tuple[Expected, ...] = ()
    says: tuple[Expected, ...] = ()
    never_says: tuple[Expected, ...] = ()
    matches: tuple[Expected, ...] = ()
    within_ms: Expected | None = None
    ends: Mapping[str, Expected] = field(default_factory=dict)
    transferred_to: Expected | None = None
    escalated: Expected | None = None
    flow_error: Expected | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """How an audio caller sounds. ``noise`` is one of ``noise.KINDS``; ``snr_db`` None: a clean
    line."""

    voice: str = "ash"
    snr_db: float | None = None
    noise: str = "pink"
    codec: str = "PCMU"


@dataclass(frozen=True, slots=True)
class Simulation:
    """``now``: when the call begins, aware; ``modes``: ``text``, ``audio`` or both.

    ``transfers``: the humans that are called, in order; the last one stays. ``approvals``: of each
    question to a person. ``outbound`` None: the caller calls the agent.
    """

    name: str
    title: str
    agent: str
    now: datetime
    turns: tuple[CallerTurn, ...]
    expect: Expectations
    path: Path = Path()
    modes: frozenset[str] = frozenset({"text"})
    seed: int = 1
    caller_number: str = DEFAULT_CALLER
    called_number: str = "100"
    variables: Mapping[str, Json] = field(default_factory=dict)
    tools: Mapping[str, tuple[ToolBehaviour, ...]] = field(default_factory=dict)
    transfers: tuple[Human, ...] = (Human(),)
    queues: Mapping[str, QueueAhead] = field(default_factory=dict)
    approvals: tuple[Decision, ...] = ()
    outbound: Outbound | None = None
    answer_within_s: float = ANSWER_WITHIN_S
    line: Line = Line()


def spoken(text: str) -> str:
    """A text as expectations compare it: case, spacing and punctuation do not count."""
    words = (word.strip('.,;:!?"()') for word in text.lower().replace("\u2019", "'").split())
    return " ".join(word for word in words if word)


def pattern(text: str) -> re.Pattern[str]:
    """Raises re.error for what is no regular expression."""
    return re.compile(text, re.IGNORECASE | re.DOTALL)
