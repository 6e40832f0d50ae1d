"""English number words: cardinals, ordinals and years, both ways."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

DIGIT_WORDS: Final = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine",
)  # fmt: skip
TEEN_WORDS: Final = (
    "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen",
    "eighteen", "nineteen",
)  # fmt: skip
TENS_WORDS: Final = (
    "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety",
)  # fmt: skip
ZERO_WORDS: Final = frozenset({"zero", "oh", "o", "nought", "naught", "nil"})

UNITS: Final = {word: value for value, word in enumerate(DIGIT_WORDS) if value}
TEENS: Final = {word: value for value, word in enumerate(TEEN_WORDS, 10)}
TENS: Final = {word: value * 10 for value, word in enumerate(TENS_WORDS, 2)} | {"fourty": 40}
_SCALES: Final = {"thousand": 1_000, "million": 1_000_000}

_ORDINAL_UNITS: Final = (
    "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth",
)  # fmt: skip
_IRREGULAR: Final = {word: n for n, word in enumerate(_ORDINAL_UNITS, 1)} | {"twelfth": 12}
ORDINALS: Final[dict[str, int]] = (
    _IRREGULAR
    | {f"{word}th": value for word, value in TEENS.items() if word != "twelve"}
    | {f"{word[:-1]}ieth": value for word, value in TENS.items() if word != "fourty"}
    | {"hundredth": 100}
)
NUMBER_WORDS: Final = (
    frozenset(UNITS) | frozenset(TEENS) | frozenset(TENS) | ZERO_WORDS | {"hundred", *_SCALES}
)
MAX_CARDINAL: Final = 999_999_999


def parse_below_hundred(words: Sequence[str]) -> tuple[int, int] | None:
    """Value (0 to 99) and how many words it takes from the front; None when there is none."""
    if not words:
        return None
    first = words[0]
    if first.isdigit() and len(first) <= 2:
        return int(first), 1
    if first in ("zero", "nought", "naught"):
        return 0, 1
    if first in UNITS:
        return UNITS[first], 1
    if first in TEENS:
        return TEENS[first], 1
    if first in TENS:
        if len(words) > 1 and words[1] in UNITS:
            return TENS[first] + UNITS[words[1]], 2
        return TENS[first], 1
    return None


def parse_cardinal(words: Sequence[str]) -> int | None:
    """The whole of ``words`` as one number: "a hundred and five", "twelve hundred", "182"."""
    if len(words) == 1 and words[0].isdigit() and len(words[0]) <= 9:
        return int(words[0])
    total, position = 0, 0
    last_scale = MAX_CARDINAL + 1
    while position < len(words):
        group = _parse_below_thousand(words[position:], allow_and=total > 0)
        if group is None:
            return None
        value, used = group
        position += used
        scale = 1
        if position < len(words) and words[position] in _SCALES:
            scale = _SCALES[words[position]]
            position += 1
        if scale >= last_scale or (scale > 1 and value == 0):
            return None
        total += value * scale
        last_scale = scale
        if scale == 1 and position < len(words):
            return None
    return total if words and total <= MAX_CARDINAL else None


def _parse_below_thousand(words: Sequence[str], *, allow_and: bool) -> tuple[int, int] | None:
    position = 0
    if allow_and and words and words[0] == "and":
        position = 1
    if words[position : position + 1] and words[position] == "a":
        if words[position + 1 : position + 2] and words[position + 1] in ("hundred", *_SCALES):
            head: tuple[int, int] | None = (1, 1)
        else:
            return None
    elif words[position : position + 1] and words[position].isdigit() and len(words[position]) == 3:
        return int(words[position]), position + 1
    else:
        head = parse_below_hundred(words[position:])
    if head is None:
        return None
    value, used = head
    position += used
    if position < len(words) and words[position] == "hundred":
        if value == 0:
            return None
        value *= 100
        position += 1
        rest = position + (1 if position < len(words) and words[position] == "and" else 0)
        tail = parse_below_hundred(words[rest:])
        if tail is not None and tail[0] > 0:
            value += tail[0]
            position = rest + tail[1]
    return value, position


def parse_ordinal(words: Sequence[str]) -> int | None:
    """ "third" → 3, "twenty first" → 21, "3rd" → 3."""
    if len(words) == 1:
        word = words[0]
        if word[:-2].isdigit() and word[-2:] in ("st", "nd", "rd", "th"):
            return int(word[:-2])
        return ORDINALS.get(word)
    if len(words) == 2 and words[0] in TENS and words[1] in _IRREGULAR and ORDINALS[words[1]] < 10:
        return TENS[words[0]] + ORDINALS[words[1]]
    return None


def parse_year(words: Sequence[str]) -> int | None:
    """ "nineteen eighty four", "twenty twenty six", "two thousand and one", "nineteen oh five"."""
    if len(words) == 1 and words[0].isdigit() and len(words[0]) == 4:
        return int(words[0])
    value = parse_cardinal(words)
    if value is not None and 1900 <= value <= 2199:
        return value
    century = parse_below_hundred(words)
    if century is None or century[0] not in (18, 19, 20, 21):
        return None
    # "twenty one" would read as 21: a century of 20 or 19 is one word.
    hundreds = {"eighteen": 18, "nineteen": 19, "twenty": 20}.get(words[0])
    if hundreds is None:
        return None
    rest = list(words[1:])
    if rest == ["hundred"]:
        return hundreds * 100
    if len(rest) == 2 and rest[0] in ("oh", "o") and rest[1] in UNITS:
        return hundreds * 100 + UNITS[rest[1]]
    tail = parse_below_hundred(rest)
    if tail is None or tail[1] != len(rest) or tail[0] < 10:
        return None
    return hundreds * 100 + tail[0]


def say_cardinal(value: int) -> str:
    """ "one hundred and eighty two"; up to 999,999,999."""
    if value < 0:
        return f"minus {say_cardinal(-value)}"
    if value > MAX_CARDINAL:
        return " ".join(DIGIT_WORDS[int(digit)] for digit in str(value))
    if value < 10:
        return DIGIT_WORDS[value]
    if value < 20:
        return TEEN_WORDS[value - 10]
    if value < 100:
        tens = TENS_WORDS[value // 10 - 2]
        return f"{tens} {DIGIT_WORDS[value % 10]}" if value % 10 else tens
    if value < 1_000:
        head = f"{DIGIT_WORDS[value // 100]} hundred"
        return f"{head} and {say_cardinal(value % 100)}" if value % 100 else head
    scale, name = (1_000_000, "million") if value >= 1_000_000 else (1_000, "thousand")
    head, rest = f"{say_cardinal(value // scale)} {name}", value % scale
    if not rest:
        return head
    return f"{head} and {say_cardinal(rest)}" if rest < 100 else f"{head} {say_cardinal(rest)}"


def say_ordinal(value: int) -> str:
    """ "twenty first" for 21; numbers without a single ordinal word keep it on the last word."""
    *head, last = say_cardinal(value).split()
    ordinal = _ORDINAL_OF_CARDINAL.get(last, f"{last}th")
    return " ".join([*head, ordinal])


_ORDINAL_OF_CARDINAL: Final = {
    say_cardinal(n): next(word for word, v in ORDINALS.items() if v == n)
    for n in (*range(1, 21), *range(30, 100, 10))
}


def say_year(year: int) -> str:
    """ "twenty twenty six", "two thousand and five", "nineteen oh five"."""
    century, rest = divmod(year, 100)
    if not 1000 <= year <= 2999 or century % 10 == 0 and rest < 10:
        return say_cardinal(year)
    if rest == 0:
        return f"{say_cardinal(century)} hundred"
    if rest < 10:
        return f"{say_cardinal(century)} oh {DIGIT_WORDS[rest]}"
    return f"{say_cardinal(century)} {say_cardinal(rest)}"
