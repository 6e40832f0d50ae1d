"""Times of day: "half past two", "ten thirty in the morning", "a quarter to five"."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from datetime import time
from typing import Final

from trunkline.domain.spoken.numerals import UNITS, parse_below_hundred, say_cardinal
from trunkline.domain.spoken.words import FILLERS, spoken_words

_NUMERIC: Final = re.compile(r"(?<!\d)(\d{1,2})[:.](\d{2})(?!\d)")
_AFTERNOON: Final = frozenset({"pm", "afternoon", "evening", "tonight", "night"})
_MORNING: Final = frozenset({"am", "morning"})
_DROPPED: Final = (FILLERS | {"at", "in", "o'clock", "on", "for"}) - {"a"}
# Hours said without morning or afternoon: an appointment at "three" is not at night.
_FIRST_MORNING_HOUR: Final = 7


def parse_time(text: str, slot_words: Collection[str] = ()) -> time | None:
    """The whole text as a time of day, or None. Bare 1 to 6 are afternoon, 7 to 11 morning."""
    numeric = _NUMERIC.search(text)
    if numeric is not None:
        text = f"{text[: numeric.start()]} {numeric[1]} {numeric[2]} {text[numeric.end() :]}"
    text = re.sub(r"(?<=\d)\s*([ap])m\b", r" \1m", text.lower())
    words = [word for word in spoken_words(text) if word not in _DROPPED and word not in slot_words]
    words, half = _split_half_of_day(words)
    if words in (["noon"], ["midday"], ["twelve", "noon"]):
        return time(12)
    if words in (["midnight"], ["twelve", "midnight"]):
        return time(0)
    while words and words[0] == "a" and words[1:2] != ["quarter"]:
        words = words[1:]
    clock = _clock(words)
    if clock is None:
        return None
    hour, minute = clock
    return _placed(hour, minute, half, is_24h=numeric is not None and numeric[1].startswith("0"))


def _split_half_of_day(words: Sequence[str]) -> tuple[list[str], str]:
    kept: list[str] = []
    half = ""
    index = 0
    while index < len(words):
        word = words[index]
        pair = words[index : index + 2]
        if word in _MORNING or word in _AFTERNOON:
            half = "am" if word in _MORNING else "pm"
        elif list(pair) in (["a", "m"], ["p", "m"]):
            half = f"{word}m"
            index += 1
        else:
            kept.append(word)
        index += 1
    return kept, half


def _clock(words: list[str]) -> tuple[int, int] | None:
    for index, word in enumerate(words):
        if word in ("past", "after", "to", "before", "till", "til"):
            minutes = _minutes(words[:index])
            hour = parse_below_hundred(words[index + 1 :])
            if minutes is None or hour is None or hour[1] != len(words) - index - 1:
                return None
            if not 0 <= hour[0] <= 23:
                return None
            if word in ("past", "after"):
                return hour[0], minutes
            before = hour[0] - 1 if hour[0] not in (0, 1) else {0: 23, 1: 12}[hour[0]]
            return before, 60 - minutes
    hour = parse_below_hundred(words)
    if hour is None or hour[0] > 24:
        return None
    rest = words[hour[1] :]
    if not rest:
        return (hour[0], 0) if hour[0] < 24 else (0, 0)
    if rest == ["hundred"]:
        return hour[0] % 24, 0
    if rest[0] in ("oh", "o", "zero") and len(rest) == 2 and rest[1] in UNITS:
        return hour[0], UNITS[rest[1]]
    minute = parse_below_hundred(rest)
    is_whole = minute is not None and minute[1] == len(rest) and minute[0] < 60
    if minute is None or not is_whole or (minute[0] < 10 and not rest[0].isdigit()):
        return None
    return hour[0], minute[0]


def _minutes(words: list[str]) -> int | None:
    if words == ["half"]:
        return 30
    if words in (["quarter"], ["a", "quarter"]):
        return 15
    if words and words[-1] in ("minutes", "minute"):
        words = words[:-1]
    value = parse_below_hundred(words)
    return value[0] if value and value[1] == len(words) and 0 < value[0] < 60 else None


def _placed(hour: int, minute: int, half: str, *, is_24h: bool) -> time | None:
    if not (0 <= hour <= 23 and 0 <= minute < 60):
        return None
    if half == "pm":
        return time(hour % 12 + 12 if hour <= 12 else hour, minute)
    if half == "am":
        return time(hour % 12, minute) if hour <= 12 else None
    if not is_24h and 1 <= hour < _FIRST_MORNING_HOUR:
        return time(hour + 12, minute)
    return time(hour, minute)


def say_time(value: time) -> str:
    """ "two thirty in the afternoon", "noon", "nine oh five in the morning"."""
    if value.minute == 0 and value.hour in (0, 12):
        return "noon" if value.hour == 12 else "midnight"
    hour = value.hour % 12 or 12
    if value.minute == 0:
        clock = f"{say_cardinal(hour)} o'clock"
    elif value.minute < 10:
        clock = f"{say_cardinal(hour)} oh {say_cardinal(value.minute)}"
    else:
        clock = f"{say_cardinal(hour)} {say_cardinal(value.minute)}"
    if value.hour < 12:
        return f"{clock} in the morning"
    return f"{clock} in the {'afternoon' if value.hour < 18 else 'evening'}"
