"""A flow: what an agent says, asks, does and falls back to. Frozen, checked, no I/O."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import Final

from trunkline.domain.agent import AgentSpec
from trunkline.domain.events import Json
from trunkline.flows.actions import TurnTaking
from trunkline.flows.calendars import Calendar
from trunkline.flows.escalation import EscalationPlan
from trunkline.flows.guard.rules import GuardRules
from trunkline.flows.prompts import Expression, Prompt
from trunkline.flows.slots import Slot
from trunkline.flows.step_lines import lines_of
from trunkline.flows.steps import FailureRoute, Fallback, Line, Step, written_by
from trunkline.flows.tools import ToolSpec

CALL_VARIABLES: Final = (
    "call_id", "caller_number", "called_number", "direction", "today", "time_of_day",
    "caller_asserted", "diverted_from", "headers",
)  # fmt: skip
"""Names every flow may read: the call's own; ``today`` is an ISO date, ``time_of_day`` HH:MM."""


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
    a transfer that fails and a caller who is gone would circle for ever. ``fillers``: said by turns
    to a caller who waits for the engine or a tool; None: the house's.
    """

    no_input: NoInputPolicy
    no_match: NoMatchPolicy
    tool_failure: FailureRoute
    engine_failure: Fallback
    flow_error: Fallback
    goodbye: tuple[Line, ...]
    max_fallbacks: int = 3
    fillers: tuple[Line, ...] | None = None


@dataclass(frozen=True, slots=True)
class Intent:
    """Something a caller may want, how people say it, and the step it leads to.

    ``goto`` is None for ``repeat``, which says the last lines again. ``takes``: slots whose values
    callers may tell along with it; a step that collects them reads them back instead of asking.
    """

    name: str
    label: str
    description: str
    examples: tuple[str, ...]
    goto: str | None
    is_global: bool = False
    takes: tuple[Slot, ...] = ()

    @property
    def repeats(self) -> bool:
        return self.goto is None


@dataclass(frozen=True, slots=True)
class SubFlow:
    """Steps that are gone through as one, with variables of their own.

    Its steps stand in ``Flow.steps`` as ``name.step``. ``parameters`` are given by whoever calls
    it; ``returns`` are the variables that may be taken from it.
    """

    name: str
    start: str
    parameters: tuple[str, ...] = ()
    returns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Prefetch:
    """A tool run before the call is answered; after ``timeout_ms`` the default has to do."""

    tool: ToolSpec
    arguments: Mapping[str, Expression | Prompt]
    save_as: str
    timeout_ms: int = 1000
    default: Json = None


@dataclass(frozen=True, slots=True)
class Flow:
    """One agent's flow as it was loaded; ``agent.flow_version`` is the hash of its text.

    ``identity``: tools whose success, and steps whose passing, establishes who is calling.
    ``pronounce``: words to how they are said, for the recogniser.
    """

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
    calendars: Mapping[str, Calendar] = field(default_factory=dict)
    before_answer: tuple[Prefetch, ...] = ()
    subflows: Mapping[str, SubFlow] = field(default_factory=dict)
    turn_taking: TurnTaking = TurnTaking.BALANCED
    identity: frozenset[str] = frozenset()
    guardrails: GuardRules = GuardRules()
    escalation: EscalationPlan = EscalationPlan()
    pronounce: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def version(self) -> str:
        return self.agent.flow_version

    @property
    def constants(self) -> frozenset[str]:
        """Declared variables that no step ever writes."""
        return frozenset(self.variables) - self.written

    @property
    def written(self) -> frozenset[str]:
        """Variables that some step may give a value, sub-flows' own included."""
        names = {fetch.save_as for fetch in self.before_answer}
        for step in self.steps.values():
            names |= written_by(step)
        for subflow in self.subflows.values():
            names |= set(subflow.parameters)
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
        yield from policies.fillers or ()
        for rule in self.escalation.every():
            yield from rule.lines
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
