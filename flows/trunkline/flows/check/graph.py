"""A flow as a graph: places a call can be in, and every way from one to the next.

Built from the very functions the runner uses (``intents_at``, ``keys_at``), so that the graph and
the call agree on what leads where.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final, TypeVar

from trunkline.flows.check.findings import Hop
from trunkline.flows.prompts import Expression, Prompt
from trunkline.flows.schema.source import Source, YamlPath
from trunkline.flows.steps import Step

_S = TypeVar("_S", bound=Hashable)

END: Final = ""
"""The place where the call is over."""


class Way(Enum):
    """How an edge is taken."""

    NEXT = auto()  # at once
    CASE = auto()  # at once, when the condition says so
    FILLED = auto()  # the caller answered
    CHOICE = auto()  # the caller said or keyed where to go
    WORKED = auto()  # a tool, or what a step waited for, came to its good end
    PARKED = auto()  # a high-risk tool waits for a person's approval
    FAILED = auto()  # a tool failed; so often and no more
    REFUSED = auto()  # the other side did not take the call; nothing counts how often
    FALLBACK = auto()  # patience ended: silence, nothing understood, the engine gone
    FAULT = auto()  # the flow itself is wrong: a template or a condition failed


UNWANTED: Final = frozenset({Way.FAILED, Way.REFUSED, Way.FALLBACK, Way.FAULT})
"""What a flow provides for but nobody wants."""


@dataclass(frozen=True, slots=True)
class Text:
    """A template or an expression that is evaluated, and where it is written.

    ``known``: names that have a value whenever it comes to this text (an earlier case failed).
    """

    compiled: Prompt | Expression
    path: YamlPath
    known: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Edge:
    """One way from ``source`` to ``target``.

    ``drops`` are forgotten first, then ``texts`` are evaluated, then ``sets`` have a value and
    ``may_set`` perhaps. The edge is taken only when everything in ``implies`` has a value, and
    nothing in ``denies``.
    """

    source: str
    target: str
    way: Way
    why: str
    path: YamlPath
    sets: frozenset[str] = frozenset()
    may_set: frozenset[str] = frozenset()
    drops: frozenset[str] = frozenset()
    implies: frozenset[str] = frozenset()
    denies: frozenset[str] = frozenset()
    texts: tuple[Text, ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """A step in the graph. ``texts`` are evaluated on coming here, or while the call is here.

    ``listens``: the caller can be heard, and silence ends in the flow's fallback.
    """

    step: Step
    path: YamlPath
    texts: tuple[Text, ...]
    edges: tuple[Edge, ...]
    listens: bool = False


@dataclass(frozen=True, slots=True)
class Graph:
    """The main flow (``scope`` is empty) or one sub-flow; places by step name.

    ``given`` are the variables that have a value at the start.
    """

    scope: str
    start: str
    places: Mapping[str, Place]
    given: frozenset[str]
    path: YamlPath = ()
    _into: dict[str, list[Edge]] = field(default_factory=dict, repr=False, compare=False)

    def edges(self) -> Iterator[Edge]:
        for place in self.places.values():
            yield from place.edges

    def out(self, name: str) -> tuple[Edge, ...]:
        place = self.places.get(name)
        return place.edges if place else ()

    def reachable(
        self, starts: Iterable[str], follows: Callable[[Edge], bool] = lambda _: True
    ) -> set[str]:
        """Every place that can be come to from ``starts`` along edges that ``follows`` allows."""
        seen = set(starts)
        waiting = list(seen)
        while waiting:
            for edge in self.out(waiting.pop()):
                if edge.target not in seen and follows(edge):
                    seen.add(edge.target)
                    waiting.append(edge.target)
        return seen

    def leading_to(
        self, goals: Iterable[str], follows: Callable[[Edge], bool] = lambda _: True
    ) -> set[str]:
        """Every place from which one of ``goals`` can be come to."""
        into: dict[str, list[str]] = {}
        for edge in self.edges():
            if follows(edge):
                into.setdefault(edge.target, []).append(edge.source)
        seen = set(goals)
        waiting = list(seen)
        while waiting:
            for source in into.get(waiting.pop(), ()):
                if source not in seen:
                    seen.add(source)
                    waiting.append(source)
        return seen


@dataclass(frozen=True, slots=True)
class Trail:
    """States that a search came to, each with the state and the edge it came by (None: start)."""

    came_by: Mapping[Hashable, tuple[Hashable, Edge] | None]

    def __contains__(self, state: Hashable) -> bool:
        return state in self.came_by

    def edges_to(self, state: Hashable) -> tuple[Edge, ...]:
        """The shortest way to ``state``."""
        edges: list[Edge] = []
        step = self.came_by[state]
        while step is not None:
            state, edge = step
            edges.append(edge)
            step = self.came_by[state]
        return tuple(reversed(edges))


def search(starts: Iterable[_S], successors: Callable[[_S], Iterable[tuple[Edge, _S]]]) -> Trail:
    """Breadth first over every state: the ways it keeps are the shortest there are."""
    came_by: dict[Hashable, tuple[Hashable, Edge] | None] = dict.fromkeys(starts)
    waiting: deque[_S] = deque(came_by)  # type: ignore[arg-type]  # the keys are the starts
    while waiting:
        state = waiting.popleft()
        for edge, following in successors(state):
            if following not in came_by:
                came_by[following] = (state, edge)
                waiting.append(following)
    return Trail(came_by)


def hops(graph: Graph, edges: Iterable[Edge], source: Source, end: str = "") -> tuple[Hop, ...]:
    """A way as steps with reasons; ``end`` says what happens at its last place."""
    way: list[Hop] = []
    last = graph.start
    for edge in edges:
        path = graph.places[edge.source].path
        way.append(Hop(edge.source, edge.why, source.line_of(path)))
        last = edge.target
    if last in graph.places:
        way.append(Hop(last, end or "here", source.line_of(graph.places[last].path)))
    elif last == END and end:
        way.append(Hop("the end of the call", end, source.line_of(graph.path)))
    return tuple(way)
