"""What the checker says is what trying every walk says; and what it proves, calls keep to."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.flows.conversation import Conversation, flow_of

from trunkline.flows.actions import ParkTool, RunTool, Transfer
from trunkline.flows.check.build import UNHEARD
from trunkline.flows.check.circles import knots
from trunkline.flows.check.graph import Edge, Graph, Place, Text, Way
from trunkline.flows.check.unset import follow
from trunkline.flows.prompts import compile_expression
from trunkline.flows.steps import HangUpStep

VARIABLES = ("x", "y")
NAMES = ("a", "b", "c", "d", "e")
CORPUS = Path(__file__).parent / "corpus"
SOUND = {
    name: flow_of((CORPUS / f"{name}.yaml").read_text()) for name in ("sound", "sound_sub_flow")
}
RESULTS = {"get_loans": {"count": 2, "due": "2026-12-01"}, "check_pin": {"name": "Ada"}}
VALUES = {"card": "123456", "amount": "10.00", "pin": "1234"}

some = st.frozensets(st.sampled_from(VARIABLES), max_size=1)
rarely = st.one_of(st.just(frozenset[str]()), st.just(frozenset[str]()), some)


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    names = NAMES[: draw(st.integers(2, len(NAMES)))]
    places = {}
    for name in names:
        edges = tuple(
            Edge(
                name, draw(st.sampled_from(names)), draw(st.sampled_from(list(Way))), "why", (),
                sets=draw(some), may_set=draw(rarely), drops=draw(rarely), implies=draw(rarely),
                denies=draw(rarely),
            )
            for _ in range(draw(st.integers(0, 3)))
        )  # fmt: skip
        texts = tuple(Text(compile_expression(read), ()) for read in sorted(draw(rarely)))
        places[name] = Place(HangUpStep(name), (), texts, edges)
    return Graph("", names[0], places, draw(some))


def walks(graph: Graph, variable: str) -> set[tuple[str, bool]]:
    """Every place with and without a value, by walking on until nothing is new."""
    found: set[tuple[str, bool]] = set()

    def walk(name: str, has: bool) -> None:
        if (name, has) in found:
            return
        found.add((name, has))
        place = graph.places[name]
        fails = not has and any(variable in text.compiled.variables for text in place.texts)
        for edge in place.edges:
            if (not has and variable in edge.implies) or (has and variable in edge.denies):
                continue
            if fails and edge.way is not Way.FAULT:
                continue
            for after in outcomes(edge, has):
                walk(edge.target, after)

    def outcomes(edge: Edge, has: bool) -> Iterator[bool]:
        kept = has and variable not in edge.drops
        yield kept or variable in edge.sets
        if variable in edge.may_set:
            yield True

    walk(graph.start, variable in graph.given)
    return found


@given(graphs(), st.sampled_from(VARIABLES))
def test_a_variable_is_unset_where_some_walk_leaves_it_unset(graph: Graph, name: str) -> None:
    assert set(follow(graph, name).came_by) == walks(graph, name)


@given(graphs(), st.sampled_from(VARIABLES))
def test_a_counter_example_is_a_way_through_the_graph(graph: Graph, name: str) -> None:
    trail = follow(graph, name)
    for state in trail.came_by:
        edges = trail.edges_to(state)
        assert (edges[-1].target if edges else graph.start) == state[0]  # type: ignore[index]
        assert all(before.target == after.source for before, after in pairwise(edges))
        assert not edges or edges[0].source == graph.start


@given(graphs())
def test_a_knot_is_where_places_come_to_each_other_unheard(graph: Graph) -> None:
    def leads(name: str) -> set[str]:
        following = {e.target for e in graph.places[name].edges if e.way in UNHEARD}
        return graph.reachable(following, lambda edge: edge.way in UNHEARD)

    ways = {name: leads(name) for name in graph.places}
    expected = {
        frozenset(other for other in ways if other in ways[name] and name in ways[other])
        for name in ways
        if name in ways[name]
    }
    assert set(knots(graph, graph.places)) == expected


def options(talk: Conversation, waiting: RunTool | ParkTool | None) -> list[str]:
    if waiting is not None:
        ends = ["parks"] if isinstance(waiting, ParkTool) else ["works"]
        return [*ends, "fails:not_found", "fails:http_500", "fails:wrong_pin", "key:0", "silent"]
    offered = [f"call:{tool['name']}" for tool in talk.configured.tools]
    return [*offered, "key:1", "key:2", "key:0", "silent", "unclear", "engine", "spoke"]


def do(talk: Conversation, what: str, waiting: RunTool | ParkTool | None) -> None:
    kind, _, value = what.partition(":")
    match kind:
        case "call":
            tool = next(t for t in talk.configured.tools if t["name"] == value)
            parameters = tool["parameters"]
            assert isinstance(parameters, dict)
            talk.engine_reports(value, **{name: VALUES[name] for name in parameters["properties"]})
        case "works":
            assert waiting is not None
            talk.tool_returns(RESULTS[waiting.tool])
        case "parks":
            talk.tool_is_parked()
        case "fails":
            talk.tool_fails(value)
        case "key":
            talk.caller_presses(value)
        case "silent":
            talk.caller_is_silent()
        case "unclear":
            talk.caller_is_unclear()
        case "engine":
            talk.engine_fails()
        case _:
            talk.engine_says("Well.")


@pytest.mark.parametrize("name", SOUND)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_flow_without_findings_never_faults_nor_parks_for_a_stranger(
    name: str, data: st.DataObject
) -> None:
    check = "get_loans" if name == "sound" else "check_pin"
    talk = Conversation(SOUND[name])
    talk.answer()
    waiting: RunTool | ParkTool | None = None
    is_identified = False
    for _ in range(25):
        if talk.runner.is_over:
            break
        if any(isinstance(action, Transfer) for action in talk.last):
            talk.transfer_fails()
            continue
        what = data.draw(st.sampled_from(options(talk, waiting)))
        if what == "works" and waiting is not None and waiting.tool == check:
            is_identified = True
        done = what.partition(":")[0] in ("works", "parks", "fails")
        do(talk, what, waiting)
        waiting = None if done else waiting
        for action in talk.last:
            if isinstance(action, RunTool | ParkTool):
                waiting = action
                assert is_identified or isinstance(action, RunTool)
        assert "flow_error" not in talk.runner.variables
