"""Calendar dates: "the third of March", "next Tuesday", "in two weeks", "2026-03-03"."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from datetime import date, timedelta
from typing import Final, Literal

from trunkline.domain.spoken.numerals import (
    parse_below_hundred,
    parse_ordinal,
    parse_year,
    say_ordinal,
    say_year,
)
from trunkline.domain.spoken.words import FILLERS, spoken_words

MONTHS: Final = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september",
    "october", "november", "december",
)  # fmt: skip
WEEKDAYS: Final = (
    "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday",
)  # fmt: skip
_MONTH_OF: Final = {name: n for n, name in enumerate(MONTHS, 1)} | {
    name[:3]: n for n, name in enumerate(MONTHS, 1)
}
_WEEKDAY_OF: Final = {name: n for n, name in enumerate(WEEKDAYS)}
_ISO: Final = re.compile(r"(?<!\d)(\d{4})-(\d{2})-(\d{2})(?!\d)")
_SLASHED: Final = re.compile(r"(?<!\d)(\d{1,2})/(\d{1,2})(?:/(\d{4}))?(?!\d)")
_DROPPED: Final = (FILLERS | {"on", "for", "date", "day", "of"}) - {"this", "a"}

_NEAR_DAYS: Final = {"today": 0, "tonight": 0, "tomorrow": 1, "yesterday": -1}

Lean = Literal["future", "past", "nearest"]


def parse_date(
    text: str, today: date, *, lean: Lean = "future", slot_words: Collection[str] = ()
) -> date | None:
    """The whole text as a date, or None; a missing year is filled by where ``lean`` points.

    Slashes are month first, as in the United States.
    """
    for pattern in (_ISO, _SLASHED):
        match = pattern.search(text)
        if match is None:
            continue
        left_over = [
            word
            for word in spoken_words(text[: match.start()] + " " + text[match.end() :])
            if word not in _DROPPED and word not in slot_words
        ]
        if left_over:
            return None
        if pattern is _ISO:
            return _day(int(match[1]), int(match[2]), int(match[3]))
        month, day = int(match[1]), int(match[2])
        return _day(int(match[3]), month, day) if match[3] else _lean(month, day, today, lean)
    heard = spoken_words(text)
    if "day" in heard and "after" in heard:
        rest = [w for w in heard if w not in _DROPPED and w not in slot_words]
        return today + timedelta(days=2) if rest == ["after", "tomorrow"] else None
    if "day" in heard and "before" in heard:
        rest = [w for w in heard if w not in _DROPPED and w not in slot_words]
        return today - timedelta(days=2) if rest == ["before", "yesterday"] else None
    words = [word for word in heard if word not in _DROPPED and word not in slot_words]
    return _relative(words, today, lean) or _absolute(words, today, lean)


def _relative(words: Sequence[str], today: date, lean: Lean) -> date | None:
    if len(words) == 1 and words[0] in _NEAR_DAYS:
        return today + timedelta(days=_NEAR_DAYS[words[0]])
    if words and words[-1] in _WEEKDAY_OF and len(words) <= 2:
        return _weekday(words[:-1], _WEEKDAY_OF[words[-1]], today, lean)
    return _offset(words, today)


def _weekday(before: Sequence[str], weekday: int, today: date, lean: Lean) -> date | None:
    ahead = (weekday - today.weekday()) % 7
    match list(before):
        case ["last"]:
            return today - timedelta(days=(today.weekday() - weekday) % 7 or 7)
        case ["next"]:
            # The one in the coming week: on a Wednesday, "next Friday" is nine days away.
            monday = today - timedelta(days=today.weekday()) + timedelta(days=7)
            return monday + timedelta(days=weekday)
        case [] if lean == "past":
            return today - timedelta(days=(today.weekday() - weekday) % 7 or 7)
        case [] | ["this"] | ["coming"]:
            return today + timedelta(days=ahead or 7)
        case _:
            return None


def _offset(words: Sequence[str], today: date) -> date | None:
    """ "in three days", "two weeks from now", "a week ago"."""
    backward = bool(words) and words[-1] == "ago"
    core = [word for word in words if word not in ("in", "from", "now", "ago", "time")]
    if len(core) < 2 or core[-1] not in ("day", "days", "week", "weeks"):
        # "day" is dropped as a filler elsewhere, so a bare count is no offset.
        return None
    count = (1, 1) if core[0] == "a" else parse_below_hundred(core)
    if count is None or count[1] != len(core) - 1 or not ("in" in words or len(words) > len(core)):
        return None
    days = count[0] * (7 if core[-1].startswith("week") else 1)
    return today + timedelta(days=-days if backward else days)


def _absolute(words: Sequence[str], today: date, lean: Lean) -> date | None:
    if len(words) > 1 and words[0] in _WEEKDAY_OF:
        words = words[1:]
    months = [index for index, word in enumerate(words) if word in _MONTH_OF]
    if not months:
        day = parse_ordinal(list(words))
        return _day_of_month(day, today, lean) if day else None
    if len(months) != 1:
        return None
    at = months[0]
    month = _MONTH_OF[words[at]]
    before, after = list(words[:at]), list(words[at + 1 :])
    if before:
        day = _day_number(before)
        return _with_year(day, month, after, today, lean)
    for split in range(len(after), 0, -1):
        day = _day_number(after[:split])
        if day is not None:
            found = _with_year(day, month, after[split:], today, lean)
            if found is not None:
                return found
    return None


def _day_number(words: Sequence[str]) -> int | None:
    ordinal = parse_ordinal(words)
    if ordinal is not None:
        return ordinal
    cardinal = parse_below_hundred(words)
    return cardinal[0] if cardinal and cardinal[1] == len(words) else None


def _with_year(
    day: int | None, month: int, year_words: Sequence[str], today: date, lean: Lean
) -> date | None:
    if day is None:
        return None
    if not year_words:
        return _lean(month, day, today, lean)
    year = parse_year(year_words)
    return _day(year, month, day) if year else None


def _lean(month: int, day: int, today: date, lean: Lean) -> date | None:
    # Eight years reach a leap day from anywhere, also across 2100.
    candidates = [_day(today.year + delta, month, day) for delta in range(-8, 9)]
    real = [candidate for candidate in candidates if candidate is not None]
    if lean == "future":
        return next((candidate for candidate in real if candidate >= today), None)
    if lean == "past":
        return next((candidate for candidate in reversed(real) if candidate <= today), None)
    return min(real, key=lambda candidate: abs(candidate - today), default=None)


def _day_of_month(day: int, today: date, lean: Lean) -> date | None:
    """ "the third": of this month, or of the neighbour where ``lean`` points."""
    for delta in range(0, 3):
        step = delta if lean != "past" else -delta
        years, month0 = divmod(today.month - 1 + step, 12)
        found = _day(today.year + years, month0 + 1, day)
        if found and (found >= today if lean != "past" else found <= today):
            return found
    return None


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def say_date(value: date, today: date | None = None) -> str:
    """ "Tuesday, March third"; the year is said unless it is the year of ``today``."""
    spoken = f"{MONTHS[value.month - 1].capitalize()} {say_ordinal(value.day)}"
    if today is not None and value.year == today.year:
        return f"{WEEKDAYS[value.weekday()].capitalize()}, {spoken}"
    return f"{spoken}, {say_year(value.year)}"
