"""Slots: what a collect step fills, and how a value is checked; ``keypad`` has what keys mean."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, TypeAlias

from trunkline.domain.events import Json
from trunkline.domain.spoken.checksums import Checksum, passes
from trunkline.domain.spoken.spelling import say_code, say_email
from trunkline.flows.prompts import Prompt
from trunkline.flows.spoken_filters import say_amount, say_date, say_digits, say_time

SlotValue: TypeAlias = str | bool
MAX_TEXT_CHARS: Final = 500
_AMOUNT: Final = re.compile(r"[0-9]{1,9}\.[0-9]{2}", re.ASCII)
_TIME: Final = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]", re.ASCII)
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_MAIL: Final = re.compile(r"[a-z0-9._%+-]{1,64}@[a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z]{2,24}", re.ASCII)
_MAX_MAIL_CHARS: Final = 254
_KEYS: Final = {"amount": 9, "date": 8, "time": 4, "yes_no": 1}


class SlotKind(StrEnum):
    DIGITS = "digits"
    AMOUNT = "amount"
    DATE = "date"
    TIME = "time"
    YES_NO = "yes_no"
    CHOICE = "choice"
    NAME = "name"
    FREE_TEXT = "free_text"
    EMAIL = "email"
    CODE = "code"  # letters and digits: a postcode, a booking reference


class DateRange(StrEnum):
    """On which side of today a date has to lie; today itself is no past and no future day."""

    ANY = "any"
    PAST = "past"
    FUTURE = "future"


class DateOrder(StrEnum):
    """In which order a date is keyed in."""

    DAY_FIRST = "day_first"
    MONTH_FIRST = "month_first"
    YEAR_FIRST = "year_first"


class Confirm(StrEnum):
    ALWAYS = "always"
    LOW_CONFIDENCE = "low_confidence"
    NEVER = "never"


class BadValue(Exception):
    """The value does not fit the slot; the message says what would."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One typed value: how to ask for it and what it may be.

    ``read_back`` holds ``{value}`` where the value is to be spoken. ``choices``: value to the other
    ways of saying it. Lengths count digits or characters; amounts lie within minimum and maximum.
    ``is_keypad_only``: the engine is never asked for it. ``is_secret``: its value goes to tools and
    nowhere else (``secrecy``). ``checksum``: how the number checks itself.
    """

    name: str
    kind: SlotKind
    description: str
    ask: Prompt
    reprompts: tuple[Prompt, ...] = ()
    read_back: Prompt | None = None
    confirm: Confirm = Confirm.LOW_CONFIDENCE
    min_length: int = 1
    max_length: int = 20
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    currency: str = "USD"
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    dates: DateRange = DateRange.ANY
    date_order: DateOrder = DateOrder.DAY_FIRST
    is_keypad_only: bool = False
    is_secret: bool = False
    checksum: Checksum = Checksum.NONE

    @property
    def max_keys(self) -> int:
        """How many DTMF digits fill it at most; 0 when the keypad cannot fill it."""
        match self.kind:
            case SlotKind.DIGITS:
                return self.max_length
            case SlotKind.CHOICE:
                return 1 if len(self.choices) <= 9 else 0
            case _:
                return _KEYS.get(self.kind, 0)


def check(slot: Slot, value: Json, today: date | None = None) -> SlotValue:
    """The value in its own form, or BadValue; without ``today`` a date may lie anywhere."""
    match slot.kind:
        case SlotKind.YES_NO:
            if value is True or value is False:
                return bool(value)
            raise BadValue("true or false")
        case SlotKind.CHOICE:
            if isinstance(value, str) and value in slot.choices:
                return str(value)
            raise BadValue(f"one of {', '.join(slot.choices)}")
    if not isinstance(value, str):
        raise BadValue("a string")
    return _check_text(slot, value, today)


def _check_text(slot: Slot, text: str, today: date | None) -> str:
    match slot.kind:
        case SlotKind.DIGITS:
            if not (text.isascii() and text.isdigit()):
                raise BadValue("digits only")
            _check_length(slot, text, "digits")
            if not passes(slot.checksum, text):
                raise BadValue("a number whose check digit is right")
        case SlotKind.AMOUNT:
            _check_amount(slot, text)
        case SlotKind.DATE:
            _check_date(slot, text, today)
        case SlotKind.TIME:
            if not _TIME.fullmatch(text):
                raise BadValue("a time like 14:30")
        case SlotKind.NAME | SlotKind.FREE_TEXT:
            text = text.strip()
            _check_length(slot, text, "characters")
        case SlotKind.EMAIL:
            text = text.strip().lower()
            if len(text) > _MAX_MAIL_CHARS or not _MAIL.fullmatch(text):
                raise BadValue("an e-mail address like anna@example.com")
        case SlotKind.CODE:
            text = re.sub(r"[\s-]+", "", text).upper()
            if not (text.isascii() and text.isalnum()):
                raise BadValue("letters and digits only")
            _check_length(slot, text, "letters and digits")
            if not passes(slot.checksum, text):
                raise BadValue("a number whose check digits are right")
    return text


def _check_length(slot: Slot, value: str, unit: str) -> None:
    if not slot.min_length <= len(value) <= slot.max_length:
        least, most = slot.min_length, slot.max_length
        raise BadValue(f"{least} {unit}" if least == most else f"{least} to {most} {unit}")


def _check_amount(slot: Slot, value: str) -> None:
    if not _AMOUNT.fullmatch(value):
        raise BadValue("an amount like 240.50")
    amount = Decimal(value)
    if slot.minimum is not None and amount < slot.minimum:
        raise BadValue(f"at least {slot.minimum}")
    if slot.maximum is not None and amount > slot.maximum:
        raise BadValue(f"at most {slot.maximum}")


def _check_date(slot: Slot, value: str, today: date | None) -> None:
    if not _DATE.fullmatch(value):
        raise BadValue("a date like 2026-11-21")
    try:
        day = date.fromisoformat(value)
    except ValueError:
        raise BadValue("a day of the calendar") from None
    if today is None:
        return
    if slot.dates is DateRange.PAST and day >= today:
        raise BadValue("a day in the past")
    if slot.dates is DateRange.FUTURE and day <= today:
        raise BadValue("a day in the future")


def in_words(slot: Slot, value: SlotValue) -> str:
    """The value as a voice reads it back; of a secret, its last four characters."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if slot.is_secret:
        return f"a number ending in {say_code(value[-4:])}"
    match slot.kind:
        case SlotKind.DIGITS:
            return say_digits(value)
        case SlotKind.AMOUNT:
            return say_amount(value, slot.currency)
        case SlotKind.DATE:
            return say_date(value)
        case SlotKind.TIME:
            return say_time(value)
        case SlotKind.CODE:
            return say_code(value)
        case SlotKind.EMAIL:
            return say_email(value)
        case SlotKind.CHOICE:
            return value.replace("_", " ")
        case _:
            return value


def property_schema(slot: Slot) -> dict[str, Any]:
    """The slot's JSON Schema, without annotations."""
    match slot.kind:
        case SlotKind.DIGITS:
            least, most = slot.min_length, slot.max_length
            count = f"{least}" if least == most else f"{least},{most}"
            return {"type": "string", "pattern": f"^[0-9]{{{count}}}$"}
        case SlotKind.AMOUNT:
            return {"type": "string", "pattern": r"^[0-9]{1,9}\.[0-9]{2}$"}
        case SlotKind.DATE:
            return {"type": "string", "format": "date"}
        case SlotKind.TIME:
            return {"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$"}
        case SlotKind.YES_NO:
            return {"type": "boolean"}
        case SlotKind.CHOICE:
            return {"type": "string", "enum": list(slot.choices)}
        case SlotKind.NAME | SlotKind.FREE_TEXT:
            return {"type": "string", "minLength": slot.min_length, "maxLength": slot.max_length}
        case SlotKind.EMAIL:
            return {"type": "string", "format": "email", "maxLength": _MAX_MAIL_CHARS}
        case SlotKind.CODE:
            return {
                "type": "string",
                "pattern": f"^[A-Z0-9]{{{slot.min_length},{slot.max_length}}}$",
            }
