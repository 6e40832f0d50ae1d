"""What DTMF digits mean for a slot.

An amount is keyed with ``*`` for the point; yes is 1 and no is 2; a choice is its place; a time is
four digits of the 24-hour clock; a date is day, month and year in the slot's order, or day and
month alone for the next (or, for a past date, the last) such day.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Final

from trunkline.flows.slots import (
    BadValue,
    DateOrder,
    DateRange,
    Slot,
    SlotKind,
    SlotValue,
    check,
)

_AMOUNT: Final = re.compile(r"(?=[0-9*]*[0-9])([0-9]*)(?:\*([0-9]{0,2}))?", re.ASCII)
_TIME: Final = re.compile(r"([0-9]{1,2})([0-9]{2})", re.ASCII)
_LEAST_PART: Final = 3
_LONGEST_WAIT_YEARS: Final = 8  # a leap day is never further away
_DATE_LENGTHS: Final = (4, 8)


def from_keypad(slot: Slot, digits: str, today: date | None = None) -> SlotValue:
    """The value, or BadValue saying what would do; ``today`` completes a date without a year."""
    match slot.kind:
        case SlotKind.DIGITS:
            return check(slot, digits)
        case SlotKind.AMOUNT:
            keyed = _AMOUNT.fullmatch(digits)
            if keyed is None:
                raise BadValue("an amount, with * for the point")
            return check(slot, f"{int(keyed[1] or 0)}.{keyed[2] or '':0<2}")
        case SlotKind.DATE:
            return check(slot, _date(slot, digits, today).isoformat(), today)
        case SlotKind.TIME:
            clock = _TIME.fullmatch(digits)
            if clock is None:
                raise BadValue("a time in four digits, like 0930")
            return check(slot, f"{int(clock[1]):02}:{clock[2]}")
        case SlotKind.YES_NO:
            answers = {"1": True, "2": False}
            if digits not in answers:
                raise BadValue("1 for yes or 2 for no")
            return answers[digits]
        case SlotKind.CHOICE:
            places = {str(place): value for place, value in enumerate(slot.choices, start=1)}
            if slot.max_keys == 0 or digits not in places:
                raise BadValue(f"1 to {len(places)}")
            return places[digits]
        case _:
            raise BadValue("it cannot be keyed in")


def is_part(slot: Slot, digits: str) -> bool:
    """Whether ``digits`` may be some of a number whose others are said; one or two are a slip."""
    is_number = slot.kind is SlotKind.DIGITS and digits.isascii() and digits.isdigit()
    may_be_said = not (slot.is_keypad_only or slot.is_secret)
    return is_number and may_be_said and _LEAST_PART <= len(digits) < slot.min_length


def _date(slot: Slot, digits: str, today: date | None) -> date:
    if not (digits.isascii() and digits.isdigit()) or len(digits) not in _DATE_LENGTHS:
        raise BadValue("eight digits: " + slot.date_order.value.replace("_", " "))
    year, rest = "", digits
    if len(digits) == 8 and slot.date_order is DateOrder.YEAR_FIRST:
        year, rest = digits[:4], digits[4:]
    elif len(digits) == 8:
        year, rest = digits[4:], digits[:4]
    first, second = int(rest[:2]), int(rest[2:])
    day, month = (first, second) if slot.date_order is DateOrder.DAY_FIRST else (second, first)
    if year:
        return _day(int(year), month, day)
    if today is None:
        raise BadValue("a date with its year")
    return _nearest(slot, month, day, today)


def _day(year: int, month: int, day: int) -> date:
    try:
        return date(year, month, day)
    except ValueError:
        raise BadValue("a day of the calendar") from None


def _nearest(slot: Slot, month: int, day: int, today: date) -> date:
    """The next such day from today on, or the last one before it."""
    is_past = slot.dates is DateRange.PAST
    step = -1 if is_past else 1
    for ahead in range(_LONGEST_WAIT_YEARS + 1):
        try:
            found = date(today.year + step * ahead, month, day)
        except ValueError:
            continue
        if found < today if is_past else found >= today:
            return found
    raise BadValue("a day of the calendar")
