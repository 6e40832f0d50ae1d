"""Two texts side by side: lines that belong together in one row, what differs in them marked."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from trunkline.calls.flow_diff import Change, DiffLine, diff_lines

_ALIKE: Final = 0.45  # below it the words of two lines have nothing to do with each other
_LONGEST_MARKED: Final = 400
_WORD: Final = re.compile(r"\w+|\s+|[^\w\s]")


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of characters; ``is_other`` when the line beside it has another there."""

    text: str
    is_other: bool = False


@dataclass(frozen=True, slots=True)
class Side:
    line: int
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """``kind``: same, changed, removed, added, or gap for lines left out."""

    kind: str
    old: Side | None = None
    new: Side | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    rows: tuple[Row, ...]
    added: int
    removed: int


def compare(old: str, new: str) -> Comparison:
    """Nothing in ``rows`` when the texts are equal."""
    lines = diff_lines(old, new)
    counts = [line.change for line in lines]
    return Comparison(tuple(_rows(lines)), counts.count(Change.ADDED), counts.count(Change.REMOVED))


def _rows(lines: Sequence[DiffLine]) -> Iterator[Row]:
    place = 0
    while place < len(lines):
        line = lines[place]
        if line.change is Change.GAP:
            yield Row("gap")
            place += 1
        elif line.change is Change.SAME:
            plain = (Piece(line.text),)
            yield Row("same", Side(line.old_line or 0, plain), Side(line.new_line or 0, plain))
            place += 1
        else:
            removed = _run(lines, place, Change.REMOVED)
            added = _run(lines, place + len(removed), Change.ADDED)
            yield from _changed(removed, added)
            place += len(removed) + len(added)


def _run(lines: Sequence[DiffLine], start: int, change: Change) -> Sequence[DiffLine]:
    end = start
    while end < len(lines) and lines[end].change is change:
        end += 1
    return lines[start:end]


def _changed(removed: Sequence[DiffLine], added: Sequence[DiffLine]) -> Iterator[Row]:
    for old, new in zip(removed, added, strict=False):
        left, right = _pieces(old.text, new.text)
        yield Row("changed", Side(old.old_line or 0, left), Side(new.new_line or 0, right))
    for old in removed[len(added) :]:
        yield Row("removed", old=Side(old.old_line or 0, (Piece(old.text),)))
    for new in added[len(removed) :]:
        yield Row("added", new=Side(new.new_line or 0, (Piece(new.text),)))


def _pieces(old: str, new: str) -> tuple[tuple[Piece, ...], tuple[Piece, ...]]:
    plain = (Piece(old),), (Piece(new),)
    if max(len(old), len(new)) > _LONGEST_MARKED:
        return plain
    before, after = _WORD.findall(old), _WORD.findall(new)
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    if matcher.ratio() < _ALIKE:
        return plain
    left: list[Piece] = []
    right: list[Piece] = []
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        if i2 > i1:
            left.append(Piece("".join(before[i1:i2]), tag != "equal"))
        if j2 > j1:
            right.append(Piece("".join(after[j1:j2]), tag != "equal"))
    return tuple(left), tuple(right)
