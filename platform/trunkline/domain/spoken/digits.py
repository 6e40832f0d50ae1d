"""Digit strings as people read them out: "double four one seven", "oh", "twenty nine"."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import islice, product
from typing import Final

from trunkline.domain.spoken.numerals import (
    DIGIT_WORDS,
    TEENS,
    TENS,
    UNITS,
    ZERO_WORDS,
)
from trunkline.domain.spoken.words import spoken_words, without_fillers

_REPEATS: Final = {"double": 2, "triple": 3, "treble": 3, "quadruple": 4}
_JOINERS: Final = frozenset({"and", "then", "dash", "hyphen", "space", "comma"})
_MAX_READINGS: Final = 64


def digit_readings(text: str, slot_words: Collection[str] = ()) -> tuple[str, ...]:
    """Every way to read ``text`` as digits, likeliest first; empty when a word is left over.

    "twenty nine" reads as 29 before 209, "oh" at the very start as a digit before a sigh.
    """
    heard = spoken_words(text)
    readings = _readings_of(without_fillers(heard, slot_words))
    opens_with_sigh = len(heard) > 1 and heard[0] == "oh"
    if opens_with_sigh:
        readings = [*readings, *_readings_of(without_fillers(heard[1:], slot_words))]
    return tuple(dict.fromkeys(readings))


def parse_digits(
    text: str,
    *,
    min_length: int = 1,
    max_length: int | None = None,
    slot_words: Collection[str] = (),
) -> str | None:
    """The likeliest reading of an allowed length, or None."""
    for reading in digit_readings(text, slot_words):
        if len(reading) >= min_length and (max_length is None or len(reading) <= max_length):
            return reading
    return None


def _readings_of(words: Sequence[str]) -> list[str]:
    parts: list[tuple[str, ...]] = []
    position = 0
    while position < len(words):
        step = _part_at(words, position)
        if step is None:
            return []
        readings, used = step
        if readings:
            parts.append(readings)
        position += used
    if not parts:
        return []
    return ["".join(choice) for choice in islice(product(*parts), _MAX_READINGS)]


def _part_at(words: Sequence[str], position: int) -> tuple[tuple[str, ...], int] | None:
    """The readings of one spoken group and how many words it takes; None for a foreign word."""
    word = words[position]
    following = words[position + 1] if position + 1 < len(words) else ""
    if word in _JOINERS:
        return (), 1
    if word in _REPEATS:
        digit = _single(following)
        if digit is not None:
            return (digit * _REPEATS[word],), 2
        if following in TENS or following in TEENS:
            return (str(TENS.get(following) or TEENS[following]) * _REPEATS[word],), 2
        return None
    if word.isdigit():
        return (word,), 1
    digit = _single(word)
    if digit is not None:
        if following == "hundred":
            return (f"{digit}00",), 2
        if following == "thousand":
            return (f"{digit}000",), 2
        return (digit,), 1
    if word in TEENS:
        return (str(TEENS[word]),), 1
    if word in TENS:
        if following in UNITS:
            tens = TENS[word]
            return (str(tens + UNITS[following]), f"{tens}{UNITS[following]}"), 2
        return (str(TENS[word]),), 1
    return None


def _single(word: str) -> str | None:
    if word in ZERO_WORDS:
        return "0"
    if word in UNITS:
        return str(UNITS[word])
    return word if len(word) == 1 and word.isdigit() else None


def digit_groups(digits: str) -> tuple[str, ...]:
    """How a person chunks a number: 4-4, 3-3-4, 3-3 and so on; never a lone digit at the end."""
    sizes = _GROUPS.get(len(digits))
    if sizes is None:
        count = len(digits)
        sizes = (4,) * (count // 4) + ((count % 4,) if count % 4 else ())
        if count % 4 == 1 and count > 4:
            sizes = (*sizes[:-2], 3, 2)
    groups, start = [], 0
    for size in sizes:
        groups.append(digits[start : start + size])
        start += size
    return tuple(groups)


_GROUPS: Final = {
    1: (1,), 2: (2,), 3: (3,), 4: (4,), 5: (3, 2), 6: (3, 3), 7: (3, 4), 8: (4, 4), 9: (3, 3, 3),
    10: (3, 3, 4), 11: (5, 3, 3), 12: (4, 4, 4), 16: (4, 4, 4, 4),
}  # fmt: skip


def say_digits(digits: Iterable[str]) -> str:
    """ "four four one seven, two nine zero eight"; raises ValueError for anything but digits."""
    text = "".join(digits)
    if not (text.isascii() and text.isdigit()):
        raise ValueError("say_digits takes decimal digits only")
    return say_groups(digit_groups(text))


def say_groups(groups: Iterable[str]) -> str:
    """Digits in groups, a pause after each."""
    return ", ".join(" ".join(DIGIT_WORDS[int(digit)] for digit in group) for group in groups)
