"""The shape of a flow: steps nobody gets to, and steps nobody gets out of."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from trunkline.flows.check.findings import Report
from trunkline.flows.check.graph import END, UNWANTED, Edge, Graph
from trunkline.flows.steps import ReturnStep, ToolStep
from trunkline.flows.tools import RiskClass

_MANY: Final = 5


def check_shape(graph: Graph, report: Report, circling: Collection[str] = ()) -> None:
    """Reachability from the start, and ways on to an end; ``circling`` is complained of already."""
    reached = graph.reachable({graph.start})
    for name, place in graph.places.items():
        if name not in reached:
            report.error(
                "unreachable_step",
                place.path,
                f"no way through the flow comes to {name!r}",
                "Lead to it from an intent, a key, a next or a goto, or remove it.",
            )
    stuck = _dead_ends(graph, reached, report)
    _check_ends(graph, reached, {*stuck, *circling}, report)


def _dead_ends(graph: Graph, reached: set[str], report: Report) -> set[str]:
    """Steps from which nothing the caller does leads on."""
    stuck = set()
    for name in graph.places:
        if name not in reached:
            continue
        place = graph.places[name]
        if place.listens and not any(_leads_on(edge) for edge in place.edges):
            stuck.add(name)
            report.error(
                "dead_end",
                place.path,
                f"nothing the caller says or keys in {name!r} leads on: only silence ends it",
                "Listen for an intent or a key that leads to another step, or hang up here.",
            )
        step = place.step
        if (
            isinstance(step, ToolStep)
            and step.tool.risk is RiskClass.HIGH
            and step.parked_lines
            and step.parked_next is None
        ):
            report.error(
                "dead_end",
                (*place.path, "on_parked"),
                f"once {step.tool.name} is parked, the call has nowhere to go",
                "Give on_parked a goto.",
            )
    return stuck


def _leads_on(edge: Edge) -> bool:
    return edge.way not in UNWANTED and edge.target != edge.source


def _check_ends(graph: Graph, reached: set[str], known: set[str], report: Report) -> None:
    """Steps from which a call ends only by running out of patience."""
    back = {name for name, place in graph.places.items() if isinstance(place.step, ReturnStep)}
    good = graph.leading_to({END, *back, *known}, lambda edge: edge.way not in UNWANTED)
    endless = [name for name in graph.places if name in reached and name not in good]
    if not endless:
        return
    names = ", ".join(endless[:_MANY]) + (" …" if len(endless) > _MANY else "")
    first = min(endless, key=lambda name: report.line(graph.places[name].path))
    report.warning(
        "no_end",
        graph.places[first].path,
        f"from here a call ends only by silence or failure ({names})",
        "Give callers a way to say goodbye: an intent that leads to a hang_up step.",
    )
