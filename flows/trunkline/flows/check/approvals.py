"""Ways out of a step whose tool is asked of a person, and what is said while it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from trunkline.domain.approval import ApprovalState
from trunkline.flows.check.graph import END, Edge, Text, Way
from trunkline.flows.schema.source import YamlPath
from trunkline.flows.steps import Line, ToolStep, WaitPlan
from trunkline.flows.tools import RiskClass

_WHY = {
    ApprovalState.REFUSED: "a person refuses it",
    ApprovalState.EXPIRED: "nobody decides in time",
    ApprovalState.FAILED: "it is granted, and fails",
    ApprovalState.UNKNOWN: "nobody can say whether it was done",
}


def line_texts(
    lines: Sequence[Line], path: YamlPath, known: frozenset[str] = frozenset()
) -> tuple[Text, ...]:
    return tuple(Text(line.prompt, (*path, place), known) for place, line in enumerate(lines))


def approval_edges(step: ToolStep, path: YamlPath, sets: frozenset[str]) -> Iterator[Edge]:
    """Where a call goes on that is parked, or that has waited in vain."""
    tool = step.tool
    if step.wait is not None:
        asked = sets - {step.save_as}
        for state, fallback in step.wait.outcomes.items():
            at = (*path, "wait", f"on_{state}")
            yield Edge(
                step.name, fallback.goto or END, Way.REFUSED, f"{_WHY[state]}: {state}",
                (*at, "goto") if fallback.goto else at,
                sets=asked, texts=line_texts(fallback.lines, (*at, "say"), asked),
            )  # fmt: skip
    elif tool.risk is RiskClass.HIGH and step.parked_next is not None:
        at = (*path, "on_parked")
        yield Edge(
            step.name, step.parked_next, Way.PARKED,
            f"{tool.name} waits for a person's approval", (*at, "goto"),
            texts=line_texts(step.parked_lines, (*at, "say")),
        )  # fmt: skip


def waiting_texts(step: ToolStep, path: YamlPath) -> Iterator[Text]:
    """What is said while the caller waits."""
    if step.wait is not None:
        yield from meanwhile(step.wait, (*path, "wait"))
        yield from line_texts(step.wait.granted, (*path, "wait", "on_granted"), _asked(step.wait))


def meanwhile(wait: WaitPlan, path: YamlPath) -> Iterator[Text]:
    """What is said before anything has come of it."""
    for key, lines in wait.meanwhile.items():
        yield from line_texts(lines, (*path, key), _asked(wait))


def _asked(wait: WaitPlan) -> frozenset[str]:
    return frozenset({wait.arguments_as} if wait.arguments_as else ())
