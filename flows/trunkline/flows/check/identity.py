"""The proof that nobody gets to a high-risk tool without having been identified.

Approval needs no proof of its own: the runner parks every high-risk call and knows no other way to
run it. What a flow can get wrong is who it does that for. Identity lapses when a variable that the
identifying step looked at is given another value or forgotten: whoever proved to own one account
has proved nothing about the next.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from trunkline.flows.check.findings import Hop, Proof, Report
from trunkline.flows.check.graph import Edge, Graph, Place, Trail, Way, hops, search
from trunkline.flows.check.offers import high_risk_of
from trunkline.flows.check.reads import reads
from trunkline.flows.steps import CallStep, CollectStep, ReturnStep, ToolStep
from trunkline.flows.tools import ToolSpec

_PASSED = frozenset({Way.NEXT, Way.CASE, Way.FILLED, Way.WORKED})
State = tuple[str, bool]
"""A step, and whether the caller is identified on coming to it."""


def declared_checks(report: Report) -> tuple[str, ...]:
    """The names under ``identity.by``."""
    value = report.source.value
    identity = value.get("identity") if isinstance(value, Mapping) else None
    by = identity.get("by") if isinstance(identity, Mapping) else None
    return tuple(name for name in by if isinstance(name, str)) if isinstance(by, list) else ()


def prove_identity(graphs: Sequence[Graph], report: Report) -> tuple[Proof, ...]:
    """A proof for each step with a high-risk tool, or a finding with the way round the check."""
    checks = declared_checks(report)
    prover = IdentityProver(graphs, checks)
    proofs = []
    for graph in graphs:
        for name, place in graph.places.items():
            for tool in high_risk_of(place.step):
                round_ = prover.way_round(graph, name, report)
                if round_ is not None:
                    _complain(report, place, tool, checks, round_)
                elif prover.comes_to(graph, name):
                    proofs.append(Proof(name, tool.name, report.line(place.path), checks))
    return tuple(proofs)


class IdentityProver:
    """Follows every way through a flow, and through its sub-flows from where they are called."""

    def __init__(self, graphs: Sequence[Graph], checks: Sequence[str]) -> None:
        self._graphs = {graph.scope: graph for graph in graphs}
        self._checks = frozenset(checks)
        self._trails: dict[tuple[str, bool], Trail] = {}
        # How a sub-flow was first come to in a state: the caller's scope and state, and its step.
        self._entered: dict[tuple[str, bool], tuple[str, bool, str]] = {}
        self.follow("", False)

    def follow(self, scope: str, is_known: bool) -> Trail:
        """Every state that is come to when the sub-flow (or the flow) begins so."""
        key = (scope, is_known)
        if key not in self._trails:
            graph = self._graphs[scope]
            bound = self._bound(graph)

            def successors(state: State) -> Iterator[tuple[Edge, State]]:
                return self._successors(graph, bound, key, state)

            self._trails[key] = search([(graph.start, is_known)], successors)
        return self._trails[key]

    def comes_to(self, graph: Graph, name: str) -> bool:
        return any((name, True) in trail for trail in self._of(graph))

    def way_round(self, graph: Graph, name: str, report: Report) -> tuple[Hop, ...] | None:
        """The shortest way to the step without being identified; None when there is none."""
        for is_known in (False, True):
            trail = self._trails.get((graph.scope, is_known))
            if trail is not None and (name, False) in trail:
                last = "it is asked for, and nobody knows for whom"
                way = hops(graph, trail.edges_to((name, False)), report.source, last)
                return (*self._way_in(graph.scope, is_known, report), *way)
        return None

    def _of(self, graph: Graph) -> list[Trail]:
        return [trail for (scope, _), trail in self._trails.items() if scope == graph.scope]

    def _way_in(self, scope: str, is_known: bool, report: Report) -> tuple[Hop, ...]:
        if not scope:
            return ()
        outer, was_known, step = self._entered[scope, is_known]
        trail = self._trails[outer, was_known]
        edges = trail.edges_to((step, is_known))
        way = hops(self._graphs[outer], edges, report.source, f"goes through {scope}")
        return (*self._way_in(outer, was_known, report), *way)

    def _successors(
        self, graph: Graph, bound: frozenset[str], key: tuple[str, bool], state: State
    ) -> Iterator[tuple[Edge, State]]:
        name, is_known = state
        place = graph.places.get(name)
        if place is None:
            return
        step = place.step
        for edge in place.edges:
            changed = (edge.sets | edge.may_set | edge.drops) & bound
            if isinstance(step, CallStep) and edge.path == (*place.path, "next"):
                self._entered.setdefault((step.flow, is_known), (*key, name))
                for after in self._after(step, is_known):
                    yield edge, (edge.target, after or self._is_check(place))
            elif self._is_check(place) and _identifies(place, edge):
                yield edge, (edge.target, True)
            elif isinstance(step, CallStep):
                self._entered.setdefault((step.flow, is_known), (*key, name))
                self.follow(step.flow, is_known)
                yield edge, (edge.target, is_known)
            else:
                yield edge, (edge.target, is_known and not changed)

    def _after(self, step: CallStep, is_known: bool) -> list[bool]:
        """Whether the caller is identified once the sub-flow has come back: each that can be."""
        inner = self._graphs[step.flow]
        ends = [n for n, place in inner.places.items() if isinstance(place.step, ReturnStep)]
        trail = self.follow(step.flow, is_known)
        return [after for after in (False, True) if any((end, after) in trail for end in ends)]

    def _is_check(self, place: Place) -> bool:
        step = place.step
        return step.name in self._checks or (
            isinstance(step, ToolStep) and step.tool.name in self._checks
        )

    def _bound(self, graph: Graph) -> frozenset[str]:
        """Variables that a check looked at, so that changing one undoes it."""
        names: set[str] = set()
        for place in graph.places.values():
            step = place.step
            if isinstance(step, CallStep) and (self._is_check(place) or self._has_check(step.flow)):
                names = names.union(*(reads(value) for value in step.arguments.values()))
            elif not self._is_check(place):
                continue
            elif isinstance(step, ToolStep):
                names = names.union(*(reads(value) for value in step.arguments.values()))
            elif isinstance(step, CollectStep):
                names |= {slot.name for slot in step.slots}
        return frozenset(names)

    def _has_check(self, scope: str) -> bool:
        return any(
            self._is_check(place)
            or (isinstance(place.step, CallStep) and self._has_check(place.step.flow))
            for place in self._graphs[scope].places.values()
        )


def _identifies(place: Place, edge: Edge) -> bool:
    """A tool identifies by working; another step by being passed."""
    if isinstance(place.step, ToolStep):
        return edge.way is Way.WORKED
    return edge.way in _PASSED


def _complain(
    report: Report, place: Place, tool: ToolSpec, checks: Sequence[str], way: tuple[Hop, ...]
) -> None:
    if not checks:
        report.error(
            "no_identity_check",
            place.path,
            f"{tool.name} is high risk, and the flow names no identity check",
            "Name what establishes who is calling: identity: {by: [a tool or a step]}.",
            way,
        )
        return
    report.error(
        "unidentified",
        place.path,
        f"a call can come to {tool.name} (high risk) without {' or '.join(checks)}",
        "Lead every way to it through the check, and through it again once what it looked at has "
        "changed.",
        way,
    )
