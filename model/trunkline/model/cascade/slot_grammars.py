"""How people say the value of each kind of slot, as automata between two states."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from trunkline.domain.spoken.answers import NO_PHRASES, YES_PHRASES
from trunkline.domain.spoken.dates import MONTHS, WEEKDAYS
from trunkline.domain.spoken.numerals import (
    DIGIT_WORDS,
    TEEN_WORDS,
    TENS_WORDS,
    say_cardinal,
    say_ordinal,
)
from trunkline.model.cascade.automaton import Builder
from trunkline.model.cascade.name_grammars import add_letter
from trunkline.model.cascade.offered_times import WHICH

_UNITS: Final = DIGIT_WORDS[1:]
_LONGEST_CODE: Final = 10
_LONGEST_OPEN_STRING: Final = 20
# A number said in two breaths is heard all the same; more weight, and an "oh" is lost in "two oh".
_CUT_SHORT: Final = 1e-5
_PHONE_LENGTHS: Final = {7: 0.1, 10: 0.7, 11: 0.3}
# Said more often than the rest: half of all answers are one of these.
_PLAIN_YES: Final = ("yes", "yeah", "yep", "yes please", "correct", "that's right", "sure", "okay")
_PLAIN_NO: Final = ("no", "nope", "no thanks", "no thank you", "that's wrong", "wrong")


def add_digits(
    builder: Builder, start: int, end: int, min_length: int, max_length: int | None
) -> None:
    """Digit strings of an allowed length; shorter ones (an utterance cut in two) are unlikely."""
    longest = max_length or _LONGEST_OPEN_STRING
    at = [start, *(builder.state() for _ in range(longest))]
    for position in range(longest):
        here = at[position]
        _add_single_digit(builder, here, at[position + 1], 1.0)
        if position + 2 <= longest:
            _add_repeat(builder, here, at[position + 2], "double", 0.05)
            builder.words(here, at[position + 2], TEEN_WORDS, 0.02)
            tens = builder.state()
            builder.words(here, tens, TENS_WORDS, 0.08)
            builder.words(tens, at[position + 2], _UNITS, 0.8)
            builder.skip(tens, at[position + 2], 0.2)
        if position + 3 <= longest:
            _add_repeat(builder, here, at[position + 3], "triple", 0.015)
            hundred = builder.state()
            builder.words(here, hundred, _UNITS, 0.005)
            builder.word(hundred, at[position + 3], "hundred")
        if position:
            builder.skip(here, end, _ends_here(position, min_length, longest))
    builder.skip(at[longest], end)


def _ends_here(length: int, min_length: int, longest: int) -> float:
    """How likely a number has this many digits. One that may have seven and may have eleven is a
    telephone's: they mostly have ten, and an "oh" too many is soon heard."""
    if length < min_length:
        return _CUT_SHORT
    if min_length > 7 or longest < 11:
        return 0.3
    return _PHONE_LENGTHS.get(length, 0.02)


def _add_single_digit(builder: Builder, start: int, end: int, weight: float) -> None:
    builder.words(start, end, _UNITS, weight * 0.9)
    builder.words(start, end, ("zero", "oh"), weight * 0.1)


def _add_repeat(builder: Builder, start: int, end: int, word: str, weight: float) -> None:
    middle = builder.state()
    builder.word(start, middle, word, weight)
    _add_single_digit(builder, middle, end, 1.0)


def add_code(
    builder: Builder, start: int, end: int, min_length: int, max_length: int | None
) -> None:
    """Letters and digits one by one, letters also by the spelling alphabet."""
    longest = min(max_length or _LONGEST_CODE, max(_LONGEST_CODE, min_length))
    at = start
    for position in range(longest):
        following = builder.state()
        add_letter(builder, at, following, 0.55)
        _add_single_digit(builder, at, following, 0.45)
        if position + 1 >= min_length:
            builder.skip(following, end, 0.3)
        at = following


def add_below_hundred(
    builder: Builder,
    start: int,
    end: int,
    weight: float = 1.0,
    *,
    is_pair: bool = False,
    tens_words: tuple[str, ...] = TENS_WORDS,
) -> None:
    """1 to 99, or 10 to 99 as the second part of a price; fewer tens for minutes."""
    if not is_pair:
        builder.words(start, end, _UNITS, weight * 0.3)
    builder.words(start, end, TEEN_WORDS, weight * 0.25)
    tens = builder.state()
    builder.words(start, tens, tens_words, weight * 0.45)
    builder.words(tens, end, _UNITS, 0.6)
    builder.skip(tens, end, 0.4)


def _add_below_thousand(builder: Builder, start: int, end: int, weight: float) -> None:
    add_below_hundred(builder, start, end, weight * 0.55)
    hundreds, said = builder.state(), builder.state()
    builder.words(start, hundreds, _UNITS, weight * 0.35)
    builder.word(start, hundreds, "a", weight * 0.1)
    builder.word(hundreds, said, "hundred")
    builder.skip(said, end, 0.3)
    joined = builder.optional_words(said, ("and",), 0.5)
    add_below_hundred(builder, joined, end)


def _add_whole_number(builder: Builder, start: int, end: int, weight: float = 1.0) -> None:
    _add_below_thousand(builder, start, end, weight * 0.9)
    thousands, said = builder.state(), builder.state()
    add_below_hundred(builder, start, thousands, weight * 0.1)
    builder.word(thousands, said, "thousand")
    builder.skip(said, end, 0.4)
    _add_below_thousand(builder, said, end, 0.6)


def add_number(builder: Builder, start: int, end: int) -> None:
    """A count: "seven", "a hundred and five"."""
    builder.word(start, end, "zero", 0.02)
    _add_whole_number(builder, start, end, 0.98)


def add_amount(builder: Builder, start: int, end: int, units: tuple[str, str, str, str]) -> None:
    """ "forty two dollars and fifty cents", "two forty fifty", "fifty cents", "a dollar fifty"."""
    major, majors, _, minors = units
    whole, said_unit = builder.state(), builder.state()
    _add_whole_number(builder, start, whole, 0.6)
    builder.skip(whole, end, 0.2)
    builder.word(whole, said_unit, majors, 0.75)
    builder.word(whole, said_unit, major, 0.05)
    one = builder.state()
    builder.words(start, one, ("one", "a"), 0.03)
    builder.word(one, said_unit, major)
    _add_cents(builder, said_unit, end, minors)
    # Run together: [units] (ten to ninety-nine) [(ten to ninety-nine)].
    hundreds, pair = builder.state(), builder.state()
    builder.words(start, hundreds, _UNITS, 0.15)
    add_below_hundred(builder, hundreds, pair, is_pair=True)
    add_below_hundred(builder, start, pair, 0.1, is_pair=True)
    builder.skip(pair, end, 0.3)
    builder.word(pair, said_unit, majors, 0.3)
    add_below_hundred(builder, pair, end, 0.4, is_pair=True)
    only_cents = builder.state()
    add_below_hundred(builder, start, only_cents, 0.05)
    builder.word(only_cents, end, minors)
    point = builder.state()
    builder.word(whole, point, "point", 0.03)
    add_below_hundred(builder, point, end, is_pair=True)
    digits = builder.state()
    _add_single_digit(builder, point, digits, 0.6)
    _add_single_digit(builder, digits, end, 0.8)
    builder.skip(digits, end, 0.2)


def _add_cents(builder: Builder, start: int, end: int, minors: str) -> None:
    builder.skip(start, end, 0.5)
    joined = builder.optional_words(start, ("and",), 0.6)
    cents = builder.state()
    add_below_hundred(builder, joined, cents)
    builder.word(cents, end, minors, 0.7)
    builder.skip(cents, end, 0.3)


def add_date(builder: Builder, start: int, end: int, *, is_past: bool = False) -> None:
    """ "the third of March", "March third twenty twenty six", "next Tuesday", "in two weeks".

    ``is_past``: a birthday and the like, which has a year and no other way of being said.
    """
    if is_past:
        _add_calendar_day(builder, start, end, year=0.9)
        return
    builder.words(start, end, ("today", "tomorrow", "yesterday"), 0.1)
    builder.phrase(start, end, "the day after tomorrow", 0.02)
    lead = builder.state()
    builder.words(start, lead, ("on", "next", "this", "last"), 0.12)
    builder.phrase(start, lead, "this coming", 0.02)
    builder.skip(start, lead, 0.1)
    builder.words(lead, end, WEEKDAYS)
    weekday = builder.optional_words(start, WEEKDAYS, 0.1)
    _add_calendar_day(builder, weekday, end, year=0.1)
    _add_offset(builder, start, end, 0.06)


def _add_calendar_day(builder: Builder, start: int, end: int, *, year: float) -> None:
    """``year``: how often one is said."""
    dated, month = builder.state(), builder.state()
    builder.words(start, month, MONTHS, 0.5)
    the = builder.optional_words(month, ("the",), 0.3)
    _add_day(builder, the, dated, 0.85)
    _add_day_number(builder, the, dated, 0.15)
    article = builder.state()
    builder.word(start, article, "the", 0.35)
    builder.skip(start, article, 0.15)
    day = builder.state()
    _add_day(builder, article, day, 1.0)
    builder.skip(day, end, 0.15 * (1 - year))
    of = builder.optional_words(day, ("of",), 0.8)
    builder.words(of, dated, MONTHS, 0.85)
    builder.skip(dated, end, 1 - year)
    _add_year(builder, dated, end, year)


def _add_day(builder: Builder, start: int, end: int, weight: float) -> None:
    for day in range(1, 32):
        builder.phrase(start, end, say_ordinal(day), weight / 31)


def _add_day_number(builder: Builder, start: int, end: int, weight: float) -> None:
    """ "january fourteen": a day of the month is no more than thirty one."""
    for day in range(1, 32):
        builder.phrase(start, end, say_cardinal(day), weight / 31)


def _add_year(builder: Builder, start: int, end: int, weight: float) -> None:
    """1910 to 2049."""
    last, this = builder.state(), builder.state()
    builder.word(start, last, "nineteen", weight * 0.6)
    add_below_hundred(builder, last, end, is_pair=True)
    builder.word(start, this, "twenty", weight * 0.2)
    builder.words(this, end, TEEN_WORDS, 0.5)
    tens = builder.state()
    builder.words(this, tens, TENS_WORDS[:3], 0.5)
    builder.words(tens, end, _UNITS, 0.7)
    builder.skip(tens, end, 0.3)
    for century in (last, this):
        oh = builder.state()
        builder.word(century, oh, "oh", 0.1)
        builder.words(oh, end, _UNITS)
    two = builder.state()
    builder.phrase(start, two, "two thousand", weight * 0.2)
    builder.skip(two, end, 0.15)
    joined = builder.optional_words(two, ("and",), 0.5)
    builder.words(joined, end, _UNITS, 0.7)
    builder.words(joined, end, TEEN_WORDS, 0.15)


def _add_offset(builder: Builder, start: int, end: int, weight: float) -> None:
    in_, count = builder.state(), builder.state()
    builder.word(start, in_, "in", weight)
    builder.words(in_, count, ("a", *_UNITS))
    builder.words(count, end, ("day", "days", "week", "weeks"))


def add_time(builder: Builder, start: int, end: int) -> None:
    """ "half past two", "ten thirty in the morning", "a quarter to five", "fifteen thirty", "noon",
    and which of the offered ones: "the second one"."""
    builder.words(start, end, ("noon", "midnight", "midday"), 0.03)
    builder.phrase(start, end, "twelve noon", 0.005)
    _add_which(builder, start, end, 0.04)
    hours = (*_UNITS, "ten", "eleven", "twelve")
    hour, clock = builder.state(), builder.state()
    builder.words(start, hour, hours, 0.7)
    builder.skip(hour, clock, 0.4)
    builder.word(hour, clock, "o'clock", 0.2)
    _add_minutes(builder, hour, clock, 0.4)
    # By the clock of twenty-four hours; also "sixteen hundred".
    late = builder.state()
    builder.words(start, late, TEEN_WORDS[3:], 0.05)
    twenty = builder.state()
    builder.word(start, twenty, "twenty", 0.01)
    builder.words(twenty, late, _UNITS[:3], 0.6)
    builder.skip(twenty, late, 0.4)
    _add_minutes(builder, late, end, 0.8)
    builder.word(late, end, "hundred", 0.2)
    to_hour, fraction = builder.state(), builder.state()
    builder.phrase(start, to_hour, "half past", 0.08)
    builder.word(start, fraction, "quarter", 0.06)
    builder.phrase(start, fraction, "a quarter", 0.03)
    counted = builder.state()
    builder.words(start, counted, ("five", "ten", "twenty"), 0.03)
    builder.phrase(start, counted, "twenty five", 0.005)
    builder.skip(counted, fraction, 0.8)
    builder.word(counted, fraction, "minutes", 0.2)
    builder.words(fraction, to_hour, ("past", "to"), 0.85)
    builder.words(fraction, to_hour, ("after", "before", "till"), 0.15)
    builder.words(to_hour, clock, hours)
    builder.skip(clock, end, 0.5)
    for half, weight in (
        ("a m", 0.1), ("p m", 0.12), ("in the morning", 0.1), ("in the afternoon", 0.1),
        ("in the evening", 0.04), ("at night", 0.01), ("this afternoon", 0.01),
    ):  # fmt: skip
        builder.phrase(clock, end, half, weight)


def _add_minutes(builder: Builder, start: int, end: int, weight: float) -> None:
    """Mostly full quarters and tens."""
    builder.words(start, end, ("fifteen", "thirty"), weight * 0.45)
    builder.phrase(start, end, "forty five", weight * 0.2)
    builder.words(start, end, ("ten", "twenty", "forty", "fifty"), weight * 0.15)
    for five in ("twenty five", "thirty five", "fifty five"):
        builder.phrase(start, end, five, weight * 0.02)
    add_below_hundred(builder, start, end, weight * 0.07, is_pair=True, tens_words=TENS_WORDS[:4])
    oh = builder.state()
    builder.word(start, oh, "oh", weight * 0.07)
    builder.words(oh, end, _UNITS)


def _add_which(builder: Builder, start: int, end: int, weight: float) -> None:
    """Of several that were offered: "the first one", "the last", "the earlier one"."""
    the, which = builder.state(), builder.state()
    builder.word(start, the, "the", weight)
    builder.words(the, which, tuple(WHICH))
    builder.word(which, end, "one", 0.75)
    builder.word(which, end, "time", 0.05)
    builder.skip(which, end, 0.2)


def add_yes_no(
    builder: Builder, start: int, end: int, weight: float = 1.0, *, is_plain: bool = False
) -> None:
    """Both answers weigh the same; most of each is the plain words, all of it with ``is_plain``."""
    for plain, phrases in ((_PLAIN_YES, YES_PHRASES), (_PLAIN_NO, NO_PHRASES)):
        for phrase in plain:
            builder.phrase(start, end, phrase, weight * 0.35 / len(plain))
        for phrase in () if is_plain else phrases:
            builder.phrase(start, end, phrase, weight * 0.15 / len(phrases))


def add_choice(
    builder: Builder, start: int, end: int, options: Mapping[str, Sequence[str]]
) -> None:
    """The options and their synonyms."""
    lead = builder.state()
    builder.skip(start, lead, 0.8)
    for phrase in ("the", "i want", "i'd like", "for", "my"):
        builder.phrase(start, lead, phrase, 0.2 / 5)
    for value, synonyms in options.items():
        ways = tuple(dict.fromkeys((value, *synonyms)))
        for way in ways:
            builder.phrase(lead, end, way, 1.0 / len(options) / len(ways))
