"""Number words both ways."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.domain.spoken.english import (
    parse_cardinal,
    parse_ordinal,
    say_cardinal,
    say_ordinal,
    say_year,
)
from trunkline.domain.spoken.numerals import parse_year


@given(st.integers(0, 999_999_999))
def test_a_number_survives_being_said_and_heard(value: int) -> None:
    assert parse_cardinal(say_cardinal(value).split()) == value


@given(st.integers(1, 99))
def test_an_ordinal_survives_being_said_and_heard(value: int) -> None:
    assert parse_ordinal(say_ordinal(value).split()) == value


@given(st.integers(1900, 2099))
def test_a_year_survives_being_said_and_heard(year: int) -> None:
    assert parse_year(say_year(year).split()) == year


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a hundred and five", 105),
        ("twelve hundred", 1200),
        ("two thousand and one", 2001),
        ("one million two hundred thousand", 1_200_000),
        ("182", 182),
    ],
)
def test_numbers_are_read_as_people_say_them(text: str, value: int) -> None:
    assert parse_cardinal(text.split()) == value


@pytest.mark.parametrize(
    "text", ["", "two two", "hundred", "thousand two", "five six hundred", "a"]
)
def test_what_is_no_number_has_no_value(text: str) -> None:
    assert parse_cardinal(text.split()) is None
