"""Card and identity numbers are found however they are said, and other numbers are left alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from trunkline.domain.spoken.checksums import passes_luhn
from trunkline.flows.guard.identity import (
    could_begin_card,
    find_numbers,
    masked,
    masked_after,
    masked_so_far,
    open_run,
)

WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


def spoken(digits: str) -> str:
    return " ".join(WORDS[int(digit)] for digit in digits)


@pytest.mark.parametrize(
    "number", ["4111111111111111", "5555555555554444", "378282246310005", "6011111111111117"]
)
@pytest.mark.parametrize("say", [str, spoken, lambda digits: "-".join(digits)])
def test_a_card_is_masked_written_or_spoken(number: str, say: Callable[[str], str]) -> None:
    said = say(number)
    assert passes_luhn(number)
    assert masked(f"my card is {said} thanks") == "my card is [number] thanks"


def test_double_and_tens_are_digits_too() -> None:
    said = "double five double five double five double five double five double five forty four "
    assert masked(f"it is {said}double four") == "it is [number]"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("DE89 3704 0044 0532 0130 00", "iban"),
        ("GB82WEST12345698765432", "iban"),
        ("123-45-6789", "social_security"),
    ],
)
def test_other_identity_numbers_are_found(text: str, kind: str) -> None:
    (found,) = find_numbers(f"it is {text}, yes")
    assert (found.kind, f"it is {text}, yes"[found.start : found.end]) == (kind, text)


@pytest.mark.parametrize(
    "text",
    [
        "my account is 44172908",
        "the reading is one two three four five",
        "4111 1111 1111 1112",
        "call +44 20 7946 0958 after five",
        "two hundred and forty dollars and fifty cents",
        "DE88 3704 0044 0532 0130 00",
        "000-12-3456",
    ],
)
def test_what_is_no_such_number_stays(text: str) -> None:
    assert masked(text) == text


def test_a_run_of_digits_at_the_end_may_become_a_card() -> None:
    assert could_begin_card("my card is four one one one one one")
    assert not could_begin_card("four one one one one one that is all")
    assert not could_begin_card("the reading is one two three")


def test_a_number_that_began_in_what_was_said_before_is_found_where_it_ends() -> None:
    assert masked_after("4111 1111", "1111 1111 please") == ("[number] please", True)
    assert masked_after("", "4111 1111 1111 1111") == ("[number]", False)
    assert masked_after("12", "it is 4111 1111 1111 1111") == ("it is [number]", False)
    assert masked_after("4111 1111 1111 1111", "thanks") == ("thanks", False)


def test_digits_that_may_become_a_card_are_hidden_while_they_grow() -> None:
    assert masked_so_far("my card is four one one one one") == "my card is four one one one one"
    assert masked_so_far("my card is four one one one one one") == "my card is [number]"
    assert masked_so_far("it is 4111 1111 1111 1111 yes") == "it is [number] yes"


@pytest.mark.parametrize(
    ("text", "run"),
    [("it is 4111 1111.", "4111 1111"), ("four one", "four one"), ("4111 yes", ""), ("no", "")],
)
def test_the_digits_that_a_text_ends_with_may_go_on(text: str, run: str) -> None:
    assert open_run(text) == run
