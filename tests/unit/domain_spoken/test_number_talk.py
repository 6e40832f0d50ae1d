"""In which groups a number was said, which part of it was corrected, and whether it checks."""

from __future__ import annotations

import pytest

from trunkline.domain.spoken.checksums import Checksum, passes, passes_iban, passes_luhn
from trunkline.domain.spoken.number_talk import grouped, mended, said_groups


def test_commas_tell_the_callers_groups() -> None:
    said = "four one nine, double two, three zero oh"
    assert said_groups(said, "41922300") == (3, 2, 3)
    assert grouped("41922300", (3, 2, 3)) == ("419", "22", "300")


@pytest.mark.parametrize(
    "said",
    [
        "four one nine two",
        "four one, nine three",
        "one two three four five six, seven",
        ",,",
        "a, b",
    ],
)
def test_no_groups_are_made_up(said: str) -> None:
    assert said_groups(said, "4192" if "four" in said else "1234567") == ()


def test_groups_that_do_not_add_up_are_the_usual_ones() -> None:
    assert grouped("41922300", (3, 2)) == ("4192", "2300")


@pytest.mark.parametrize(
    ("digits", "part", "expected"),
    [
        ("41927730", "7731", "41927731"),  # the group that is nearly so
        ("41927730", "4292", "42927730"),
        ("41927730", "456", None),  # nothing like it
        ("41927730", "7730", None),  # it is so already
        ("11111111", "12", None),  # anywhere
        ("41927730", "3", None),  # one digit could be any
        ("4192", "4193", None),  # the whole number again is no part
    ],
)
def test_a_corrected_part_replaces_what_it_is_most_like(
    digits: str, part: str, expected: str | None
) -> None:
    assert mended(digits, part) == expected


def test_of_two_places_the_group_as_it_was_read_back_wins() -> None:
    assert mended("126126", "129", (3, 3)) is None
    assert mended("9123991235", "1234", (1, 4, 5)) == "9123491235"


def test_check_digits() -> None:
    assert passes_luhn("4539148803436467")
    assert not passes_luhn("4539148803436468")
    assert not passes_luhn("٤٥")
    assert passes_iban("GB82WEST12345698765432")
    assert not passes_iban("GB82WEST12345698765431")
    assert not passes_iban("8282WEST")
    assert passes(Checksum.NONE, "anything")
