"""Talk about a long number: in which groups it was said, and which part of it was corrected."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import accumulate, product
from typing import Final

from trunkline.domain.spoken.digits import digit_groups, digit_readings

_MOST_PARTS: Final = 8
_LONGEST_GROUP: Final = 5


def said_groups(text: str, digits: str, slot_words: Collection[str] = ()) -> tuple[int, ...]:
    """The sizes of the groups in which ``text`` says ``digits``, by its commas; empty when it has
    none that fit, or one that nobody could repeat."""
    parts = [part for part in text.split(",") if part.strip()]
    if not 2 <= len(parts) <= _MOST_PARTS:
        return ()
    readings = [digit_readings(part, slot_words) for part in parts]
    for reading in product(*readings):
        if "".join(reading) == digits:
            sizes = tuple(len(group) for group in reading)
            return sizes if max(sizes) <= _LONGEST_GROUP else ()
    return ()


def grouped(digits: str, sizes: Sequence[int]) -> tuple[str, ...]:
    """``digits`` in groups of ``sizes``; in the usual ones where those do not add up."""
    if not sizes or sum(sizes) != len(digits):
        return digit_groups(digits)
    ends = list(accumulate(sizes))
    return tuple(digits[end - size : end] for end, size in zip(ends, sizes, strict=True))


def mended(digits: str, part: str, sizes: Sequence[int] = ()) -> str | None:
    """``digits`` with the stretch most like ``part`` replaced by it: "no, four five six".

    At least half of the stretch has to be right already, and no other may be as like; of two, one
    that is a group as it was read back wins. None when it is not clear what is meant.
    """
    if not 2 <= len(part) < len(digits):
        return None
    bounds = {0, *accumulate(len(group) for group in grouped(digits, sizes))}
    rated: list[tuple[int, bool, int]] = []
    for start in range(len(digits) - len(part) + 1):
        stretch = digits[start : start + len(part)]
        differing = sum(old != new for old, new in zip(stretch, part, strict=True))
        is_group = start in bounds and start + len(part) in bounds
        rated.append((differing, not is_group, start))
    rated.sort()
    differing, not_group, start = rated[0]
    is_alone = len(rated) == 1 or rated[1][:2] != (differing, not_group)
    if differing == 0 or differing * 2 > len(part) or not is_alone:
        return None
    return digits[:start] + part + digits[start + len(part) :]
