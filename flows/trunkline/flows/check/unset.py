"""Variables that are read where some call has not given them a value yet, and such a call's way."""

from __future__ import annotations

from collections.abc import Iterator

from trunkline.flows.check.findings import Report
from trunkline.flows.check.graph import Edge, Graph, Place, Text, Trail, Way, hops, search
from trunkline.flows.check.reads import reads
from trunkline.flows.schema.source import dotted
from trunkline.flows.steps import CollectStep

State = tuple[str, bool]
"""A place, and whether the variable has a value there."""


def check_unset(graph: Graph, report: Report) -> None:
    """One search for each variable over places with and without a value for it."""
    for variable in sorted(_read(graph)):
        trail = follow(graph, variable)
        for name, place in graph.places.items():
            if (name, False) not in trail:
                continue
            for text in place.texts:
                if needs(text, variable):
                    _complain(graph, report, variable, text, trail.edges_to((name, False)))
            for edge in place.edges:
                if _passes(edge, variable, is_set=False) and not _reads(place, variable):
                    _check_edge(graph, report, variable, edge, trail)
        _check_dropping(graph, report, variable, trail)


def follow(graph: Graph, variable: str) -> Trail:
    """Every place a call can be in, with and without a value, and the shortest way to each."""

    def successors(state: State) -> Iterator[tuple[Edge, State]]:
        name, is_set = state
        place = graph.places.get(name)
        for edge in place.edges if place else ():
            if not _passes(edge, variable, is_set=is_set):
                continue
            if place and not is_set and _reads(place, variable) and not _skips(place, edge):
                continue
            kept = is_set and variable not in edge.drops
            if not kept and any(needs(text, variable) for text in edge.texts):
                continue
            yield edge, (edge.target, kept or variable in edge.sets)
            if variable in edge.may_set:
                yield edge, (edge.target, True)

    return search([(graph.start, variable in graph.given)], successors)


def needs(text: Text, variable: str) -> bool:
    return variable in reads(text.compiled) and variable not in text.known


def _read(graph: Graph) -> set[str]:
    names: set[str] = set()
    for place in graph.places.values():
        for text in (*place.texts, *(text for edge in place.edges for text in edge.texts)):
            names |= reads(text.compiled)
    return names


def _reads(place: Place, variable: str) -> bool:
    return any(needs(text, variable) for text in place.texts)


def _skips(place: Place, edge: Edge) -> bool:
    """Taken although the place's texts fail, or without coming to them."""
    return edge.way is Way.FAULT or (edge.way is Way.NEXT and isinstance(place.step, CollectStep))


def _passes(edge: Edge, variable: str, *, is_set: bool) -> bool:
    return variable not in (edge.denies if is_set else edge.implies)


def _check_edge(graph: Graph, report: Report, variable: str, edge: Edge, trail: Trail) -> None:
    for text in edge.texts:
        if needs(text, variable):
            way = (*trail.edges_to((edge.source, False)), edge)
            _complain(graph, report, variable, text, way)


def _check_dropping(graph: Graph, report: Report, variable: str, trail: Trail) -> None:
    """Lines said right after the variable they read was forgotten."""
    for edge in graph.edges():
        if variable in edge.drops and (edge.source, True) in trail:
            for text in edge.texts:
                if needs(text, variable):
                    way = (*trail.edges_to((edge.source, True)), edge)
                    _complain(graph, report, variable, text, way)


def _complain(
    graph: Graph, report: Report, variable: str, text: Text, way: tuple[Edge, ...]
) -> None:
    report.error(
        "unset_variable",
        text.path,
        f"{variable!r} may have no value here",
        f"Set it on every way to here, write {{{{ {variable} | default('…') }}}}, or branch on "
        f"'{variable} is defined' first.",
        hops(graph, way, report.source, f"{dotted(text.path)} reads {variable}"),
    )
