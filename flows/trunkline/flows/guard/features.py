"""What the classifier looks at: stems and rows of them, concepts, and how the two stand together.
Pure.

Concepts are what lets examples speak for sentences nobody wrote down: "put together a shotgun" has
no word of "build a bomb", and the same two concepts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import combinations, pairwise
from typing import Final, NamedTuple

from trunkline.flows.guard.normal import folded
from trunkline.flows.guard.pack import Side
from trunkline.flows.guard.words import words

_NEGATIONS: Final = frozenset({"not", "never", "no", "without"})
_MOST_STEMS: Final = 80
_ANY: Final = "_"
_NEAR: Final = 4
"""So many stems may stand between two concepts that belong together."""


class Found(NamedTuple):
    """A concept, and the stems ``first`` to ``after`` (excluded) that name it."""

    first: int
    after: int
    name: str


class ConceptIndex:
    """Finds concepts in a row of stems; ``_`` in a phrase stands for any one word."""

    def __init__(self, concepts: Mapping[str, Iterable[str]]) -> None:
        self._phrases: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._open: dict[str, list[tuple[tuple[str, ...], str]]] = {}
        self._longest = 0
        for name, phrases in concepts.items():
            for phrase in phrases:
                self._add(name, phrase)

    def _add(self, name: str, phrase: str) -> None:
        if _ANY not in phrase.split():
            row = words(folded(phrase))
            names = self._phrases.get(row, ())
            if name not in names:
                self._phrases[row] = tuple(sorted((*names, name)))
            self._longest = max(self._longest, len(row))
            return
        row = tuple(
            stem
            for word in phrase.split()
            for stem in ((_ANY,) if word == _ANY else words(folded(word)))
        )
        self._open.setdefault(row[0], []).append((row, name))

    def find(self, row: tuple[str, ...]) -> list[Found]:
        """In order of their places; a word may belong to several."""
        found: list[Found] = []
        for first, stem in enumerate(row):
            for after in range(first + 1, min(first + self._longest, len(row)) + 1):
                names = self._phrases.get(row[first:after], ())
                found += [Found(first, after, name) for name in names]
            for phrase, name in self._open.get(stem, ()):
                after = first + len(phrase)
                if after <= len(row) and all(
                    wanted in (_ANY, there)
                    for wanted, there in zip(phrase, row[first:after], strict=True)
                ):
                    found.append(Found(first, after, name))
        return found


def features(text: str, side: Side, index: ConceptIndex) -> set[str]:
    """The names of what is there; the letter before the colon is the kind.

    ``w`` stem, ``b`` ``s`` ``t`` two, two with one between and three of them, ``f`` the beginning,
    ``g`` letters in fours, ``c`` concept, ``o`` concepts near each other, ``x`` concept and
    neighbour, ``n`` negated, ``i`` with the side, ``l`` length.
    """
    row = words(folded(text))[:_MOST_STEMS]
    found = index.find(row)
    return _of_words(row, side) | _of_concepts(row, found, side)


def _of_words(row: tuple[str, ...], side: Side) -> set[str]:
    names = {
        f"g:{padded[place : place + 4]}"
        for stem in set(row)
        if len(stem) > 3
        for padded in (f"^{stem}$",)
        for place in range(len(padded) - 3)
    }
    for stem in row:
        names.add(f"w:{stem}")
        names.add(f"i:{side} {stem}")
    names |= {f"b:{first} {second}" for first, second in pairwise(("^", *row, "$"))}
    names |= {f"s:{first} {third}" for first, third in zip(row, row[2:], strict=False)}
    rows = zip(("^", *row), row, row[1:], strict=False)
    names |= {f"t:{first} {second} {third}" for first, second, third in rows}
    names |= {f"f:{' '.join(row[:2])}", f"f:{' '.join(row[:3])}"}
    names |= {f"l:{min(len(row) // 4, 6)}", f"i:{side}"}
    return names


def _of_concepts(row: tuple[str, ...], found: list[Found], side: Side) -> set[str]:
    times = Counter(one.name for one in found)
    names = {f"c:{name}" for name in times}
    names |= {f"c:{name} twice" for name, number in times.items() if number > 1}
    names |= {f"i:{side} c:{name}" for name in times}
    for one, other in combinations(found, 2):
        if other.first > one.first and other.first - one.after <= _NEAR:
            names.add(f"o:{one.name}>{other.name}")
    for first, after, name in found:
        if first > 0:
            names.add(f"x:{row[first - 1]}>{name}")
        if first > 1:
            names.add(f"x:{row[first - 2]} _>{name}")
        if after < len(row):
            names.add(f"x:{name}>{row[after]}")
    if not _NEGATIONS.isdisjoint(row):
        names |= {"n:", *(f"n:{name}" for name in times)}
    return names
