"""Calendar dates, absolute and relative."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.domain.spoken.dates import Lean
from trunkline.domain.spoken.english import parse_date, say_date

TODAY = date(2026, 11, 21)  # a Saturday


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("today", date(2026, 11, 21)),
        ("tomorrow please", date(2026, 11, 22)),
        ("the day after tomorrow", date(2026, 11, 23)),
        ("yesterday", date(2026, 11, 20)),
        ("monday", date(2026, 11, 23)),
        ("on saturday", date(2026, 11, 28)),
        ("next tuesday", date(2026, 11, 24)),
        ("last friday", date(2026, 11, 20)),
        ("the third of march", date(2027, 3, 3)),
        ("march third", date(2027, 3, 3)),
        ("december the ninth", date(2026, 12, 9)),
        ("march third twenty twenty seven", date(2027, 3, 3)),
        ("june first nineteen oh five", date(1905, 6, 1)),
        ("the twenty first", date(2026, 11, 21)),
        ("the fifth", date(2026, 12, 5)),
        ("tuesday the twenty fourth of november", date(2026, 11, 24)),
        ("in two weeks", date(2026, 12, 5)),
        ("three days ago", date(2026, 11, 18)),
        ("2027-01-31", date(2027, 1, 31)),
        ("3/4/2027", date(2027, 3, 4)),
        ("december 25", date(2026, 12, 25)),
        ("february twenty ninth", date(2028, 2, 29)),
    ],
)
def test_dates_are_read_as_people_say_them(text: str, day: date) -> None:
    assert parse_date(text, TODAY) == day


@pytest.mark.parametrize(
    "text",
    ["february thirtieth", "the thirty second", "monday elephants", "", "2026-02-30", "five"],
)
def test_what_is_no_day_of_the_calendar_has_no_value(text: str) -> None:
    assert parse_date(text, TODAY) is None


@pytest.mark.parametrize(
    ("lean", "day"),
    [("future", date(2027, 3, 3)), ("past", date(2026, 3, 3)), ("nearest", date(2027, 3, 3))],
)
def test_a_missing_year_is_filled_where_the_slot_leans(lean: Lean, day: date) -> None:
    assert parse_date("march third", TODAY, lean=lean) == day


@given(st.dates(date(1900, 1, 1), date(2099, 12, 31)))
def test_a_date_survives_being_said_and_heard(day: date) -> None:
    assert parse_date(say_date(day), TODAY) == day


@given(st.dates(date(1950, 1, 1), date(2099, 12, 31)), st.integers(0, 6))
def test_a_weekday_is_always_within_the_coming_week(today: date, weekday: int) -> None:
    name = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"][weekday]
    day = parse_date(name, today)
    assert day is not None
    assert day.weekday() == weekday
    assert timedelta(days=1) <= day - today <= timedelta(days=7)


def test_the_year_is_not_said_when_it_is_this_one() -> None:
    assert say_date(date(2026, 11, 24), TODAY) == "Tuesday, November twenty fourth"
