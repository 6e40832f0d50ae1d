"""Two edits of one text made into one, line by line, as ``diff3`` does. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

_Block: TypeAlias = tuple[int, int, int]
# difflib takes minutes over texts of many repeated lines; such texts are one conflict.
_FINE_UP_TO_LINES: Final = 12_000


@dataclass(frozen=True, slots=True)
class Merge:
    """``text`` holds both edits; where both changed one place it holds both between markers.

    The markers are no YAML: a text that still has one is refused by line.
    """

    text: str
    conflicts: int


def merge(base: str, mine: str, theirs: str, mine_name: str, theirs_name: str) -> Merge:
    """What came of ``base`` in two hands. Places that one alone changed are taken as changed."""
    b, m, t = (text.splitlines() for text in (base, mine, theirs))
    merged: list[str] = []
    conflicts = 0
    ib = im = it = 0
    for common in _common(b, m, t):
        b0, m0, t0, length = common
        was, my, their = b[ib:b0], m[im:m0], t[it:t0]
        if my == their or their == was:
            merged += my
        elif my == was:
            merged += their
        else:
            conflicts += 1
            merged += [f"<<<<<<< {mine_name}", *my, "=======", *their, f">>>>>>> {theirs_name}"]
        merged += b[b0 : b0 + length]
        ib, im, it = b0 + length, m0 + length, t0 + length
    return Merge("\n".join(merged) + ("\n" if merged else ""), conflicts)


def _common(
    b: Sequence[str], m: Sequence[str], t: Sequence[str]
) -> Iterator[tuple[int, int, int, int]]:
    """Runs of lines that all three have, in order; the last, empty one stands at the ends."""
    mine, theirs = _blocks(b, m), _blocks(b, t)
    i = j = 0
    while i < len(mine) and j < len(theirs):
        (b1, m1, n1), (b2, t2, n2) = mine[i], theirs[j]
        start, end = max(b1, b2), min(b1 + n1, b2 + n2)
        if start < end:
            yield start, m1 + start - b1, t2 + start - b2, end - start
        if b1 + n1 < b2 + n2:
            i += 1
        else:
            j += 1
    yield len(b), len(m), len(t), 0


def _blocks(a: Sequence[str], b: Sequence[str]) -> list[_Block]:
    if len(a) + len(b) > _FINE_UP_TO_LINES:
        return []
    matcher = difflib.SequenceMatcher(None, a, b)
    return [(one.a, one.b, one.size) for one in matcher.get_matching_blocks() if one.size]
