"""What changed between two texts of a flow, by lines. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

_CONTEXT: Final = 3
# difflib takes minutes over texts of many repeated lines; no flow of a person is so long.
_FINE_UP_TO_LINES: Final = 12_000


class Change(StrEnum):
    SAME = "same"
    REMOVED = "removed"
    ADDED = "added"
    GAP = "gap"


@dataclass(frozen=True, slots=True)
class DiffLine:
    """A line with its number in the old and in the new text; a gap stands for lines left out."""

    change: Change
    text: str
    old_line: int | None = None
    new_line: int | None = None


def diff_lines(old: str, new: str, *, context: int = _CONTEXT) -> tuple[DiffLine, ...]:
    """Removed and added lines with ``context`` lines around them; nothing when texts are equal."""
    before, after = old.splitlines(), new.splitlines()
    found: list[DiffLine] = []
    end = 0
    for group in _groups(before, after, context):
        if group[0][1] > end:
            found.append(DiffLine(Change.GAP, ""))
        for tag, i1, i2, j1, j2 in group:
            if tag == "equal":
                found += [
                    DiffLine(Change.SAME, before[i1 + n], i1 + n + 1, j1 + n + 1)
                    for n in range(i2 - i1)
                ]
                continue
            found += [DiffLine(Change.REMOVED, before[n], old_line=n + 1) for n in range(i1, i2)]
            found += [DiffLine(Change.ADDED, after[n], new_line=n + 1) for n in range(j1, j2)]
        end = group[-1][2]
    if found and end < len(before):
        found.append(DiffLine(Change.GAP, ""))
    return tuple(found)


def count_changes(old: str, new: str) -> tuple[int, int]:
    """How many lines were added and how many removed."""
    added = removed = 0
    for group in _groups(old.splitlines(), new.splitlines(), 0):
        for tag, i1, i2, j1, j2 in group:
            if tag != "equal":
                added, removed = added + j2 - j1, removed + i2 - i1
    return added, removed


def unified(old: str, new: str, old_name: str, new_name: str) -> tuple[str, ...]:
    """The lines of a unified diff, as ``diff -u`` writes them."""
    before, after = old.splitlines(), new.splitlines()
    lines = [f"--- {old_name}", f"+++ {new_name}"]
    for group in _groups(before, after, _CONTEXT):
        first, last = group[0], group[-1]
        old_range = f"{first[1] + 1},{last[2] - first[1]}"
        lines.append(f"@@ -{old_range} +{first[3] + 1},{last[4] - first[3]} @@")
        for tag, i1, i2, j1, j2 in group:
            if tag == "equal":
                lines += [f" {line}" for line in before[i1:i2]]
                continue
            lines += [f"-{line}" for line in before[i1:i2]]
            lines += [f"+{line}" for line in after[j1:j2]]
    return tuple(lines) if len(lines) > 2 else ()


def _groups(
    before: Sequence[str], after: Sequence[str], context: int
) -> list[list[tuple[str, int, int, int, int]]]:
    if list(before) == list(after):
        return []
    if len(before) + len(after) <= _FINE_UP_TO_LINES:
        matcher = difflib.SequenceMatcher(None, before, after)
        return [
            [(str(tag), *rest) for tag, *rest in group]  # type: ignore[misc]
            for group in matcher.get_grouped_opcodes(context)
        ]
    start = 0
    most = min(len(before), len(after))
    while start < most and before[start] == after[start]:
        start += 1
    tail = 0
    while tail < most - start and before[-1 - tail] == after[-1 - tail]:
        tail += 1
    i1, i2, j2 = max(0, start - context), len(before) - tail, len(after) - tail
    rest = min(context, tail)
    return [
        [
            ("equal", i1, start, i1, start),
            ("replace", start, i2, start, j2),
            ("equal", i2, i2 + rest, j2, j2 + rest),
        ]
    ]
