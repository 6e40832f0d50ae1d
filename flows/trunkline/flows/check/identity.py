"""The proof that nobody gets to a high-risk tool without having been identified.

Approval needs no proof of its own: the runner parks every high-risk call and knows no other way to
run it. What a flow can get wrong is who it does that for. Identity lapses when a variable that the
identifying step looked at is given another value or forgotten: whoever proved to own one account
has proved nothing about the next.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from trunkline.flows.check.findings import Proof, Report
from trunkline.flows.check.graph import Edge, Graph, Place, Trail, Way, hops, search
from trunkline.flows.check.reads import reads
from trunkline.flows.steps import CollectStep, ToolStep
from trunkline.flows.tools import RiskClass

_PASSED = frozenset({Way.NEXT, Way.CASE, Way.FILLED, Way.WORKED})
State = tuple[str, bool]


def declared_checks(report: Report) -> tuple[str, ...]:
    """The names under ``identity.by``."""
    value = report.source.value
    identity = value.get("identity") if isinstance(value, Mapping) else None
    by = identity.get("by") if isinstance(identity, Mapping) else None
    return tuple(name for name in by if isinstance(name, str)) if isinstance(by, list) else ()


def prove_identity(graph: Graph, report: Report) -> tuple[Proof, ...]:
    """A proof for each high-risk tool step, or a finding with the way round the check."""
    risky = {
        name: place.step
        for name, place in graph.places.items()
        if isinstance(place.step, ToolStep) and place.step.tool.risk is RiskClass.HIGH
    }
    if not risky:
        return ()
    checks = declared_checks(report)
    trail = follow_identity(graph, checks)
    proofs = []
    for name, step in risky.items():
        place = graph.places[name]
        if (name, False) in trail:
            _complain(graph, report, place, checks, trail)
        elif (name, True) in trail:
            proofs.append(Proof(name, step.tool.name, report.line(place.path), checks))
    return tuple(proofs)


def follow_identity(graph: Graph, checks: tuple[str, ...]) -> Trail:
    """Every place, with the caller identified and not, and the shortest way to each."""
    bound = frozenset(
        name
        for place in graph.places.values()
        if _is_check(place, checks)
        for name in _looks_at(place)
    )

    def successors(state: State) -> Iterator[tuple[Edge, State]]:
        name, is_known = state
        place = graph.places.get(name)
        for edge in place.edges if place else ():
            if place and _is_check(place, checks) and edge.way in _PASSED:
                yield edge, (edge.target, _identifies(place, edge, checks) or is_known)
                continue
            changed = (edge.sets | edge.may_set | edge.drops) & bound
            yield edge, (edge.target, is_known and not changed)

    return search([(graph.start, False)], successors)


def _is_check(place: Place, checks: tuple[str, ...]) -> bool:
    step = place.step
    return step.name in checks or (isinstance(step, ToolStep) and step.tool.name in checks)


def _identifies(place: Place, edge: Edge, checks: tuple[str, ...]) -> bool:
    """A tool identifies by working; another step by being passed."""
    if isinstance(place.step, ToolStep):
        return edge.way is Way.WORKED
    return edge.way in _PASSED


def _looks_at(place: Place) -> frozenset[str]:
    step = place.step
    if isinstance(step, ToolStep):
        return frozenset().union(*(reads(value) for value in step.arguments.values()))
    if isinstance(step, CollectStep):
        return frozenset(slot.name for slot in step.slots)
    return frozenset()


def _complain(
    graph: Graph, report: Report, place: Place, checks: tuple[str, ...], trail: Trail
) -> None:
    step = place.step
    assert isinstance(step, ToolStep)
    way = hops(
        graph,
        trail.edges_to((step.name, False)),
        report.source,
        f"{step.tool.name} is asked for, and nobody knows for whom",
    )
    if not checks:
        report.error(
            "no_identity_check",
            place.path,
            f"{step.tool.name} is high risk, and the flow names no identity check",
            "Name what establishes who is calling: identity: {by: [a tool or a step]}.",
            way,
        )
        return
    report.error(
        "unidentified",
        place.path,
        f"a call can come to {step.tool.name} (high risk) without {' or '.join(checks)}",
        "Lead every way to it through the check, and through it again once what it looked at has "
        "changed.",
        way,
    )
