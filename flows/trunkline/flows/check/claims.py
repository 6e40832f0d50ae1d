"""Lines that sound as if a parked tool had done its work."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from trunkline.flows.check.approvals import meanwhile
from trunkline.flows.check.findings import Report
from trunkline.flows.check.graph import Edge, Graph, Text, Way, hops, search
from trunkline.flows.flow import Flow
from trunkline.flows.prompts import Prompt
from trunkline.flows.steps import ToolStep
from trunkline.flows.tools import RiskClass

_SENTENCE: Final = re.compile(r"[^.!?;]+")
_DONE: Final = re.compile(
    r"\b(?:(?:has|have|had) (?:now |just |already |successfully )*been|(?:is|are) (?:now |all )*|"
    r"(?:i|we)(?:'ve| have)(?: now| just| already)*|was|were) ?"
    r"(?:\w+ly )?(?:paid|made|done|sent|booked|cancelled|canceled|transferred|refunded|changed|"
    r"completed?|processed|taken|charged|updated|ordered|closed|approved|set up|settled|issued)\b"
    r"|\b(?:successful|successfully|all set|went through)\b",
    re.I,
)
_NOT_YET: Final = re.compile(
    r"\b(?:not|no|nothing|never|yet|until|once|when|after|if|before|unless|will|has to|must|"
    r"needs? to|waiting|pending)\b|n't\b|\bas soon as\b",
    re.I,
)
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
    return any(
        _DONE.search(sentence) and not _NOT_YET.search(sentence)
        for sentence in _SENTENCE.findall(text.compiled.source)
    )


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
