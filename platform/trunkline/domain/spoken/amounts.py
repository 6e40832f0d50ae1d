"""Amounts of money: "two hundred and forty dollars fifty", "two forty fifty", "$240.50"."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final

from trunkline.domain.spoken.numerals import (
    TEENS,
    TENS,
    UNITS,
    parse_below_hundred,
    parse_cardinal,
    say_cardinal,
)
from trunkline.domain.spoken.words import spoken_words, without_fillers


@dataclass(frozen=True, slots=True)
class Currency:
    """The words for a major and a minor unit: singular, plural, then what else people say."""

    sign: str
    major: tuple[str, str]
    minor: tuple[str, str]
    also_major: tuple[str, ...] = ()
    also_minor: tuple[str, ...] = ()

    @property
    def major_words(self) -> frozenset[str]:
        return frozenset((*self.major, *self.also_major))

    @property
    def minor_words(self) -> frozenset[str]:
        return frozenset((*self.minor, *self.also_minor))


DOLLARS: Final = Currency("$", ("dollar", "dollars"), ("cent", "cents"), ("buck", "bucks"))
POUNDS: Final = Currency("£", ("pound", "pounds"), ("penny", "pence"), ("quid",), ("p",))
EUROS: Final = Currency("€", ("euro", "euros"), ("cent", "cents"))
_KEEP: Final = frozenset({"a", "and"})
_NUMERAL: Final = re.compile(r"[$£€]?\s*(\d{1,3}(?:,\d{3})+|\d+)\.(\d{1,2})(?!\d)")


def amount_readings(
    text: str, currency: Currency = DOLLARS, slot_words: Collection[str] = ()
) -> tuple[str, ...]:
    """Readings such as ``240.50``, likeliest first; empty when a word is left over.

    More than one reading ("two forty": 240.00 or 2.40) means the caller should be asked.
    """
    text = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", text)
    decimal = _NUMERAL.search(text)
    if decimal is not None:
        rest = text[: decimal.start()] + " " + text[decimal.end() :]
        units = currency.major_words | currency.minor_words
        if without_fillers(spoken_words(rest), {*slot_words, *units, "a", "and"}):
            return ()
        return (_format(int(decimal[1]), int(decimal[2].ljust(2, "0"))),)
    words = [
        word
        for word in without_fillers(spoken_words(text), slot_words, keep=_KEEP)
        if word not in ("exactly", "of", "total")
    ]
    return tuple(dict.fromkeys(_readings(_trim(words), currency)))


def parse_amount(
    text: str, currency: Currency = DOLLARS, slot_words: Collection[str] = ()
) -> str | None:
    """The likeliest reading, or None."""
    return next(iter(amount_readings(text, currency, slot_words)), None)


def _trim(words: list[str]) -> list[str]:
    """Joining words at the rim carry nothing: "and two dollars a" is "two dollars"."""
    while words and words[0] == "and":
        words = words[1:]
    while words and words[-1] in _KEEP:
        words = words[:-1]
    return words


def _readings(words: list[str], currency: Currency) -> list[str]:
    if not words:
        return []
    if words[0] == "a" and words[1:2] and words[1] not in ("hundred", "thousand", "million"):
        words = ["one", *words[1:]] if words[1] in currency.major_words else words[1:]
    major_at = [i for i, word in enumerate(words) if word in currency.major_words]
    minor_at = [i for i, word in enumerate(words) if word in currency.minor_words]
    if len(major_at) > 1 or len(minor_at) > 1:
        return []
    if minor_at and minor_at[0] != len(words) - 1:
        return []
    if minor_at:
        words = words[:-1]
    if major_at:
        return _with_major_unit(words[: major_at[0]], words[major_at[0] + 1 :], bool(minor_at))
    if "point" in words:
        return [] if minor_at else _with_point(words)
    if minor_at:
        cents = parse_cardinal(words)
        if cents is not None:
            return [_format(*divmod(cents, 100))]
    whole = parse_cardinal(words)
    readings = [_format(whole, 0)] if whole is not None else []
    return [*readings, *_run_together(words, has_cents=bool(minor_at))]


def _with_major_unit(before: list[str], after: list[str], has_minor: bool) -> list[str]:
    dollars = [
        value for value in (parse_cardinal(before), _compressed(before)) if value is not None
    ]
    if not dollars:
        return _with_point(before) if "point" in before and not after else []
    after = _trim(after)
    if not after:
        return [] if has_minor else [_format(dollars[0], 0)]
    cents = parse_below_hundred(after)
    if after[0] in ("oh", "zero") and len(after) == 2 and after[1] in UNITS:
        cents = (UNITS[after[1]], 2)
    if cents is None or cents[1] != len(after):
        return []
    return [_format(dollars[0], cents[0])]


def _with_point(words: Sequence[str]) -> list[str]:
    at = list(words).index("point")
    whole = 0
    if at:
        head = parse_cardinal(words[:at])
        compressed = _compressed(words[:at]) if head is None else head
        if compressed is None:
            return []
        whole = compressed
    fraction = list(words[at + 1 :])
    if not fraction:
        return []
    pair = parse_below_hundred(fraction)
    if pair is not None and pair[1] == len(fraction) and pair[0] >= 10:
        return [_format(whole, pair[0])]
    digits = [
        "0" if word in ("oh", "o", "zero") else str(UNITS.get(word, "?")) for word in fraction
    ]
    if len(digits) > 2 or "?" in digits:
        return []
    return [_format(whole, int("".join(digits).ljust(2, "0")))]


def _run_together(words: Sequence[str], *, has_cents: bool) -> list[str]:
    """Prices without units: "two forty fifty" 240.50, "one eighty two forty" 182.40."""
    readings: list[str] = []
    for split in range(1, len(words)):
        cents = parse_below_hundred(words[split:])
        if words[split] in ("oh", "o") and split + 2 == len(words) and words[-1] in UNITS:
            cents = (UNITS[words[-1]], 2)
        elif cents is None or cents[1] != len(words) - split or cents[0] < 10:
            continue
        if words[split - 1] in TENS and words[split] in UNITS:
            continue  # "forty | two" is one number
        head = words[:split]
        wholes = (_compressed(head), parse_cardinal(head))
        readings += [_format(whole, cents[0]) for whole in wholes if whole is not None]
    hundreds = None if has_cents else _compressed(words)
    if hundreds is not None:
        whole = _format(hundreds, 0)
        # "two forty" is more often 240 on a bill than 2.40; "two forty fifty" has only one reading.
        readings = [whole, *readings] if len(readings) < 2 else [*readings, whole]
    return readings


def _compressed(words: Sequence[str]) -> int | None:
    """ "two forty" → 240, "one eighty two" → 182, "two oh five" → 205."""
    if len(words) < 2 or words[0] not in UNITS:
        return None
    rest = words[1:]
    if rest[0] in ("oh", "o") and len(rest) == 2 and rest[1] in UNITS:
        return UNITS[words[0]] * 100 + UNITS[rest[1]]
    if rest[0] not in TENS and rest[0] not in TEENS:
        return None
    tail = parse_below_hundred(rest)
    if tail is None or tail[1] != len(rest):
        return None
    return UNITS[words[0]] * 100 + tail[0]


def _format(whole: int, cents: int) -> str:
    return f"{whole}.{cents:02d}"


def say_amount(value: str, currency: Currency = DOLLARS) -> str:
    """ "two hundred and forty dollars and fifty cents"; ValueError when it is no amount."""
    try:
        amount = Decimal(value)
    except InvalidOperation as exc:
        raise ValueError("an amount is written like 240.50") from exc
    if not amount.is_finite():
        raise ValueError("an amount is written like 240.50")
    cents_total = int((abs(amount) * 100).to_integral_value())
    whole, cents = divmod(cents_total, 100)
    parts = []
    if whole or not cents:
        parts.append(f"{say_cardinal(whole)} {currency.major[0 if whole == 1 else 1]}")
    if cents:
        parts.append(f"{say_cardinal(cents)} {currency.minor[0 if cents == 1 else 1]}")
    spoken = " and ".join(parts)
    return f"minus {spoken}" if amount < 0 else spoken
