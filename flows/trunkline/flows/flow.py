"""A flow: what an agent says, asks, does and falls back to. Frozen, checked, no I/O."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import Final, TypeAlias

from trunkline.domain.agent import AgentSpec
from trunkline.domain.events import Json
from trunkline.flows.actions import HangUpReason
from trunkline.flows.conditions import Condition
from trunkline.flows.prompts import Expression, Prompt
from trunkline.flows.slots import Slot
from trunkline.flows.tools import ToolSpec

CALL_VARIABLES: Final = ("call_id", "caller_number", "called_number", "today", "time_of_day")
"""Names every flow may read: the call's own; ``today`` is an ISO date, ``time_of_day`` HH:MM."""


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
class NoInputPolicy:
    """Silence: after ``after_ms`` each of ``reprompts`` once, then the fallback."""

    after_ms: int
    reprompts: tuple[Line, ...]
    fallback: Fallback


@dataclass(frozen=True, slots=True)
class NoMatchPolicy:
    """Speech that led nowhere: ``reprompts`` for what could not be understood, then the fallback.

    ``max_engine_turns``: how often the engine may answer in its own words within one step.
    """

    reprompts: tuple[Line, ...]
    fallback: Fallback
    max_engine_turns: int


@dataclass(frozen=True, slots=True)
class Policies:
    """What holds in every step unless the step says otherwise.

    ``max_fallbacks``: how often in a row a fallback may be taken before the call ends; without it
    a transfer that fails and a caller who is gone would circle for ever.
    """

    no_input: NoInputPolicy
    no_match: NoMatchPolicy
    tool_failure: FailureRoute
    engine_failure: Fallback
    flow_error: Fallback
    goodbye: tuple[Line, ...]
    max_fallbacks: int = 3


@dataclass(frozen=True, slots=True)
class Intent:
    """Something a caller may want, how people say it, and the step it leads to.

    ``goto`` is None for ``repeat``, which says the last lines again.
    """

    name: str
    label: str
    description: str
    examples: tuple[str, ...]
    goto: str | None
    is_global: bool = False

    @property
    def repeats(self) -> bool:
        return self.goto is None


@dataclass(frozen=True, slots=True)
class Listening:
    """What a step takes from the caller besides its own slots.

    ``intents``: intent name to the step it leads to here; ``keys``: one DTMF digit to a step.
    None means the flow's policy.
    """

    intents: Mapping[str, str | None] = field(default_factory=dict)
    keys: Mapping[str, str] = field(default_factory=dict)
    no_input_ms: int | None = None
    hangover_ms: int | None = None
    instructions: str = ""


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
class SayStep:
    """Says its lines; then goes on, or listens when ``listening`` is given."""

    name: str
    lines: tuple[Line, ...]
    next: str | None = None
    listening: Listening | None = None


@dataclass(frozen=True, slots=True)
class CollectStep:
    """Fills its slots through the engine or the keypad, then goes on.

    ``reuses``: slots that already have a value are not asked again.
    """

    name: str
    slots: tuple[Slot, ...]
    next: str
    lines: tuple[Line, ...] = ()
    listening: Listening = Listening()
    reuses: bool = False


@dataclass(frozen=True, slots=True)
class ToolStep:
    """Runs a tool, or parks it when its risk is high; ``failures`` by error code."""

    name: str
    tool: ToolSpec
    arguments: Mapping[str, Expression | Prompt]
    next: str
    save_as: str | None = None
    lines: tuple[Line, ...] = ()
    failures: Mapping[str, FailureRoute] = field(default_factory=dict)
    parked_lines: tuple[Line, ...] = ()
    parked_next: str | None = None


@dataclass(frozen=True, slots=True)
class Case:
    when: Condition
    goto: str


@dataclass(frozen=True, slots=True)
class BranchStep:
    """The first case that holds, else ``otherwise``."""

    name: str
    cases: tuple[Case, ...]
    otherwise: str


@dataclass(frozen=True, slots=True)
class TransferStep:
    """Blind transfer; the call comes back to ``on_failure`` when the target does not take it."""

    name: str
    target: Prompt
    on_failure: str
    lines: tuple[Line, ...] = ()
    failure_lines: tuple[Line, ...] = ()


@dataclass(frozen=True, slots=True)
class HangUpStep:
    name: str
    lines: tuple[Line, ...] = ()
    reason: HangUpReason = HangUpReason.DONE


Step: TypeAlias = SayStep | CollectStep | ToolStep | BranchStep | TransferStep | HangUpStep


@dataclass(frozen=True, slots=True)
class Flow:
    """One agent's flow as it was loaded; ``agent.flow_version`` is the hash of its text."""

    agent: AgentSpec
    start: str
    steps: Mapping[str, Step]
    intents: Mapping[str, Intent]
    tools: Mapping[str, ToolSpec]
    policies: Policies
    variables: Mapping[str, Json]
    instructions: str = ""
    keys: Mapping[str, str] = field(default_factory=dict)
    timezone: tzinfo = UTC

    @property
    def version(self) -> str:
        return self.agent.flow_version

    @property
    def constants(self) -> frozenset[str]:
        """Declared variables that no step ever writes."""
        return frozenset(self.variables) - self.written

    @property
    def written(self) -> frozenset[str]:
        """Variables that collect and tool steps write."""
        names: set[str] = set()
        for step in self.steps.values():
            if isinstance(step, CollectStep):
                names |= {slot.name for slot in step.slots}
            elif isinstance(step, ToolStep) and step.save_as:
                names.add(step.save_as)
        return frozenset(names)

    def lines(self) -> Iterator[Line]:
        """Every line of the flow, policies included."""
        for step in self.steps.values():
            yield from lines_of(step)
        policies = self.policies
        for fallback in (
            policies.no_input.fallback,
            policies.no_match.fallback,
            policies.engine_failure,
            policies.flow_error,
            policies.tool_failure.fallback,
        ):
            yield from fallback.lines
        yield from policies.no_input.reprompts
        yield from policies.no_match.reprompts
        yield from policies.tool_failure.lines
        yield from policies.goodbye
        for tool in self.tools.values():
            yield from (
                Line(prompt) for prompt in (tool.while_running, tool.still_running) if prompt
            )

    def fixed_lines(self) -> tuple[str, ...]:
        """Texts that are the same in every call, for rendering ahead; each once, in flow order."""
        constants = self.constants
        texts = [
            line.prompt.render(self.variables)
            for line in self.lines()
            if line.prompt.variables <= constants
        ]
        return tuple(dict.fromkeys(text for text in texts if text))


def lines_of(step: Step) -> Iterator[Line]:
    """What a step itself may say verbatim."""
    match step:
        case SayStep() | HangUpStep():
            yield from step.lines
        case CollectStep():
            yield from step.lines
            for slot in step.slots:
                yield from (Line(prompt) for prompt in (slot.ask, *slot.reprompts))
        case ToolStep():
            yield from step.lines
            yield from step.parked_lines
            for route in step.failures.values():
                yield from route.lines
                yield from route.fallback.lines
        case TransferStep():
            yield from step.lines
            yield from step.failure_lines
        case BranchStep():
            pass
