"""Expectations against what happened. Pure; every finding names the line that was not met."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from jsonschema import Draft202012Validator

from trunkline.cli.simulate.observed import Observed, SeenTool, SeenTurn
from trunkline.cli.simulate.simulation import (
    CallerTurn,
    Expectations,
    Expected,
    ExpectedTool,
    Simulation,
    pattern,
    spoken,
)
from trunkline.domain.events import Json
from trunkline.flows.flow import Flow
from trunkline.flows.steps import HandoffStep

_BY: Final[Mapping[str, str]] = {
    "agent_hangup": "agent",
    "caller_hangup": "caller",
    "callee_hangup": "caller",  # of a call that the agent placed
    "caller_cancelled": "caller",
    "transferred": "transfer",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it should be; ``line`` of the simulation's file."""

    line: int
    message: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.message}"


@dataclass(frozen=True, slots=True)
class TurnDone:
    """When a turn of the simulation began, on the call's clock; ``was_answered`` within its time.

    ``response_ms``: from the end of the caller's words to the agent's first.
    """

    turn: CallerTurn
    at_ms: int
    was_answered: bool = True
    response_ms: int | None = None


def judge(
    simulation: Simulation, flows: Mapping[str, Flow], done: Sequence[TurnDone], seen: Observed
) -> list[Finding]:
    """Everything that is wrong, in order of the file's lines. ``flows``: all agents, by name."""
    findings = [
        *_call_itself(simulation, flows, done, seen),
        *_steps(simulation.expect, seen),
        *_tools(simulation.expect, seen),
        *_variables(simulation.expect, seen),
        *_words(simulation.expect, seen),
        *_escalations(simulation.expect, seen),
        *_end(simulation.expect, seen),
    ]
    for number, one in enumerate(done):
        until_ms = done[number + 1].at_ms if number + 1 < len(done) else None
        findings += _turn(one, until_ms, seen)
    limit = simulation.expect.within_ms
    if limit is not None:
        for one in done:
            if one.response_ms is not None and one.response_ms > limit.value:
                message = f"answered after {one.response_ms} ms, not within {limit.value}"
                findings.append(Finding(limit.line, f"the turn on line {one.turn.line} {message}"))
    return sorted(set(findings), key=lambda finding: (finding.line, finding.message))


def invalid_tools(agent: str, flows: Mapping[str, Flow], seen: Observed) -> list[SeenTool]:
    """Runs whose arguments satisfy the schema of no tool of that name that the call had."""
    schemas: dict[str, list[dict[str, Json]]] = {}
    for name in handed_to(agent, flows):
        for tool in flows[name].tools.values():
            schemas.setdefault(tool.name, []).append(dict(tool.parameters))
    return [
        run
        for run in seen.tools
        if not any(
            Draft202012Validator(schema).is_valid(dict(run.arguments))
            for schema in schemas.get(run.tool, ())
        )
    ]


def handed_to(agent: str, flows: Mapping[str, Flow]) -> tuple[str, ...]:
    """The agent a call begins with, and those that it can be handed to from there."""
    found = [agent]
    for name in found:
        steps = flows[name].steps.values() if name in flows else ()
        others = {step.agent for step in steps if isinstance(step, HandoffStep)}
        found += sorted((others & flows.keys()) - set(found))
    return tuple(found)


# ---- what every call must do -------------------------------------------------------------------


def _call_itself(
    simulation: Simulation, flows: Mapping[str, Flow], done: Sequence[TurnDone], seen: Observed
) -> Iterable[Finding]:
    left = simulation.turns[len(done) :]
    if left:
        message = f"the call was over ({seen.cause or 'unknown'}) before this turn"
        yield Finding(left[0].line, message)
    for one in done:
        if not one.was_answered:
            yield Finding(one.turn.line, f"nothing was said within {simulation.answer_within_s} s")
    for run in invalid_tools(simulation.agent, flows, seen):
        yield Finding(1, f"{run.tool} was called with arguments that break its schema")
    expected = simulation.expect.flow_error
    error = seen.variables.get("flow_error")
    if expected is None and error is not None:
        yield Finding(1, f"the flow broke: {error}")
    elif expected is not None and expected.value != (error is not None):
        yield Finding(expected.line, f"flow_error is {expected.value}, and the flow had: {error}")


def _steps(expect: Expectations, seen: Observed) -> Iterable[Finding]:
    names, at = seen.step_names, 0
    for step in expect.steps:
        try:
            at = names.index(str(step.value), at) + 1
        except ValueError:
            went = " > ".join(names)
            yield Finding(step.line, f"did not come to {step.value} there; went {went}")
            break
    if expect.only_steps is not None and names != list(expect.only_steps.value):
        yield Finding(expect.only_steps.line, f"went {' > '.join(names)}")
    for step in expect.never_steps:
        if step.value in names:
            yield Finding(step.line, f"came to {step.value}")


def _tools(expect: Expectations, seen: Observed) -> Iterable[Finding]:
    for never in expect.never_tools:
        if any(run.tool == never.value for run in seen.tools):
            yield Finding(never.line, f"{never.value} was called")
    if expect.tools is None:
        return
    ran = ", ".join(f"{run.tool} ({run.code or run.outcome})" for run in seen.tools) or "none"
    if len(expect.tools) != len(seen.tools):
        message = f"{len(expect.tools)} tool calls expected, there were {len(seen.tools)}: {ran}"
        yield Finding(expect.tools_line, message)
    for wanted, run in zip(expect.tools, seen.tools, strict=False):
        yield from (Finding(wanted.line, message) for message in _tool(wanted, run))


def _tool(wanted: ExpectedTool, run: SeenTool) -> Iterable[str]:
    if wanted.tool != run.tool:
        yield f"{wanted.tool} expected, {run.tool} was called"
        return
    for name, value in wanted.arguments.items():
        if name not in run.arguments:
            yield f"{run.tool} was called without {name}"
        elif not _same(value, run.arguments[name]):
            yield f"{run.tool} was called with {name} {run.arguments[name]!r}, not {value!r}"
    if wanted.outcome is not None and wanted.outcome != run.outcome:
        yield f"{run.tool} ended {run.outcome}, not {wanted.outcome}"
    if wanted.code is not None and wanted.code != run.code:
        yield f"{run.tool} failed with {run.code or 'nothing'}, not {wanted.code}"


def _escalations(expect: Expectations, seen: Observed) -> Iterable[Finding]:
    wanted = expect.escalated
    if wanted is not None and list(wanted.value) != seen.escalated:
        raised = ", ".join(seen.escalated) or "nothing"
        yield Finding(
            wanted.line, f"escalated {raised}, not {', '.join(wanted.value) or 'nothing'}"
        )


def _variables(expect: Expectations, seen: Observed) -> Iterable[Finding]:
    for name, wanted in expect.variables.items():
        value: Json = seen.variables
        for part in name.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        if not _same(wanted.value, value):
            yield Finding(wanted.line, f"{name} is {value!r}, not {wanted.value!r}")


def _words(expect: Expectations, seen: Observed) -> Iterable[Finding]:
    yield from _said(expect.says, expect.never_says, expect.matches, seen.said)


def _said(
    says: Iterable[Expected], never: Iterable[Expected], matches: Iterable[Expected], text: str
) -> Iterable[Finding]:
    heard = f" {spoken(text)} "
    for wanted in says:
        if f" {spoken(str(wanted.value))} " not in heard:
            yield Finding(wanted.line, f"never said: {wanted.value!r}; said {text!r}")
    for wanted in never:
        if f" {spoken(str(wanted.value))} " in heard:
            yield Finding(wanted.line, f"said: {wanted.value!r}")
    for wanted in matches:
        if pattern(str(wanted.value)).search(text) is None:
            yield Finding(wanted.line, f"nothing matches {wanted.value!r}; said {text!r}")


def _end(expect: Expectations, seen: Observed) -> Iterable[Finding]:
    actual = {"cause": seen.cause, "reason": seen.reason, "by": _BY.get(seen.cause, "us")}
    for name, wanted in expect.ends.items():
        if actual[name] != wanted.value:
            yield Finding(wanted.line, f"ended {name} {actual[name] or 'nothing'}, "
                                       f"not {wanted.value}")  # fmt: skip
    target = expect.transferred_to
    if target is not None and target.value not in seen.transfers:
        went = ", ".join(seen.transfers) or "nobody"
        yield Finding(target.line, f"transferred to {went}")


# ---- one turn ----------------------------------------------------------------------------------


def _turn(one: TurnDone, until_ms: int | None, seen: Observed) -> Iterable[Finding]:
    expect, from_ms = one.turn.expect, one.at_ms
    end_ms = until_ms if until_ms is not None else max(seen.ended_ms, from_ms) + 1_000_000
    agent = [
        turn.text
        for turn in seen.turns
        if not turn.is_caller and from_ms <= turn.started_ms < end_ms
    ]
    yield from _said(expect.says, expect.never_says, expect.matches, " ".join(agent))
    if expect.step is not None:
        at_end = [step for step, at_ms in seen.steps if at_ms < end_ms]
        if not at_end or at_end[-1] != expect.step.value:
            where = at_end[-1] if at_end else "nowhere"
            yield Finding(expect.step.line, f"is in {where}, not in {expect.step.value}")
    limit = expect.within_ms
    if limit is not None and (one.response_ms is None or one.response_ms > limit.value):
        took = "never" if one.response_ms is None else f"after {one.response_ms} ms"
        yield Finding(limit.line, f"answered {took}, not within {limit.value} ms")
    if expect.interrupts is not None:
        was_cut = any(_is_cut(turn, from_ms, end_ms) for turn in seen.turns)
        if was_cut != expect.interrupts.value:
            what = "was cut short" if was_cut else "spoke on"
            yield Finding(expect.interrupts.line, f"the agent {what}")
    heard = " ".join(
        turn.text for turn in seen.turns if turn.is_caller and from_ms <= turn.ended_ms < end_ms
    )
    for wanted in expect.hears:
        if f" {spoken(str(wanted.value))} " not in f" {spoken(heard)} ":
            yield Finding(wanted.line, f"was heard as {heard!r}, not {wanted.value!r}")


def _is_cut(turn: SeenTurn, from_ms: int, end_ms: int) -> bool:
    return (
        not turn.is_caller
        and turn.is_interrupted
        and turn.started_ms <= end_ms
        and from_ms <= turn.ended_ms + 200
        and turn.ended_ms < end_ms
    )


def _same(wanted: Json, value: Json) -> bool:
    """Equal; a number and the text of it are too, since keyed and spoken values come as text."""
    if wanted == value:
        return True
    if isinstance(wanted, bool) or isinstance(value, bool):
        return False
    if isinstance(wanted, int | float | str) and isinstance(value, int | float | str):
        return str(wanted) == str(value)
    return False
