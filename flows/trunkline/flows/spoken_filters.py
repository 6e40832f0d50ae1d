"""Values into the words a voice should say: the filters a prompt may use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Final

from trunkline.domain.events import Json
from trunkline.domain.spoken.amounts import DOLLARS, EUROS, POUNDS, Currency
from trunkline.domain.spoken.amounts import say_amount as amount_in_words
from trunkline.domain.spoken.dates import say_date as date_in_words
from trunkline.domain.spoken.digits import say_digits as digits_in_words
from trunkline.domain.spoken.times import say_time as time_in_words

CURRENCIES: Final[Mapping[str, Currency]] = {"USD": DOLLARS, "GBP": POUNDS, "EUR": EUROS}


def say_digits(value: Json) -> str:
    """ "44172908" as "four four one seven, two nine zero eight"; ValueError for anything else."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise ValueError("say_digits takes a string of digits")
    return digits_in_words(value)


def say_amount(value: Json, currency: str = "USD") -> str:
    """182.4 or "182.40" as "one hundred and eighty two dollars and forty cents"."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise ValueError("say_amount takes a number")
    return amount_in_words(f"{Decimal(str(value)):.2f}", CURRENCIES[currency])


def say_date(value: Json, today: Json = None) -> str:
    """An ISO date; with ``today`` the year is left out when it is the same."""
    return date_in_words(_date(value), None if today is None else _date(today))


def say_time(value: Json) -> str:
    """ "08:30" as "eight thirty in the morning"."""
    if isinstance(value, time):
        return time_in_words(value)
    if not isinstance(value, str):
        raise ValueError("say_time takes HH:MM")
    return time_in_words(time.fromisoformat(value))


def _date(value: Json) -> date:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    if not isinstance(value, str):
        raise ValueError("say_date takes an ISO date")
    return date.fromisoformat(value)


SPOKEN_FILTERS: Final[Mapping[str, Callable[..., Any]]] = {
    "say_digits": say_digits,
    "say_amount": say_amount,
    "say_date": say_date,
    "say_time": say_time,
}
