"""Lines that sound as if a parked tool had done its work."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from trunkline.flows.check.approvals import meanwhile
from trunkline.flows.check.findings import Report
from trunkline.flows.check.graph import Edge, Graph, Text, Way, hops, search
from trunkline.flows.claims import is_claimed
from trunkline.flows.flow import Flow
from trunkline.flows.prompts import Prompt
from trunkline.flows.steps import ToolStep
from trunkline.flows.tools import RiskClass

_ERRAND_ENDS: Final = frozenset({Way.CHOICE, Way.FALLBACK, Way.FAULT})


def check_claims(flow: Flow, graph: Graph, report: Report) -> None:
    """What is said after parking, until the caller asks for something else, claims nothing."""
    is_english = flow.agent.language.partition("-")[0] == "en"
    for place in graph.places.values():
        step = place.step
        if not isinstance(step, ToolStep) or step.tool.risk is not RiskClass.HIGH:
            continue
        if is_english and step.wait is not None:
            ends = (text for edge in place.edges if edge.way is Way.REFUSED for text in edge.texts)
            for text in (*meanwhile(step.wait, (*place.path, "wait")), *ends):
                if claims_done(text):
                    _complain(report, step, text, ())
        parking = [edge for edge in place.edges if edge.way is Way.PARKED]
        for edge in parking:
            for text in edge.texts:
                if is_english and claims_done(text):
                    _complain(report, step, text, ())
            if is_english:
                _check_after(graph, report, step, edge)
            elif edge.target == step.next:
                report.warning(
                    "claim_unknown",
                    edge.path,
                    f"{step.next!r} follows {step.tool.name} both done and merely parked",
                    "Go to a step of its own, that says nothing is done yet.",
                )


def claims_done(text: Text) -> bool:
    """Whether a sentence of it says that something is done (English)."""
    if not isinstance(text.compiled, Prompt):
        return False
    return is_claimed(text.compiled.source)


def _check_after(graph: Graph, report: Report, step: ToolStep, parked: Edge) -> None:
    def successors(name: str) -> Iterator[tuple[Edge, str]]:
        place = graph.places.get(name)
        for edge in place.edges if place else ():
            is_effect = (
                place is not None
                and isinstance(place.step, ToolStep)
                and place.step.tool.risk is not RiskClass.LOW
            )
            if edge.way not in _ERRAND_ENDS and not is_effect:
                yield edge, edge.target

    trail = search([parked.target], successors)
    for name, place in graph.places.items():
        if name not in trail:
            continue
        for text in place.texts:
            if "say" in text.path and claims_done(text):
                _complain(report, step, text, (parked, *trail.edges_to(name)), graph)


def _complain(
    report: Report, step: ToolStep, text: Text, way: tuple[Edge, ...], graph: Graph | None = None
) -> None:
    report.error(
        "claims_done",
        text.path,
        f"{text.compiled.source!r} sounds done, and {step.tool.name} may be waiting for approval",
        "Say that a person has to approve it first and that nothing has happened yet.",
        hops(graph, way, report.source, "says so") if graph and way else (),
    )
