"""Times of day."""

from __future__ import annotations

from datetime import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.domain.spoken.english import parse_time, say_time


@pytest.mark.parametrize(
    ("text", "clock"),
    [
        ("half past two", time(14, 30)),
        ("ten thirty", time(10, 30)),
        ("a quarter to five pm", time(16, 45)),
        ("quarter past nine", time(9, 15)),
        ("five o'clock", time(17)),
        ("noon", time(12)),
        ("midnight", time(0)),
        ("ten oh five in the morning", time(10, 5)),
        ("fourteen thirty", time(14, 30)),
        ("10:30 a.m.", time(10, 30)),
        ("twenty past four", time(16, 20)),
        ("5pm", time(17)),
        ("eight p m", time(20)),
        ("at seven in the evening please", time(19)),
        ("twelve in the afternoon", time(12)),
        ("five to one", time(12, 55)),
        ("ten to twelve at night", time(23, 50)),
        ("03:15", time(3, 15)),
    ],
)
def test_times_are_read_as_people_say_them(text: str, clock: time) -> None:
    assert parse_time(text) == clock


@pytest.mark.parametrize("text", ["twenty five o'clock", "ten seventy", "", "quarter", "soon"])
def test_what_is_no_time_has_no_value(text: str) -> None:
    assert parse_time(text) is None


@given(st.times())
def test_a_time_survives_being_said_and_heard(clock: time) -> None:
    clock = clock.replace(second=0, microsecond=0)
    assert parse_time(say_time(clock)) == clock
