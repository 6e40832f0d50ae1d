"""Keyed-in entries end by terminator, length or time; a ``#`` too many is no entry."""

from __future__ import annotations

from trunkline.calls.digits import DigitEntry
from trunkline.flows.actions import DigitGathering

EIGHT = DigitGathering(min_digits=8, max_digits=8, inter_digit_ms=3000)
FREE = DigitGathering(min_digits=2, max_digits=6, inter_digit_ms=3000)
MENU = DigitGathering(min_digits=1, max_digits=1)


def pressed(entry: DigitEntry, digits: str) -> list[str | None]:
    return [entry.press(digit, 100.0 * i) for i, digit in enumerate(digits)]


def test_an_entry_ends_at_its_length() -> None:
    assert pressed(DigitEntry(EIGHT), "44172908") == [*[None] * 7, "44172908"]


def test_an_entry_ends_at_its_terminator_once_it_is_long_enough() -> None:
    assert pressed(DigitEntry(FREE), "12#") == [None, None, "12"]
    assert pressed(DigitEntry(FREE), "1#") == [None, None]


def test_an_entry_ends_when_the_caller_stops() -> None:
    entry = DigitEntry(FREE)
    pressed(entry, "12")
    assert entry.expire(3000) is None
    assert entry.expire(3100) == "12"


def test_a_terminator_after_a_full_entry_is_swallowed_for_a_while() -> None:
    entry = DigitEntry(EIGHT)
    pressed(entry, "44172908")
    spare = entry.spare_terminator("8")
    assert spare is not None
    assert spare.swallows("#", 1000)
    assert not spare.swallows("5", 1000)
    assert not spare.swallows("#", 60_000)


def test_nothing_is_spare_after_the_terminator_or_in_a_menu() -> None:
    entry = DigitEntry(FREE)
    pressed(entry, "12#")
    assert entry.spare_terminator("#") is None
    menu = DigitEntry(MENU)
    pressed(menu, "1")
    assert menu.spare_terminator("1") is None
