"""From a flow to its graphs: one for the flow itself and one for each of its sub-flows.

A sub-flow has variables of its own, so it is looked at by itself; where it is called from, going
through it is one edge, and leaving it another way (an intent that holds everywhere, a fallback, the
end of the call) is an edge of the calling step too.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from trunkline.flows.check.graph import END, Edge, Graph, Place, Text, Way
from trunkline.flows.check.ways import Ways
from trunkline.flows.flow import CALL_VARIABLES, Flow, SubFlow
from trunkline.flows.prompts import compile_expression
from trunkline.flows.schema.source import YamlPath
from trunkline.flows.steps import CallStep, ReturnStep, scope_of

UNHEARD: Final = frozenset({Way.NEXT, Way.CASE, Way.WORKED, Way.PARKED, Way.REFUSED})
"""Taken without the caller having a say; failures of tools and fallbacks are counted and end."""


def build_graphs(flow: Flow) -> tuple[Graph, ...]:
    """The main flow's graph first, then each sub-flow's."""
    builder = _Builder(flow)
    return (builder.graph(""), *(builder.graph(name) for name in flow.subflows))


def step_path(name: str) -> YamlPath:
    """Where a step of that full name is written."""
    scope = scope_of(name)
    if not scope:
        return ("steps", name)
    return ("flows", scope, "steps", name.removeprefix(f"{scope}."))


class _Builder:
    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._ways = Ways(flow)
        self._made: dict[str, Graph] = {}
        self._calls = [step for step in flow.steps.values() if isinstance(step, CallStep)]

    def graph(self, scope: str) -> Graph:
        """The graph of a sub-flow, or of the flow when ``scope`` is empty; made once."""
        if scope in self._made:
            return self._made[scope]
        # A sub-flow that calls itself is refused by the loader; this keeps the check from hanging.
        self._made[scope] = Graph(scope, "", {}, frozenset())
        places = {
            name: self._ways.place(step, step_path(name))
            for name, step in self._flow.steps.items()
            if scope_of(name) == scope
        }
        places = {name: self._linked(place) for name, place in places.items()}
        start = self._flow.start
        path: YamlPath = ("start",)
        if scope:
            start = self._flow.subflows[scope].start
            start = start if start in places else f"{scope}.{start}"
            path = ("flows", scope)
        made = Graph(scope, start, places, self._given(scope), path)
        self._made[scope] = made
        return made

    def _given(self, scope: str) -> frozenset[str]:
        """What has a value at the start; a parameter only when every call gives it."""
        flow = self._flow
        hours = {"open", "opens"} if flow.calendars else set[str]()
        if not scope:
            fetched = {fetch.save_as for fetch in flow.before_answer}
            return frozenset({*CALL_VARIABLES, *flow.variables, *fetched, *hours})
        parameters = set(flow.subflows[scope].parameters)
        for call in self._calls:
            if call.flow == scope:
                parameters &= call.arguments.keys()
        return frozenset({*CALL_VARIABLES, *flow.constants, *parameters, *hours})

    def _linked(self, place: Place) -> Place:
        match place.step:
            case CallStep():
                return replace(place, edges=(*place.edges, *self._call_edges(place.step, place)))
            case ReturnStep():
                return replace(place, texts=(*place.texts, *self._returned(place.step)))
            case _:
                return place

    def _returned(self, step: ReturnStep) -> tuple[Text, ...]:
        """What some call wants back: it had better have a value."""
        subflow: SubFlow | None = self._flow.subflows.get(step.flow)
        wanted = {
            there for call in self._calls if call.flow == step.flow
            for there in call.returns.values()
        }  # fmt: skip
        names = [name for name in (subflow.returns if subflow else ()) if name in wanted]
        path = ("flows", step.flow, "returns")
        return tuple(
            Text(compile_expression(name), (*path, number)) for number, name in enumerate(names)
        )

    def _call_edges(self, step: CallStep, place: Place) -> list[Edge]:
        inner = self.graph(step.flow)
        reached = inner.reachable({inner.start})
        edges: dict[tuple[str, Way], Edge] = {}
        back = f"{step.flow}."
        returns = [
            name
            for name, other in inner.places.items()
            if isinstance(other.step, ReturnStep) and name in reached
        ]
        if returns:
            silent = inner.reachable({inner.start}, lambda edge: edge.way in UNHEARD)
            way = Way.WORKED if silent & set(returns) else Way.FILLED
            edges[step.next, way] = Edge(
                step.name, step.next, way, f"{step.flow} comes back", (*place.path, "next"),
                sets=frozenset(step.returns),
            )  # fmt: skip
        for edge in inner.edges():
            if edge.source not in reached or edge.target in inner.places:
                continue
            ends = edge.target == END
            why = f"in {edge.source.removeprefix(back)} of {step.flow}, {edge.why}"
            edges.setdefault(
                (edge.target, edge.way),
                Edge(
                    step.name, edge.target, Way.WORKED if ends and edge.way is Way.NEXT
                    else edge.way, why, edge.path,
                ),
            )  # fmt: skip
        return list(edges.values())
