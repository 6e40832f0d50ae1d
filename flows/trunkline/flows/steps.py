"""The kinds of steps a flow is made of. Frozen, checked, no I/O.

Steps of a sub-flow live in the same namespace as the flow's own, under ``name.step``; every target
is a full name, so that nothing but the loader knows where a name was written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from trunkline.domain.approval import ApprovalState
from trunkline.flows.actions import Answerer, HangUpReason, TransferCause, TransferMode, TurnTaking
from trunkline.flows.builtins import SetVariableBuiltin
from trunkline.flows.conditions import Condition
from trunkline.flows.program import ProgramSlot
from trunkline.flows.prompts import Expression, Prompt
from trunkline.flows.slots import Slot
from trunkline.flows.tools import After, ToolSpec

RETURN: Final = "return"
"""The target that ends a sub-flow; no step may have this name."""


def scope_of(step: str) -> str:
    """The sub-flow that a full step name belongs to; empty for the flow's own steps."""
    return step.rpartition(".")[0]


@dataclass(frozen=True, slots=True)
class Line:
    """One thing to say, verbatim."""

    prompt: Prompt
    is_interruptible: bool = True


@dataclass(frozen=True, slots=True)
class Fallback:
    """Where to go when patience ends: lines, then a step, or the end of the call when None."""

    lines: tuple[Line, ...] = ()
    goto: str | None = None


@dataclass(frozen=True, slots=True)
class FailureRoute:
    """What a failed tool leads to: ``goto`` (None: the tool again) up to ``limit`` times in a row.

    Past the limit the fallback is taken. ``forget`` lists variables to drop before going on.
    """

    lines: tuple[Line, ...] = ()
    goto: str | None = None
    limit: int = 1
    forget: tuple[str, ...] = ()
    fallback: Fallback = Fallback()


@dataclass(frozen=True, slots=True)
class IdlePrompt:
    """Said once the caller has been silent for ``after_ms``, before silence counts as no input."""

    after_ms: int
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class SilenceBranch:
    """Silence as an answer: after ``after_ms`` of it (idle prompts first), on to ``goto``."""

    after_ms: int
    goto: str


@dataclass(frozen=True, slots=True)
class EngineChoice:
    """The engine of a step and the one to fall back to; empty names: the agent's."""

    engine: str = ""
    fallback: str = ""


@dataclass(frozen=True, slots=True)
class Offer:
    """A tool that the engine may call where a step listens.

    ``arguments`` are given by the flow: the engine neither sees nor chooses them. ``goto`` is where
    the flow goes on when ``after`` is to continue.
    """

    tool: ToolSpec
    after: After = After.SPEAK
    goto: str | None = None
    save_as: str | None = None
    arguments: Mapping[str, Expression | Prompt] = field(default_factory=dict)

    @property
    def written(self) -> frozenset[str]:
        """Variables that it may give a value."""
        transport = self.tool.transport
        names = transport.values if isinstance(transport, SetVariableBuiltin) else ()
        return frozenset({*names, *([self.save_as] if self.save_as else ())})


@dataclass(frozen=True, slots=True)
class Listening:
    """What a step takes from the caller besides its own slots, and how it listens.

    ``intents``: intent name to the step it leads to here; ``keys``: one DTMF digit to a step.
    None means the flow's policy or preset. ``max_turn_ms``: a longer turn is taken as it is.
    ``offers_everywhere``: intents that hold everywhere hold here too. ``offers``: tools by name.
    """

    intents: Mapping[str, str | None] = field(default_factory=dict)
    keys: Mapping[str, str] = field(default_factory=dict)
    no_input_ms: int | None = None
    hangover_ms: int | None = None
    instructions: str = ""
    idle: tuple[IdlePrompt, ...] = ()
    silence: SilenceBranch | None = None
    engine: EngineChoice | None = None
    turn_taking: TurnTaking | None = None
    max_turn_ms: int | None = None
    offers_everywhere: bool = True
    offers: Mapping[str, Offer] = field(default_factory=dict)
    program: ProgramSlot | None = None


@dataclass(frozen=True, slots=True)
class Case:
    when: Condition
    goto: str


@dataclass(frozen=True, slots=True)
class SayStep:
    """Says its lines; then goes on, or listens when ``listening`` is given.

    ``beep_ms``: it waits so long for an answering machine's beep before it speaks; None: it speaks.
    """

    name: str
    lines: tuple[Line, ...]
    next: str | None = None
    listening: Listening | None = None
    beep_ms: int | None = None


@dataclass(frozen=True, slots=True)
class CollectStep:
    """Fills its slots through the engine or the keypad, then goes on: to the first case, or next.

    ``reuses``: slots that already have a value are not asked again.
    """

    name: str
    slots: tuple[Slot, ...]
    next: str
    lines: tuple[Line, ...] = ()
    listening: Listening = Listening()
    reuses: bool = False
    cases: tuple[Case, ...] = ()


@dataclass(frozen=True, slots=True)
class BackgroundPlan:
    """A tool that the call does not wait for, and what is said, or led to, once it is back."""

    within_ms: int = 600_000
    done: Fallback = Fallback()
    failed: Fallback = Fallback()


@dataclass(frozen=True, slots=True)
class WaitPlan:
    """A caller who waits for a person's answer: what they hear, and where each answer leads.

    ``lines`` at once; of ``idle`` one every ``every_ms``, the last one again; ``not_yet`` to who
    asks, as in ``questions``, whether it is done. ``outcomes``: every end but the good one, which
    leads to the step's ``next``. ``arguments_as``: the variable of what is asked, as decided.
    """

    lines: tuple[Line, ...]
    not_yet: tuple[Line, ...]
    outcomes: Mapping[ApprovalState, Fallback]
    every_ms: int = 15_000
    idle: tuple[Line, ...] = ()
    granted: tuple[Line, ...] = ()
    escalated: tuple[Line, ...] = ()
    questions: tuple[str, ...] = ()
    listening: Listening = Listening()
    arguments_as: str | None = None

    @property
    def meanwhile(self) -> Mapping[str, tuple[Line, ...]]:
        """What is said before anything has come of it, by its key."""
        return {
            "say": self.lines,
            "not_yet": self.not_yet,
            "idle": self.idle,
            "on_escalated": self.escalated,
        }

    @property
    def all_lines(self) -> Iterator[Line]:
        for lines in (*self.meanwhile.values(), self.granted):
            yield from lines
        for outcome in self.outcomes.values():
            yield from outcome.lines


@dataclass(frozen=True, slots=True)
class ToolStep:
    """Runs a tool, or parks it when its risk is high; ``failures`` by error code.

    ``wait``: the call waits in the step for what a person decides; None: it goes on, parked.
    """

    name: str
    tool: ToolSpec
    arguments: Mapping[str, Expression | Prompt]
    next: str
    save_as: str | None = None
    lines: tuple[Line, ...] = ()
    failures: Mapping[str, FailureRoute] = field(default_factory=dict)
    parked_lines: tuple[Line, ...] = ()
    parked_next: str | None = None
    background: BackgroundPlan | None = None
    wait: WaitPlan | None = None


@dataclass(frozen=True, slots=True)
class BranchStep:
    """The first case that holds, else ``otherwise``."""

    name: str
    cases: tuple[Case, ...]
    otherwise: str


@dataclass(frozen=True, slots=True)
class SetStep:
    """Gives variables values, all computed before the first is given."""

    name: str
    values: Mapping[str, Expression | Prompt]
    next: str
    lines: tuple[Line, ...] = ()


@dataclass(frozen=True, slots=True)
class CallStep:
    """Goes through a sub-flow and back; ``returns``: variable here to variable there."""

    name: str
    flow: str
    start: str
    arguments: Mapping[str, Expression | Prompt]
    returns: Mapping[str, str]
    next: str
    lines: tuple[Line, ...] = ()


@dataclass(frozen=True, slots=True)
class ReturnStep:
    """The end of the sub-flow ``flow``: on with the step after the one that called it."""

    name: str
    flow: str


@dataclass(frozen=True, slots=True)
class HandoffStep:
    """Gives the call to another agent's flow, with the variables in ``carry``."""

    name: str
    agent: str
    carry: tuple[str, ...] = ()
    lines: tuple[Line, ...] = ()


@dataclass(frozen=True, slots=True)
class SendDigitsStep:
    name: str
    digits: Prompt
    next: str
    lines: tuple[Line, ...] = ()


@dataclass(frozen=True, slots=True)
class TransferStep:
    """To a human; the call comes back to ``on_failure`` when nobody takes it.

    ``failures`` says more by cause. ``briefing`` is spoken to the human of a warm transfer, who
    takes the call by pressing 1 when ``needs_key``; ``detects_machine``: a recording is no answer.
    """

    name: str
    target: Prompt
    on_failure: str
    lines: tuple[Line, ...] = ()
    failure_lines: tuple[Line, ...] = ()
    mode: TransferMode = TransferMode.BLIND
    briefing: Prompt | None = None
    ring_ms: int = 25_000
    needs_key: bool = False
    detects_machine: bool = False
    failures: Mapping[TransferCause, Fallback] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class QueueStep:
    """Holds the caller until a human is free; ``announcement`` may read ``queue_position``.

    What comes of it otherwise: a callback is wanted, the wait is over, nobody serves the queue.
    """

    name: str
    queue: str
    targets: tuple[Prompt, ...]
    on_callback: Fallback
    on_timeout: Fallback
    on_unavailable: Fallback
    announcement: Line
    lines: tuple[Line, ...] = ()
    announce_every_ms: int = 45_000
    callback_key: str = ""
    max_wait_ms: int = 600_000
    ring_ms: int = 20_000
    briefing: Prompt | None = None
    needs_key: bool = False
    detects_machine: bool = False


@dataclass(frozen=True, slots=True)
class VoicemailStep:
    """Finds out who answered a call that was placed; ``routes`` has a step for each answer."""

    name: str
    routes: Mapping[Answerer, str]
    wait_ms: int
    lines: tuple[Line, ...] = ()


@dataclass(frozen=True, slots=True)
class HangUpStep:
    name: str
    lines: tuple[Line, ...] = ()
    reason: HangUpReason = HangUpReason.DONE


Step: TypeAlias = (
    SayStep
    | CollectStep
    | ToolStep
    | BranchStep
    | SetStep
    | CallStep
    | ReturnStep
    | HandoffStep
    | SendDigitsStep
    | TransferStep
    | QueueStep
    | VoicemailStep
    | HangUpStep
)


def listening_of(step: Step) -> Listening | None:
    if isinstance(step, ToolStep):
        return step.wait.listening if step.wait is not None else None
    return step.listening if isinstance(step, SayStep | CollectStep) else None


def offered_names(step: Step) -> frozenset[str]:
    """Variables that tools may set which the step offers its engine."""
    listening = listening_of(step)
    names = (offer.written for offer in (listening.offers.values() if listening else ()))
    return frozenset().union(*names)


def written_by(step: Step) -> frozenset[str]:
    """Variables that the step may give a value."""
    match step:
        case SayStep():
            return offered_names(step)
        case CollectStep():
            return frozenset(slot.name for slot in step.slots) | offered_names(step)
        case ToolStep():
            names = {step.save_as, step.wait.arguments_as if step.wait else None}
            return frozenset(name for name in names if name)
        case SetStep():
            return frozenset(step.values)
        case CallStep():
            return frozenset(step.returns)
        case _:
            return frozenset()
