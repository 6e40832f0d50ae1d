"""Layered drawing of a directed graph (Sugiyama, Tagawa and Toda 1981): pure, deterministic.

Circles are opened, nodes ranked by their longest way from the start, long edges cut into one piece
a rank, crossings reduced by medians and by swapping neighbours, and places on a rank found by
isotonic regression, which is the best that keeps order and distance. Labels are nodes of their own
half-way along their edge, so that nothing is ever written over anything else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

_SWEEPS: Final = 24
_GAP_X: Final = 26.0
_GAP_Y: Final = 30.0
_PIECE_WEIGHT: Final = 4.0  # long edges are pulled straight harder than nodes are centred


@dataclass(frozen=True, slots=True)
class Box:
    """A node to place: its size in pixels."""

    name: str
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Link:
    """An edge to route, with the size of its label (0: none)."""

    source: str
    target: str
    label_width: float = 0.0
    label_height: float = 0.0


@dataclass(frozen=True, slots=True)
class Point:
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Route:
    """Points from the source's border to the target's; ``label`` is the label's centre."""

    points: tuple[Point, ...]
    label: Point | None
    is_backward: bool


@dataclass(frozen=True, slots=True)
class Layout:
    """Centres by node, a route for each link in the order given, and the size of it all."""

    centres: Mapping[str, Point]
    routes: tuple[Route, ...]
    width: float
    height: float


@dataclass(slots=True)
class _Cell:
    """A node, a label, or one rank's piece of a long edge."""

    width: float
    height: float
    rank: int
    is_piece: bool
    above: list[int] = field(default_factory=list)
    below: list[int] = field(default_factory=list)
    x: float = 0.0


def lay_out(boxes: Sequence[Box], links: Sequence[Link], start: str) -> Layout:
    """Places for all ``boxes`` and ways for all ``links``; links from a node to itself loop."""
    names = [box.name for box in boxes]
    backward = _backward(names, links, start)
    ranks = _ranks(names, links, backward, start)
    cells = [_Cell(box.width, box.height, ranks[box.name], False) for box in boxes]
    index = {name: place for place, name in enumerate(names)}
    chains: list[tuple[list[int], int | None]] = []
    for number, link in enumerate(links):
        chains.append(_chain(cells, index, ranks, link, number in backward))
    layers = _layers(cells)
    _order(cells, layers)
    _place(cells, layers)
    tops, height = _heights(cells, layers)
    left = min((cell.x - cell.width / 2 for cell in cells), default=0.0)
    for cell in cells:
        cell.x -= left
    width = max((cell.x + cell.width / 2 for cell in cells), default=0.0)
    centres = {name: Point(cells[i].x, tops[cells[i].rank]) for name, i in index.items()}
    routes = tuple(
        _route(cells, tops, link, chain, label, number in backward, index)
        for number, (link, (chain, label)) in enumerate(zip(links, chains, strict=True))
    )
    loops = [route for link, route in zip(links, routes, strict=True) if link.source == link.target]
    widest = max((p.x for route in loops for p in route.points), default=0.0)
    return Layout(centres, routes, max(width, widest), height)


# ---- ranks ---------------------------------------------------------------------------------------


def _backward(names: Sequence[str], links: Sequence[Link], start: str) -> set[int]:
    """Links to turn round so that no circle is left: those to a node being visited."""
    out: dict[str, list[int]] = {name: [] for name in names}
    for number, link in enumerate(links):
        if link.source != link.target:
            out[link.source].append(number)
    backward: set[int] = set()
    done: set[str] = set()
    open_: set[str] = set()
    for root in (start, *names):
        if root in done or root not in out:
            continue
        work = [(root, iter(out[root]))]
        open_.add(root)
        while work:
            name, rest = work[-1]
            for number in rest:
                target = links[number].target
                if target in open_:
                    backward.add(number)
                elif target not in done:
                    open_.add(target)
                    work.append((target, iter(out[target])))
                    break
            else:
                work.pop()
                open_.discard(name)
                done.add(name)
    return backward


def _ranks(
    names: Sequence[str], links: Sequence[Link], backward: set[int], start: str
) -> dict[str, int]:
    """Longest way from the start, two ranks a link (a label lies between); the start on top."""
    into: dict[str, list[str]] = {name: [] for name in names}
    out: dict[str, list[str]] = {name: [] for name in names}
    for number, link in enumerate(links):
        if link.source == link.target:
            continue
        ends = (link.source, link.target)
        above, below = reversed(ends) if number in backward else ends
        into[below].append(above)
        out[above].append(below)
    waits = {name: len(into[name]) for name in names}
    ready = [name for name in names if not waits[name]]
    ranks = dict.fromkeys(names, 0)
    order: list[str] = []
    while ready:
        name = ready.pop(0)
        order.append(name)
        for below in out[name]:
            ranks[below] = max(ranks[below], ranks[name] + 2)
            waits[below] -= 1
            if not waits[below]:
                ready.append(below)
    for name in reversed(order):  # nothing hangs higher than it has to
        if not into[name] and out[name] and name != start:
            ranks[name] = min(ranks[below] for below in out[name]) - 2
    return ranks


def _chain(
    cells: list[_Cell],
    index: Mapping[str, int],
    ranks: Mapping[str, int],
    link: Link,
    is_backward: bool,
) -> tuple[list[int], int | None]:
    """The cells a link goes through, source to target, and which of them is its label."""
    source, target = index[link.source], index[link.target]
    if source == target:
        return [source, target], None
    upper, lower = (target, source) if is_backward else (source, target)
    first, last = cells[upper].rank, cells[lower].rank
    middle = first + (last - first) // 2
    middle -= 1 - middle % 2 if middle - 1 > first else -(1 - middle % 2)
    chain, label = [upper], None
    for rank in range(first + 1, last):
        is_label = rank == middle and link.label_width > 0
        cells.append(
            _Cell(
                link.label_width if is_label else 8.0,
                link.label_height if is_label else 0.0,
                rank,
                True,
            )
        )
        if is_label:
            label = len(cells) - 1
        chain.append(len(cells) - 1)
    chain.append(lower)
    for above, below in zip(chain, chain[1:], strict=False):
        cells[above].below.append(below)
        cells[below].above.append(above)
    return (chain[::-1] if is_backward else chain), label


def _layers(cells: Sequence[_Cell]) -> list[list[int]]:
    layers: list[list[int]] = [[] for _ in range(max((c.rank for c in cells), default=-1) + 1)]
    for number, cell in enumerate(cells):
        layers[cell.rank].append(number)
    return layers


# ---- order ---------------------------------------------------------------------------------------


def _order(cells: Sequence[_Cell], layers: list[list[int]]) -> None:
    """Few crossings: medians down and up, neighbours swapped where that helps; the best is kept."""
    best, fewest = [list(layer) for layer in layers], crossings(cells, layers)
    for sweep in range(_SWEEPS):
        is_down = sweep % 2 == 0
        places = range(1, len(layers)) if is_down else range(len(layers) - 2, -1, -1)
        for place in places:
            fixed = layers[place - 1] if is_down else layers[place + 1]
            position = {number: at for at, number in enumerate(fixed)}
            keys = {}
            for at, number in enumerate(layers[place]):
                near = cells[number].above if is_down else cells[number].below
                keys[number] = _median([position[other] for other in near], at)
            layers[place].sort(key=keys.__getitem__)
        _swap(cells, layers)
        count = crossings(cells, layers)
        if count < fewest:
            best, fewest = [list(layer) for layer in layers], count
        if not fewest:
            break
    layers[:] = best


def _median(places: list[int], otherwise: float) -> float:
    if not places:
        return otherwise
    places.sort()
    half = len(places) // 2
    return places[half] if len(places) % 2 else (places[half - 1] + places[half]) / 2


def _swap(cells: Sequence[_Cell], layers: Sequence[list[int]]) -> None:
    for place, layer in enumerate(layers):
        above = _positions(layers, place - 1)
        below = _positions(layers, place + 1)
        for at in range(len(layer) - 1):
            left, right = cells[layer[at]], cells[layer[at + 1]]
            now = _crossed(left.above, right.above, above) + _crossed(
                left.below, right.below, below
            )
            then = _crossed(right.above, left.above, above) + _crossed(
                right.below, left.below, below
            )
            if then < now:
                layer[at], layer[at + 1] = layer[at + 1], layer[at]


def _positions(layers: Sequence[Sequence[int]], place: int) -> dict[int, int]:
    if not 0 <= place < len(layers):
        return {}
    return {number: at for at, number in enumerate(layers[place])}


def _crossed(left: Iterable[int], right: Sequence[int], position: Mapping[int, int]) -> int:
    return sum(position[a] > position[b] for a in left for b in right)


def crossings(cells: Sequence[_Cell], layers: Sequence[Sequence[int]]) -> int:
    """How many pieces of edges cross between neighbouring ranks."""
    count = 0
    for place in range(len(layers) - 1):
        position = _positions(layers, place + 1)
        ends = [
            position[below] for number in layers[place] for below in sorted(
                cells[number].below, key=position.__getitem__
            )
        ]  # fmt: skip
        count += _inversions(ends)
    return count


def _inversions(values: list[int]) -> int:
    if len(values) < 2:
        return 0
    half = len(values) // 2
    left, right = values[:half], values[half:]
    count = _inversions(left) + _inversions(right)
    merged, at = [], 0
    for value in left:
        while at < len(right) and right[at] < value:
            merged.append(right[at])
            at += 1
        count += at
        merged.append(value)
    values[:] = merged + right[at:]
    return count


# ---- places --------------------------------------------------------------------------------------


def _place(cells: Sequence[_Cell], layers: Sequence[Sequence[int]]) -> None:
    for layer in layers:
        x = 0.0
        for number in layer:
            cells[number].x = x + cells[number].width / 2
            x += cells[number].width + _GAP_X
    for sweep in range(_SWEEPS):
        is_down = sweep % 2 == 0
        for layer in layers if is_down else reversed(layers):
            wanted, weights = [], []
            for number in layer:
                cell = cells[number]
                near = cell.above if is_down else cell.below
                if sweep >= _SWEEPS - 4:
                    near = [*cell.above, *cell.below]
                xs = [cells[other].x for other in near]
                wanted.append(sum(xs) / len(xs) if xs else cell.x)
                weights.append((_PIECE_WEIGHT if cell.is_piece else 1.0) if xs else 0.05)
            for number, x in zip(layer, spread(cells, layer, wanted, weights), strict=True):
                cells[number].x = x


def spread(
    cells: Sequence[_Cell], layer: Sequence[int], wanted: Sequence[float], weights: Sequence[float]
) -> list[float]:
    """Places nearest to those ``wanted`` that keep order and distance (pool adjacent violators)."""
    offsets, offset = [], 0.0
    for place, number in enumerate(layer):
        if place:
            before = cells[layer[place - 1]]
            offset += (before.width + cells[number].width) / 2 + _GAP_X
        offsets.append(offset)
    pools: list[list[float]] = []  # mean, weight, how many
    for place, x in enumerate(wanted):
        pools.append([x - offsets[place], weights[place], 1])
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            mean, weight, many = pools.pop()
            last = pools[-1]
            last[0] = (last[0] * last[1] + mean * weight) / (last[1] + weight)
            last[1] += weight
            last[2] += many
    means = [mean for mean, _, many in pools for _ in range(int(many))]
    return [mean + offset for mean, offset in zip(means, offsets, strict=True)]


def _heights(cells: Sequence[_Cell], layers: Sequence[Sequence[int]]) -> tuple[list[float], float]:
    """The middle line of every rank, and the height of all."""
    tops, y = [], 0.0
    for layer in layers:
        height = max((cells[number].height for number in layer), default=0.0)
        tops.append(y + height / 2)
        y += height + _GAP_Y
    return tops, max(y - _GAP_Y, 0.0)


def _route(
    cells: Sequence[_Cell],
    tops: Sequence[float],
    link: Link,
    chain: Sequence[int],
    label: int | None,
    is_backward: bool,
    index: Mapping[str, int],
) -> Route:
    if link.source == link.target:
        cell = cells[index[link.source]]
        right, y = cell.x + cell.width / 2, tops[cell.rank]
        points = (Point(right, y - 8), Point(right + 24, y - 8), Point(right + 24, y + 8),
                  Point(right, y + 8))  # fmt: skip
        return Route(points, Point(right + 24, y) if link.label_width else None, False)
    inner = [Point(cells[number].x, tops[cells[number].rank]) for number in chain[1:-1]]
    ends = []
    for number, is_lower_side in ((chain[0], not is_backward), (chain[-1], is_backward)):
        cell = cells[number]
        y = tops[cell.rank] + (cell.height / 2 if is_lower_side else -cell.height / 2)
        ends.append(Point(cell.x, y))
    at = None if label is None else Point(cells[label].x, tops[cells[label].rank])
    return Route((ends[0], *inner, ends[1]), at, is_backward)
