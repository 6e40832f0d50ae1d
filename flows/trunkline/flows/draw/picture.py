"""What of a flow is drawn: its steps, what leads from one to the next, and what holds anywhere."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, assert_never

from trunkline.flows.check.escalations import RULE
from trunkline.flows.check.graph import END, UNWANTED, Edge, Graph, Way
from trunkline.flows.flow import Flow
from trunkline.flows.steps import (
    BranchStep,
    CallStep,
    CollectStep,
    HandoffStep,
    HangUpStep,
    QueueStep,
    ReturnStep,
    SayStep,
    SendDigitsStep,
    SetStep,
    Step,
    ToolStep,
    TransferStep,
    VoicemailStep,
    scope_of,
)
from trunkline.flows.tools import RiskClass

_EXAMPLE: Final = re.compile(r"\(intent ([a-z0-9_]+)\)$|presses ([0-9*])$")
_MOST: Final = 34
_MOST_LABELS: Final = 3


@dataclass(frozen=True, slots=True)
class Node:
    """A step as drawn; ``tells`` is said in full when the pointer rests on it."""

    name: str
    kind: str
    title: str
    subtitle: str
    tells: str
    is_risky: bool = False


@dataclass(frozen=True, slots=True)
class Arrow:
    """Everything that leads from one step to another, together."""

    source: str
    target: str
    labels: tuple[str, ...]
    tells: str
    is_unwanted: bool


@dataclass(frozen=True, slots=True)
class Picture:
    """``anywhere`` says in words what leads out of every step that listens."""

    title: str
    start: str
    nodes: tuple[Node, ...]
    arrows: tuple[Arrow, ...]
    anywhere: tuple[str, ...]


def picture_of(flow: Flow, graph: Graph) -> Picture:
    """Steps and their own ways on; what is written once for the whole flow is told in words."""
    nodes = tuple(_node(name, place.step) for name, place in graph.places.items())
    together: dict[tuple[str, str], list[Edge]] = {}
    for edge in graph.edges():
        is_own = edge.path[0] in ("steps", "flows") and edge.target != END
        if is_own and edge.target in graph.places and edge.way not in (Way.FALLBACK, Way.FAULT):
            together.setdefault((edge.source, edge.target), []).append(edge)
    arrows = []
    for (source, target), edges in together.items():
        labels = tuple(dict.fromkeys(filter(None, (_label(flow, edge) for edge in edges))))
        if len(labels) > _MOST_LABELS:
            labels = (*labels[: _MOST_LABELS - 1], f"… {len(labels) - _MOST_LABELS + 1} more")
        tells = "\n".join(dict.fromkeys(edge.why for edge in edges))
        is_unwanted = all(edge.way in UNWANTED for edge in edges)
        arrows.append(Arrow(source, target, labels, tells, is_unwanted))
    title = f"{flow.agent.display_name}" + (f": {graph.scope}" if graph.scope else "")
    anywhere = () if graph.scope else tuple(_anywhere(flow))
    return Picture(title, graph.start, nodes, tuple(arrows), anywhere)


def _anywhere(flow: Flow) -> list[str]:
    found = [
        f"{intent.label} → {intent.goto or 'the last words again'}"
        for intent in flow.intents.values()
        if intent.is_global
    ]
    found += [f"key {key} → {goto}" for key, goto in flow.keys.items()]
    found += [
        f"escalation {rule.name} → {rule.goto or 'a supervisor is told'}"
        for rule in flow.escalation.rules.values()
    ]
    policies = flow.policies
    for name, fallback in (
        ("silence", policies.no_input.fallback),
        ("not understood", policies.no_match.fallback),
        ("a tool fails", policies.tool_failure.fallback),
        ("the engine fails", policies.engine_failure),
        ("the flow is wrong", policies.flow_error),
    ):
        found.append(f"{name} → {fallback.goto or 'the end of the call'}")
    return found


def _label(flow: Flow, edge: Edge) -> str:
    match edge.way:
        case Way.CHOICE:
            if edge.why.startswith(RULE):
                return f"escalation {edge.path[-2]}"
            found = _EXAMPLE.search(edge.why)
            if found is None:
                return "silence" if "silent" in edge.why else "callback"
            return found[1] or f"key {found[2]}"
        case Way.CASE:
            return "otherwise" if edge.why == "no case holds" else short(edge.why[: -len(" holds")])
        case Way.PARKED:
            return "parked"
        case Way.FAILED | Way.REFUSED:
            _, _, code = edge.why.partition(": ")
            return code or ("nobody" if edge.way is Way.REFUSED else "failed")
        case Way.WORKED if edge.why.startswith("a "):
            return edge.why.split()[1]
        case _:
            return ""


def _node(name: str, step: Step) -> Node:
    kind, said = _kind(step)
    lines = () if isinstance(step, BranchStep | ReturnStep) else step.lines
    texts = [line.prompt.source for line in lines]
    title = name.removeprefix(f"{scope_of(name)}.")
    tells = "\n".join([f"{name} ({kind})", *([said] if said else []), *texts])
    is_risky = isinstance(step, ToolStep) and step.tool.risk is RiskClass.HIGH
    return Node(name, kind, title, short(said or " ".join(texts)), tells, is_risky)


def _kind(step: Step) -> tuple[str, str]:
    """The kind of a step in a word, and what is particular about it."""
    match step:
        case SayStep():
            return ("ask" if step.listening else "say"), ""
        case CollectStep():
            return "collect", ", ".join(slot.name for slot in step.slots)
        case ToolStep():
            return "tool", step.tool.name
        case BranchStep():
            return "branch", ""
        case SetStep():
            return "set", ", ".join(step.values)
        case CallStep():
            return "flow", step.flow
        case ReturnStep():
            return "return", ""
        case HandoffStep():
            return "handoff", f"to {step.agent}"
        case SendDigitsStep():
            return "digits", step.digits.source
        case TransferStep():
            return "transfer", f"{step.mode.value} to {step.target.source}"
        case QueueStep():
            return "queue", step.queue
        case VoicemailStep():
            return "voicemail", "who answered?"
        case HangUpStep():
            return "hang_up", ""
        case _:
            assert_never(step)


def short(text: str) -> str:
    folded = " ".join(text.split())
    return folded if len(folded) <= _MOST else folded[: _MOST - 1].rstrip() + "…"
