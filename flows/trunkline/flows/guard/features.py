"""What the classifier looks at: stems, pairs of stems, concepts, and pairs of concepts. Pure.

Concepts are what lets a small set of examples speak for sentences nobody wrote down: "put together
a shotgun" has no word of "build a bomb", and the same two concepts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import combinations, pairwise
from typing import Final

from trunkline.flows.guard.normal import folded, stems
from trunkline.flows.guard.pack import Side

_NEGATIONS: Final = frozenset({"not", "never", "no", "without"})
_MOST_STEMS: Final = 80


class ConceptIndex:
    """Finds concepts in a row of stems; phrases of up to four words."""

    def __init__(self, concepts: Mapping[str, Iterable[str]]) -> None:
        self._phrases: dict[tuple[str, ...], set[str]] = {}
        for name, words in concepts.items():
            for word in words:
                self._phrases.setdefault(stems(folded(word)), set()).add(name)
        self._longest = max((len(phrase) for phrase in self._phrases), default=0)

    def find(self, row: tuple[str, ...]) -> list[tuple[int, str]]:
        """(place, concept), in order; a word may belong to several."""
        found: list[tuple[int, str]] = []
        for place in range(len(row)):
            for length in range(1, self._longest + 1):
                names = self._phrases.get(row[place : place + length], ())
                found += [(place, name) for name in sorted(names)]
        return found


def features(text: str, side: Side, index: ConceptIndex) -> set[str]:
    """The names of what is there; ``side`` makes concepts of askers and sayers differ."""
    row = stems(folded(text))[:_MOST_STEMS]
    names = {
        f"g:{padded[place : place + 4]}"
        for stem in row
        if len(stem) > 3
        for padded in (f"^{stem}$",)
        for place in range(len(padded) - 3)
    }
    names |= {f"w:{stem}" for stem in row}
    names |= {f"b:{first} {second}" for first, second in pairwise(("^", *row, "$"))}
    names |= {f"s:{first} {second}" for first, second in zip(row, row[2:], strict=False)}
    concepts = index.find(row)
    kinds = sorted({name for _, name in concepts})
    names |= {f"c:{name}" for name in kinds}
    names |= {f"{side}:{name}" for name in kinds}
    names |= {f"p:{first}+{second}" for first, second in combinations(kinds, 2)}
    for (place, first), (later, second) in combinations(concepts, 2):
        if 0 < later - place <= 6:
            names.add(f"o:{first}>{second}")
    if any(stem in _NEGATIONS for stem in row):
        names.add("negated")
        names |= {f"n:{name}" for name in kinds}
    return names
