"""What a minute costs: prices by the longest prefix of a number, in whole millionths.

Money is an integer number of millionths of the currency, so that a cap is compared exactly.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, Decimal, InvalidOperation
from types import MappingProxyType
from typing import Final

from trunkline.domain.errors import Invalid
from trunkline.domain.trunk import normalise_number

MILLIONTHS: Final = 1_000_000
_MINUTE_S: Final = 60
_BILLING: Final = re.compile(r"([1-9]\d{0,3})\s*/\s*([1-9]\d{0,3})")


@dataclass(frozen=True, slots=True)
class Billing:
    """The first ``first_s`` seconds are paid whole, then every ``then_s`` begun (60/60, 1/1)."""

    first_s: int = 60
    then_s: int = 60

    def billed_s(self, talked_s: float) -> int:
        """Seconds that are paid for so much talk; none for a call that nobody answered."""
        if talked_s <= 0:
            return 0
        beyond_s = max(0.0, talked_s - self.first_s)
        return self.first_s + -int(-beyond_s // self.then_s) * self.then_s


@dataclass(frozen=True, slots=True)
class Price:
    """Millionths a minute."""

    per_minute: int
    billing: Billing = Billing()

    def cost(self, talked_s: float) -> int:
        """Millionths, rounded up."""
        return -(-self.per_minute * self.billing.billed_s(talked_s) // _MINUTE_S)


FREE: Final = Price(0)


@dataclass(frozen=True, slots=True)
class Tariff:
    """A trunk's price list; a number that no prefix names has no price."""

    prices: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    billing: Billing = Billing()

    def price(self, number: str) -> Price | None:
        longest = max(
            (prefix for prefix in self.prices if number.startswith(prefix)), key=len, default=None
        )
        return None if longest is None else Price(self.prices[longest], self.billing)


def as_millionths(amount: float | str | Decimal) -> int:
    """An amount of money, rounded up; Invalid when it is none or below zero."""
    try:
        exact = Decimal(str(amount)) * MILLIONTHS
        if not exact.is_finite() or exact < 0:
            raise InvalidOperation
    except InvalidOperation:
        raise Invalid(f"not an amount of money: {amount!r}", code="bad_amount") from None
    return int(exact.to_integral_value(rounding=ROUND_CEILING))


def as_amount(millionths: int) -> str:
    """For people: ``0.035``, ``12.5``, ``3``."""
    text = f"{Decimal(millionths) / MILLIONTHS:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def as_tariff(prices: Mapping[str, float], billing: str) -> Tariff:
    """A price list as configured; Invalid names the prefix or the billing that is wrong."""
    found = _BILLING.fullmatch(billing.strip())
    if found is None:
        raise Invalid(
            f"billing is {billing!r}; write FIRST/THEN in seconds, for example '60/1'",
            code="bad_billing",
        )
    by_prefix = {normalise_number(prefix): as_millionths(each) for prefix, each in prices.items()}
    return Tariff(MappingProxyType(by_prefix), Billing(int(found[1]), int(found[2])))
