"""Digit strings as callers read them out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.domain.spoken.english import (
    digit_groups,
    digit_readings,
    parse_digits,
    say_digits,
)


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("double four one seven two nine oh eight", "44172908"),
        ("it's four four one seven, two nine zero eight please", "44172908"),
        ("triple seven", "777"),
        ("double oh seven", "007"),
        ("twenty nine", "29"),
        ("nineteen eighty", "1980"),
        ("four hundred", "400"),
        ("4417 2908", "44172908"),
        ("um five", "5"),
        ("double twenty", "2020"),
    ],
)
def test_digits_are_read_as_people_say_them(text: str, digits: str) -> None:
    assert parse_digits(text) == digits


@pytest.mark.parametrize("text", ["seventeen elephants", "double trouble", "", "hello", "four of"])
def test_a_word_left_over_means_no_value(text: str) -> None:
    assert parse_digits(text) is None


def test_the_wanted_length_chooses_between_readings() -> None:
    assert digit_readings("five twenty nine") == ("529", "5209")
    assert parse_digits("five twenty nine", min_length=4, max_length=4) == "5209"


def test_an_opening_oh_may_be_a_sigh() -> None:
    assert parse_digits("oh four four one", min_length=3, max_length=3) == "441"
    assert parse_digits("oh four four one", min_length=4, max_length=4) == "0441"


def test_a_slots_own_words_are_passed_over() -> None:
    text = "my account number is one two three"
    assert parse_digits(text) is None
    assert parse_digits(text, slot_words={"account", "number"}) == "123"


@given(st.text("0123456789", min_size=1, max_size=24))
def test_digits_survive_being_said_and_heard(digits: str) -> None:
    assert parse_digits(say_digits(digits)) == digits
    assert "".join(digit_groups(digits)) == digits


@given(st.text("0123456789", min_size=1, max_size=12), st.data())
def test_doubles_and_triples_say_the_same_number(digits: str, data: st.DataObject) -> None:
    words, position = [], 0
    while position < len(digits):
        run = 1
        while position + run < len(digits) and digits[position + run] == digits[position]:
            run += 1
        taken = data.draw(st.integers(1, min(run, 3)))
        prefix = {1: [], 2: ["double"], 3: ["triple"]}[taken]
        words += [*prefix, say_digits(digits[position])]
        position += taken
    assert digits in digit_readings(" ".join(words))


def test_only_decimal_digits_can_be_said() -> None:
    with pytest.raises(ValueError, match="decimal digits"):
        say_digits("12a")
