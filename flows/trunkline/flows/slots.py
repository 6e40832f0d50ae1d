"""Slots: what a collect step fills, how a value is checked, and what the keypad means for it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, TypeAlias

from trunkline.domain.events import Json
from trunkline.flows.prompts import Prompt
from trunkline.flows.spoken_filters import say_amount, say_date, say_digits, say_time

SlotValue: TypeAlias = str | bool
MAX_TEXT_CHARS: Final = 500
_MAX_AMOUNT_KEYS: Final = 9
_AMOUNT: Final = re.compile(r"[0-9]{1,9}\.[0-9]{2}", re.ASCII)
_KEYED_AMOUNT: Final = re.compile(r"(?=[0-9*]*[0-9])([0-9]*)(?:\*([0-9]{0,2}))?", re.ASCII)
_TIME: Final = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]", re.ASCII)
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


class SlotKind(StrEnum):
    DIGITS = "digits"
    AMOUNT = "amount"
    DATE = "date"
    TIME = "time"
    YES_NO = "yes_no"
    CHOICE = "choice"
    NAME = "name"
    FREE_TEXT = "free_text"


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

    @property
    def max_keys(self) -> int:
        """How many DTMF digits fill it at most; 0 when the keypad cannot fill it."""
        match self.kind:
            case SlotKind.DIGITS:
                return self.max_length
            case SlotKind.AMOUNT:
                return _MAX_AMOUNT_KEYS
            case SlotKind.YES_NO:
                return 1
            case SlotKind.CHOICE:
                return 1 if len(self.choices) <= 9 else 0
            case _:
                return 0


def check(slot: Slot, value: Json) -> SlotValue:
    """The value in its own form, or BadValue."""
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
    return _check_text(slot, value)


def _check_text(slot: Slot, text: str) -> str:
    match slot.kind:
        case SlotKind.DIGITS:
            if not (text.isascii() and text.isdigit()):
                raise BadValue("digits only")
            _check_length(slot, text, "digits")
        case SlotKind.AMOUNT:
            _check_amount(slot, text)
        case SlotKind.DATE:
            _check_date(text)
        case SlotKind.TIME:
            if not _TIME.fullmatch(text):
                raise BadValue("a time like 14:30")
        case SlotKind.NAME | SlotKind.FREE_TEXT:
            text = text.strip()
            _check_length(slot, text, "characters")
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


def _check_date(value: str) -> None:
    if not _DATE.fullmatch(value):
        raise BadValue("a date like 2026-11-21")
    try:
        date.fromisoformat(value)
    except ValueError:
        raise BadValue("a day of the calendar") from None


def from_keypad(slot: Slot, digits: str) -> SlotValue:
    """What DTMF digits mean for the slot, or BadValue.

    An amount is keyed with ``*`` for the point; yes is 1 and no is 2; a choice is its place.
    """
    match slot.kind:
        case SlotKind.DIGITS:
            return check(slot, digits)
        case SlotKind.AMOUNT:
            keyed = _KEYED_AMOUNT.fullmatch(digits)
            if keyed is None:
                raise BadValue("an amount, with * for the point")
            return check(slot, f"{int(keyed[1] or 0)}.{keyed[2] or '':0<2}")
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


def in_words(slot: Slot, value: SlotValue) -> str:
    """The value as a voice reads it back."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    match slot.kind:
        case SlotKind.DIGITS:
            return say_digits(value)
        case SlotKind.AMOUNT:
            return say_amount(value, slot.currency)
        case SlotKind.DATE:
            return say_date(value)
        case SlotKind.TIME:
            return say_time(value)
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
