"""A slot: one typed value to be heard, how it is understood and how it is read back."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, time
from decimal import Decimal
from enum import StrEnum
from itertools import chain
from typing import Final

from trunkline.domain.events import Json
from trunkline.domain.spoken.amounts import (
    DOLLARS,
    EUROS,
    POUNDS,
    Currency,
    amount_readings,
    say_amount,
)
from trunkline.domain.spoken.answers import answer_within
from trunkline.domain.spoken.checksums import Checksum, passes
from trunkline.domain.spoken.dates import Lean, parse_date, say_date
from trunkline.domain.spoken.digits import digit_readings, say_groups
from trunkline.domain.spoken.number_talk import grouped, mended
from trunkline.domain.spoken.numerals import parse_cardinal, say_cardinal
from trunkline.domain.spoken.spelling import parse_code, parse_email, say_code, say_email
from trunkline.domain.spoken.times import parse_time, say_time
from trunkline.domain.spoken.words import FILLERS, spoken_words, without_fillers
from trunkline.model.cascade.spoken_names import parse_name
from trunkline.model.cascade.value_carriers import cores

CURRENCIES: Final[Mapping[str, Currency]] = {"USD": DOLLARS, "GBP": POUNDS, "EUR": EUROS}


class SlotKind(StrEnum):
    DIGITS = "digits"
    AMOUNT = "amount"
    DATE = "date"
    TIME = "time"
    YES_NO = "yes_no"
    CHOICE = "choice"
    NUMBER = "number"
    NAME = "name"
    FREE_TEXT = "free_text"
    EMAIL = "email"
    CODE = "code"  # letters and digits


class DateRange(StrEnum):
    """On which side of today a date lies; today itself is on neither."""

    ANY = "any"
    PAST = "past"
    FUTURE = "future"


class Confirm(StrEnum):
    ALWAYS = "always"
    LOW_CONFIDENCE = "low_confidence"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Slot:
    """``options``: choice to the other ways of saying it. Empty texts mean: find your own words.

    ``today``: what dates are reckoned from where the call is, None: where we are. ``heard``: what
    the caller said already in passing, to be read back instead of asked for. ``checksum``: how the
    number checks itself; one that does not was misheard. ``keyed``: digits that the caller keyed in
    and that are only a part of it.
    """

    tool: str
    name: str
    kind: SlotKind
    description: str
    is_required: bool = True
    ask: str = ""
    reprompts: tuple[str, ...] = ()
    confirm: Confirm = Confirm.LOW_CONFIDENCE
    read_back: str = ""
    min_length: int = 1
    max_length: int | None = None
    options: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    currency: Currency = DOLLARS
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    is_integer: bool = False
    dates: DateRange = DateRange.ANY
    today: date | None = None
    heard: Json = None
    checksum: Checksum = Checksum.NONE
    has_keypad: bool = False
    keyed: str = ""

    @property
    def key(self) -> str:
        return f"{self.tool}.{self.name}"

    @property
    def own_words(self) -> frozenset[str]:
        """Words of the slot's name that may stand round a value: "my account number is"."""
        return frozenset(spoken_words(self.description.replace("_", " "))) - _NEVER_FILLERS


_NEVER_FILLERS: Final = frozenset({"no", "yes", "oh", "not", "double", "triple", "point", "one"})


@dataclass(frozen=True, slots=True)
class Reading:
    """A value as the tool wants it; ``is_unsure`` when the words allow another one."""

    value: Json
    is_unsure: bool = False


def understand(slot: Slot, text: str, today: date) -> Reading | None:
    """The value that the whole of ``text`` says, checked against the slot's limits, or None.

    What people say round a value says nothing else ("could we do three o'clock if possible").
    """
    trimmed = cores(slot.kind, text, is_past=slot.dates is DateRange.PAST)
    # Any words may stand in an address: there they are taken off first.
    ways = (*trimmed, text) if slot.kind is SlotKind.EMAIL else chain((text,), trimmed)
    readings = (understand_exactly(slot, way, today) for way in ways)
    return next((each for each in readings if each is not None), None)


def understand_exactly(slot: Slot, text: str, today: date) -> Reading | None:
    """The same where nothing stands round the value: part of a longer sentence."""
    words = slot.own_words
    match slot.kind:
        case SlotKind.DIGITS:
            readings = digit_readings(text, words)
            fitting = [r for r in readings if _has_length(slot, r) and passes(slot.checksum, r)]
            return Reading(fitting[0], len(fitting) > 1) if fitting else None
        case SlotKind.AMOUNT:
            amounts = [
                reading
                for reading in amount_readings(text, slot.currency, words)
                if _is_within(slot, Decimal(reading))
            ]
            return Reading(amounts[0], len(amounts) > 1) if amounts else None
        case SlotKind.DATE:
            return _date(slot, text, today, words)
        case SlotKind.TIME:
            clock = parse_time(text, words)
            return Reading(clock.strftime("%H:%M")) if clock else None
        case SlotKind.YES_NO:
            answer = answer_within(text)
            return Reading(answer) if answer is not None else None
        case SlotKind.CHOICE:
            return _choice(slot, text)
        case SlotKind.NUMBER:
            return _number(slot, text, words)
        case SlotKind.NAME:
            return _name(slot, text)
        case SlotKind.FREE_TEXT:
            said = text.strip()
            return Reading(said) if said and _has_length(slot, said) else None
        case SlotKind.EMAIL:
            mail = parse_email(text, words)
            return Reading(mail) if mail else None
        case SlotKind.CODE:
            code = parse_code(text, words)
            is_right = code and _has_length(slot, code) and passes(slot.checksum, code)
            return Reading(code) if is_right else None


def partial_digits(slot: Slot, text: str) -> str | None:
    """Digits that are too few: the beginning of a number said in two breaths."""
    if slot.kind is not SlotKind.DIGITS:
        return None
    readings = digit_readings(text, slot.own_words)
    short = [reading for reading in readings if len(reading) < slot.min_length]
    return short[0] if short and len(short) == len(readings) else None


def mended_value(slot: Slot, value: Json, text: str, groups: Sequence[int] = ()) -> str | None:
    """The number with the part corrected that ``text`` says, or None: "no, four five six"."""
    if slot.kind is not SlotKind.DIGITS or not isinstance(value, str):
        return None
    found = {mended(value, part, groups) for part in digit_readings(text, slot.own_words)}
    fitting = {each for each in found if each is not None and passes(slot.checksum, each)}
    return fitting.pop() if len(fitting) == 1 else None


def say_value(slot: Slot, value: Json, today: date, groups: Sequence[int] = ()) -> str:
    """The value in words, as it is read back; digits in ``groups`` of these sizes, or the usual."""
    match slot.kind:
        case SlotKind.DIGITS:
            return say_groups(grouped(str(value), groups))
        case SlotKind.AMOUNT:
            return say_amount(str(value), slot.currency)
        case SlotKind.DATE:
            return say_date(date.fromisoformat(str(value)), slot.today or today)
        case SlotKind.TIME:
            hour, _, minute = str(value).partition(":")
            return say_time(time(int(hour), int(minute)))
        case SlotKind.YES_NO:
            return "yes" if value else "no"
        case SlotKind.NUMBER:
            number = Decimal(str(value))
            return say_cardinal(int(number)) if number == int(number) else str(value)
        case SlotKind.CHOICE:
            return str(value).replace("_", " ")
        case SlotKind.EMAIL:
            return say_email(str(value))
        case SlotKind.CODE:
            return say_code(str(value))
        case _:
            return str(value)


def _date(slot: Slot, text: str, today: date, words: Collection[str]) -> Reading | None:
    """Weekdays and days without a year lie where the slot looks; what lies elsewhere is refused."""
    today = slot.today or today
    lean: Lean = "past" if slot.dates is DateRange.PAST else "future"
    day = parse_date(text, today, lean=lean, slot_words=words)
    if day is None:
        return None
    fits = {DateRange.ANY: True, DateRange.PAST: day < today, DateRange.FUTURE: day > today}
    return Reading(day.isoformat()) if fits[slot.dates] else None


def _has_length(slot: Slot, value: str) -> bool:
    longest = slot.max_length if slot.max_length is not None else len(value)
    return slot.min_length <= len(value) <= longest


def _is_within(slot: Slot, value: Decimal) -> bool:
    above = slot.minimum is None or value >= slot.minimum
    return above and (slot.maximum is None or value <= slot.maximum)


def _number(slot: Slot, text: str, words: Collection[str]) -> Reading | None:
    said = without_fillers(spoken_words(text.replace(",", "")), words, keep={"a", "and"})
    value = parse_cardinal(said)
    if value is None:
        digits = digit_readings(text, words)
        value = int(digits[0]) if digits and len(digits[0]) <= 9 else None
    if value is None or not _is_within(slot, Decimal(value)):
        return None
    return Reading(value)


def _choice(slot: Slot, text: str) -> Reading | None:
    """The option whose words are all there, when nothing else of weight was said; longest wins."""
    heard = spoken_words(text)
    best: tuple[int, str] | None = None
    rivals = set()
    for value, synonyms in slot.options.items():
        for way in (value, *synonyms):
            words = spoken_words(way.replace("_", " "))
            if not words or not _contains(heard, words):
                continue
            rest = [w for w in heard if w not in words and w not in slot.own_words]
            if any(word not in FILLERS and word not in _CHOICE_FILLERS for word in rest):
                continue
            if best is None or len(words) > best[0]:
                best, rivals = (len(words), value), {value}
            elif len(words) == best[0]:
                rivals.add(value)
    if best is None or len(rivals) > 1:
        return None
    return Reading(best[1])


_CHOICE_FILLERS: Final = frozenset({
    "want", "would", "like", "i'd", "need", "for", "to", "one", "option", "choose", "take", "with",
    "let's", "go", "on", "in", "at", "of", "and", "calling", "prefer", "rather",
})  # fmt: skip


def _contains(heard: tuple[str, ...], words: tuple[str, ...]) -> bool:
    span = len(words)
    return any(heard[at : at + span] == words for at in range(len(heard) - span + 1))


def _name(slot: Slot, text: str) -> Reading | None:
    said = parse_name(text)
    # Names sound alike: one is always read back.
    return Reading(said, is_unsure=True) if said and _has_length(slot, said) else None
