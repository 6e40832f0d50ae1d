"""Circles in which the caller is never listened to, and that nothing ends."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain

from trunkline.flows.check.build import UNHEARD
from trunkline.flows.check.findings import Report
from trunkline.flows.check.graph import Edge, Graph, Way, hops, search
from trunkline.flows.check.reads import reads


def check_circles(graph: Graph, report: Report) -> frozenset[str]:
    """A circle is left where the caller may choose, or where what it decides on has changed.

    Gives back the places in circles that are never left.
    """
    circling: set[str] = set()
    reached = graph.reachable({graph.start})
    for circle in knots(graph, reached):
        if _can_be_left(graph, circle):
            continue
        circling |= circle
        way = shortest_circle(graph, circle, report)
        closing = min(way, key=lambda edge: report.line(graph.places[edge.target].path))
        names = " → ".join((*(edge.source for edge in way), way[0].source))
        waits = any(edge.way not in (Way.NEXT, Way.CASE) for edge in way)
        report.error(
            "endless_circle",
            closing.path,
            f"{names} goes round "
            + ("for ever and never listens" if waits else "without waiting for anything"),
            "Listen to the caller in one of these steps, or lead out of it"
            + ("." if waits else ": after 50 steps in a row the call falls back."),
            hops(graph, way, report.source, "and so on, for ever") if way else (),
        )
    return frozenset(circling)


def knots(graph: Graph, within: Iterable[str]) -> list[frozenset[str]]:
    """Sets of places that can all come to each other unheard (Tarjan, without recursion)."""
    allowed = set(within) & graph.places.keys()
    nexts = {
        name: [
            edge.target
            for edge in graph.out(name)
            if edge.way in UNHEARD and edge.target in allowed
        ]
        for name in graph.places
        if name in allowed
    }
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    on_stack: set[str] = set()
    found: list[frozenset[str]] = []
    for root in nexts:
        if root in index:
            continue
        work = [(root, iter(nexts[root]))]
        index[root] = low[root] = len(index)
        stack.append(root)
        on_stack.add(root)
        while work:
            name, rest = work[-1]
            for target in rest:
                if target not in index:
                    index[target] = low[target] = len(index)
                    stack.append(target)
                    on_stack.add(target)
                    work.append((target, iter(nexts[target])))
                    break
                if target in on_stack:
                    low[name] = min(low[name], index[target])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[name])
                if low[name] == index[name]:
                    knot: set[str] = set()
                    while name not in knot:
                        knot.add(stack.pop())
                    on_stack -= knot
                    if len(knot) > 1 or name in nexts[name]:
                        found.append(frozenset(knot))
    return found


def _can_be_left(graph: Graph, circle: frozenset[str]) -> bool:
    inner = [
        edge
        for edge in chain.from_iterable(graph.out(name) for name in circle)
        if edge.way in UNHEARD and edge.target in circle
    ]
    changes = {name for edge in inner for name in edge.sets}
    for name in circle:
        place = graph.places[name]
        decides_on = {read for text in place.texts for read in reads(text.compiled)}
        for edge in place.edges:
            if edge.target in circle:
                continue
            if edge.way in (Way.CHOICE, Way.WORKED, Way.PARKED):
                return True
            if edge.way is Way.CASE and decides_on & changes:
                return True
    return False


def shortest_circle(graph: Graph, circle: frozenset[str], report: Report) -> tuple[Edge, ...]:
    """From the first place of the circle round to itself."""

    def inside(name: str) -> list[tuple[Edge, str]]:
        return [
            (edge, edge.target)
            for edge in graph.out(name)
            if edge.way in UNHEARD and edge.target in circle
        ]

    first = min(circle, key=lambda name: (report.line(graph.places[name].path), name))
    ways = []
    for edge, target in inside(first):
        trail = search({target}, inside)
        if first in trail:
            ways.append((edge, *trail.edges_to(first)))
    return min(ways, key=len)
