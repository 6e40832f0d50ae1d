"""Amounts of money as callers say them."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.domain.spoken.english import (
    EUROS,
    POUNDS,
    amount_readings,
    parse_amount,
    say_amount,
)


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("two forty fifty", "240.50"),
        ("one eighty two forty", "182.40"),
        ("one hundred and eighty two dollars and forty cents", "182.40"),
        ("a hundred and five dollars", "105.00"),
        ("fifty cents", "0.50"),
        ("a dollar fifty", "1.50"),
        ("twelve hundred dollars", "1200.00"),
        ("forty two fifty", "42.50"),
        ("twelve oh five", "12.05"),
        ("two oh five dollars", "205.00"),
        ("one eighty two point four oh", "182.40"),
        ("fifty bucks please", "50.00"),
        ("$1,234.50", "1234.50"),
        ("182.4", "182.40"),
        ("it's three thousand two hundred dollars", "3200.00"),
    ],
)
def test_amounts_are_read_as_people_say_them(text: str, amount: str) -> None:
    assert parse_amount(text) == amount


def test_an_amount_that_could_be_another_has_two_readings() -> None:
    assert amount_readings("two forty") == ("240.00", "2.40")
    assert amount_readings("two forty dollars") == ("240.00",)


@pytest.mark.parametrize("text", ["seventeen elephants", "", "dollars", "cents fifty", "yes"])
def test_what_is_no_amount_has_no_value(text: str) -> None:
    assert parse_amount(text) is None


def test_other_currencies_have_their_own_words() -> None:
    assert parse_amount("forty two pounds fifty pence", POUNDS) == "42.50"
    assert parse_amount("forty two pounds") is None
    assert say_amount("1.01", EUROS) == "one euro and one cent"


@given(st.decimals(Decimal("0.01"), Decimal("999999.99"), places=2))
def test_an_amount_survives_being_said_and_heard(amount: Decimal) -> None:
    assert parse_amount(say_amount(f"{amount:.2f}")) == f"{amount:.2f}"


@pytest.mark.parametrize("value", ["abc", "NaN", "Infinity"])
def test_what_is_no_amount_cannot_be_said(value: str) -> None:
    with pytest.raises(ValueError, match=r"240\.50"):
        say_amount(value)
