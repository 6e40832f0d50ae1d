"""A simulation against the flow it is for: names that do not exist, expectations that cannot fail.

Complaints only; nothing here changes a simulation.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from jsonschema import Draft202012Validator

from trunkline.cli.simulate.complaints import did_you_mean
from trunkline.cli.simulate.simulation import (
    Expectations,
    Expected,
    Fails,
    FromService,
    NeverAnswers,
    Returns,
    Simulation,
    TurnExpectations,
    pattern,
    spoken,
)
from trunkline.domain.call import EndCause
from trunkline.domain.errors import Invalid, NotFound
from trunkline.domain.trunk import normalise_number
from trunkline.flows.actions import HangUpReason
from trunkline.flows.flow import CALL_VARIABLES, Flow
from trunkline.flows.schema.source import Complaint, Source, YamlPath, dotted
from trunkline.flows.steps import HandoffStep, QueueStep
from trunkline.flows.tools import RiskClass, ToolSpec

_OF_THE_CALL: Final = frozenset({*CALL_VARIABLES, "flow_error"})


@dataclass(frozen=True, slots=True)
class Reach:
    """The flow a call begins in, and those of the agents it can be handed to from there."""

    flow: Flow
    others: tuple[Flow, ...] = ()

    @property
    def flows(self) -> tuple[Flow, ...]:
        return (self.flow, *self.others)

    @property
    def steps(self) -> frozenset[str]:
        """Every step a call may come to, as the call names it."""
        return frozenset(name for flow in self.flows for name in flow.steps)

    @property
    def tools(self) -> dict[str, ToolSpec]:
        """By name; where two agents have one of a name, the first's."""
        return {name: tool for flow in reversed(self.flows) for name, tool in flow.tools.items()}

    @property
    def variables(self) -> frozenset[str]:
        return frozenset(name for flow in self.flows for name in (*flow.variables, *flow.written))


def reach_of(flow: Flow, flow_of: Callable[[str], Flow]) -> Reach:
    """``flow_of`` raises NotFound for an agent that does not serve: nobody is handed to it."""
    found = {flow.agent.name: flow}
    waiting = [flow]
    while waiting:
        for step in waiting.pop().steps.values():
            if isinstance(step, HandoffStep) and step.agent not in found:
                with suppress(NotFound):
                    found[step.agent] = flow_of(step.agent)
                    waiting.append(found[step.agent])
    return Reach(flow, tuple(found.values())[1:])


def check_variables(source: Source, simulation: Simulation, reach: Reach) -> None:
    """What is set before the call must be the flow's, and what is expected must be its or set."""
    flow = reach.flow
    for name in simulation.variables:
        if name not in flow.variables:
            hint = did_you_mean(name, flow.variables)
            source.complain(("variables", name), f"the flow declares no variable {name!r}{hint}")
    known = {*reach.variables, *_OF_THE_CALL}
    for name in simulation.expect.variables:
        root = name.split(".")[0]
        if root not in known:
            hint = did_you_mean(root, known)
            where = ("expect", "variables", name)
            source.complain(where, f"the flow has no variable {root!r}{hint}")


def check_world(source: Source, simulation: Simulation, reach: Reach) -> None:
    """Queues must be the flow's, and who does not take the call does nothing in it."""
    steps = [step for flow in reach.flows for step in flow.steps.values()]
    known = {step.queue for step in steps if isinstance(step, QueueStep)}
    for name in simulation.queues:
        if name not in known:
            hint = did_you_mean(name, known)
            source.complain(("queues", name), f"the flow has no queue {name!r}{hint}")
    if "audio" in simulation.modes:
        try:
            normalise_number(simulation.called_number)
        except Invalid:
            message = "in audio this is dialled: digits, with a + in front if need be"
            source.complain(("caller", "called"), message)
    if simulation.approvals and "audio" in simulation.modes:
        source.complain(("approval",), "is for text only: in audio a person decides, or nobody")
    if simulation.approvals and not any(
        tool.risk is RiskClass.HIGH for tool in reach.tools.values()
    ):
        source.complain(("approval",), "the flow has no high-risk tool: nobody is asked")
    outbound = simulation.outbound
    if outbound is not None and not outbound.answers.answers and simulation.turns:
        source.complain(("turns",), "nobody takes the call: there are no turns")


def check_behaviours(source: Source, simulation: Simulation, reach: Reach) -> None:
    tools = reach.tools
    for name, behaviours in simulation.tools.items():
        tool = tools.get(name)
        if tool is None:
            hint = did_you_mean(name, tools)
            source.complain(("tools", name), f"the flow has no tool {name!r}{hint}")
            continue
        for place, behaviour in enumerate(behaviours):
            path: YamlPath = ("tools", name, place)
            match behaviour.answer:
                case Returns(result) if tool.returns is not None:
                    problem = _schema_problem(tool.returns, result)
                    if problem:
                        source.complain(path, f"the tool never returns this: {problem}")
                case FromService() | Returns():
                    pass
                case Fails() | NeverAnswers():
                    pass


def check_expectations(source: Source, simulation: Simulation, reach: Reach) -> None:
    expect = simulation.expect
    if _asks_nothing(expect) and all(
        turn.expect == TurnExpectations() for turn in simulation.turns
    ):
        source.complain(("expect",), "nothing is expected, so nothing could go wrong")
    _check_steps(source, simulation, reach)
    _check_tools(source, expect, reach)
    _check_escalated(source, expect, reach)
    for where, texts in _texts(simulation):
        for text in texts:
            if not spoken(str(text.value)):
                _complain_at(source, text, where, "holds no word: it would always be found")
    for where, texts in _patterns(simulation):
        for text in texts:
            _check_pattern(source, text, where)
    limit_ms = simulation.answer_within_s * 1000
    limits = [expect.within_ms, *(turn.expect.within_ms for turn in simulation.turns)]
    for limit in limits:
        if limit is not None and limit.value > limit_ms:
            message = "cannot be exceeded: answer_within_s is shorter"
            _complain_at(source, limit, ("within_ms",), message)
    _check_ends(source, expect)


def _check_steps(source: Source, simulation: Simulation, reach: Reach) -> None:
    expect, known = simulation.expect, reach.steps
    named: list[tuple[Expected, str]] = [
        *((step, str(step.value)) for step in (*expect.steps, *expect.never_steps)),
        *((turn.expect.step, str(turn.expect.step.value))
          for turn in simulation.turns if turn.expect.step),
    ]  # fmt: skip
    if expect.only_steps is not None:
        named += [(expect.only_steps, step) for step in expect.only_steps.value]
    for at, name in named:
        if name not in known and "." not in name and "/" not in name and ":" not in name:
            message = f"the flow has no step {name!r}{did_you_mean(name, known)}"
            _complain_at(source, at, ("expect",), message)
    never = {step.value for step in expect.never_steps}
    for step in expect.steps:
        if step.value in never:
            message = f"{step.value!r} is expected and forbidden: one of the two"
            _complain_at(source, step, ("expect", "steps"), message)


def _check_tools(source: Source, expect: Expectations, reach: Reach) -> None:
    where: YamlPath = ("expect", "tools")
    tools = reach.tools
    for one in expect.tools or ():
        tool = tools.get(one.tool)
        at = Expected(one.tool, one.line)
        if tool is None:
            hint = did_you_mean(one.tool, tools)
            _complain_at(source, at, where, f"the flow has no tool {one.tool!r}{hint}")
            continue
        properties = tool.parameters.get("properties")
        for name in one.arguments:
            if isinstance(properties, Mapping) and name not in properties:
                hint = did_you_mean(name, properties)
                message = f"{one.tool} takes no argument {name!r}{hint}"
                _complain_at(source, at, where, message)
        if one.code is not None and one.outcome in ("ok", "parked"):
            message = f"outcome {one.outcome} has no error code: leave one of the two out"
            _complain_at(source, at, where, message)
    for never in expect.never_tools:
        if never.value not in tools:
            hint = did_you_mean(str(never.value), tools)
            message = f"the flow has no tool {never.value!r}{hint}"
            _complain_at(source, never, ("expect", "never_tools"), message)


def _check_escalated(source: Source, expect: Expectations, reach: Reach) -> None:
    """Rules of the flows that the call may come to; ``guard_…`` are the guardrails' own."""
    known = {rule.name for flow in reach.flows for rule in flow.escalation.every()}
    for name in expect.escalated.value if expect.escalated is not None else ():
        if name not in known and not name.startswith("guard_"):
            message = f"no flow has an escalation rule {name!r}{did_you_mean(name, known)}"
            assert expect.escalated is not None
            _complain_at(source, expect.escalated, ("expect", "escalated"), message)


def _check_ends(source: Source, expect: Expectations) -> None:
    for name, known in (("cause", EndCause), ("reason", HangUpReason)):
        at = expect.ends.get(name)
        if at is not None and at.value not in set(known):
            hint = did_you_mean(str(at.value), [one.value for one in known])
            message = f"there is no {name} {at.value!r}{hint}"
            _complain_at(source, at, ("expect", "ends", name), message)


def _check_pattern(source: Source, text: Expected, where: YamlPath) -> None:
    try:
        matches_nothing = pattern(str(text.value)).search("") is not None
    except re.error as exc:
        _complain_at(source, text, where, f"is no regular expression: {exc}")
        return
    if matches_nothing:
        _complain_at(source, text, where, "matches even silence: it could not fail")


def _texts(simulation: Simulation) -> Iterable[tuple[YamlPath, tuple[Expected, ...]]]:
    expect = simulation.expect
    yield ("expect", "says"), expect.says
    yield ("expect", "never_says"), expect.never_says
    for turn in simulation.turns:
        yield ("turns", "says"), (*turn.expect.says, *turn.expect.hears)
        yield ("turns", "never_says"), turn.expect.never_says


def _patterns(simulation: Simulation) -> Iterable[tuple[YamlPath, tuple[Expected, ...]]]:
    yield ("expect", "matches"), simulation.expect.matches
    for turn in simulation.turns:
        yield ("turns", "matches"), turn.expect.matches


def _asks_nothing(expect: Expectations) -> bool:
    return not any(
        getattr(expect, name) not in (None, (), {})
        for name in Expectations.__slots__
        if name != "tools_line"
    )


def _complain_at(source: Source, at: Expected, where: YamlPath, message: str) -> None:
    source.complaints.append(Complaint(at.line, dotted(where), message))


def _schema_problem(schema: Mapping[str, object], value: object) -> str:
    error = next(Draft202012Validator(dict(schema)).iter_errors(value), None)
    return "" if error is None else error.message[:200]
