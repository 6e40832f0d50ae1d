"""Slot values: what fits, what the keypad means, how it is read back."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from trunkline.flows.keypad import from_keypad
from trunkline.flows.prompts import compile_prompt
from trunkline.flows.slots import (
    BadValue,
    Slot,
    SlotKind,
    check,
    in_words,
    property_schema,
)

ASK = compile_prompt("Which?")
SLOTS = {
    "digits": Slot("d", SlotKind.DIGITS, "digits", ASK, min_length=8, max_length=8),
    "some_digits": Slot("d", SlotKind.DIGITS, "digits", ASK, min_length=3, max_length=6),
    "amount": Slot("a", SlotKind.AMOUNT, "amount", ASK, minimum=Decimal(1), maximum=Decimal(5000)),
    "date": Slot("t", SlotKind.DATE, "date", ASK),
    "time": Slot("t", SlotKind.TIME, "time", ASK),
    "yes_no": Slot("y", SlotKind.YES_NO, "answer", ASK),
    "choice": Slot("c", SlotKind.CHOICE, "fuel", ASK, choices={"gas": (), "power": ("current",)}),
    "name": Slot("n", SlotKind.NAME, "name", ASK, max_length=10),
}


@pytest.mark.parametrize(
    ("slot", "value"),
    [
        ("digits", "44172908"), ("some_digits", "123"), ("amount", "1.00"), ("amount", "5000.00"),
        ("date", "2026-02-28"), ("time", "23:59"), ("yes_no", True), ("yes_no", False),
        ("choice", "gas"), ("name", "Ada"),
    ],
)  # fmt: skip
def test_a_good_value_is_taken_as_it_is(slot: str, value: object) -> None:
    assert check(SLOTS[slot], value) == value


@pytest.mark.parametrize(
    ("slot", "value"),
    [
        ("digits", "4417290"), ("digits", "4417290a"), ("digits", "٤٤١٧٢٩٠٨"), ("digits", 44172908),
        ("digits", None), ("amount", "0.99"), ("amount", "5000.01"), ("amount", "12.5"),
        ("amount", "-1.00"), ("amount", "1e3"), ("date", "2026-02-30"), ("date", "20260228"),
        ("time", "24:00"), ("time", "8:30"), ("yes_no", "yes"), ("yes_no", 1), ("choice", "coal"),
        ("choice", ["gas"]), ("name", "   "), ("name", "x" * 11),
    ],
)  # fmt: skip
def test_a_bad_value_is_refused_in_words_that_say_what_would_do(slot: str, value: object) -> None:
    with pytest.raises(BadValue, match=r"\w"):
        check(SLOTS[slot], value)


@pytest.mark.parametrize(
    ("slot", "keys", "value"),
    [
        ("digits", "44172908", "44172908"), ("amount", "182*40", "182.40"),
        ("amount", "182", "182.00"), ("amount", "12*5", "12.50"), ("amount", "007*00", "7.00"),
        ("yes_no", "1", True), ("yes_no", "2", False), ("choice", "2", "power"),
    ],
)  # fmt: skip
def test_the_keypad_fills_a_slot(slot: str, keys: str, value: object) -> None:
    assert from_keypad(SLOTS[slot], keys) == value


@pytest.mark.parametrize(
    ("slot", "keys"),
    [
        ("digits", "1"), ("digits", "*"), ("amount", "*"), ("amount", "1*234"), ("amount", "1*2*3"),
        ("amount", ""), ("yes_no", "3"), ("choice", "3"), ("choice", "0"), ("date", "31022026"),
        ("name", "23"),
    ],
)  # fmt: skip
def test_keys_that_mean_nothing_for_a_slot_are_refused(slot: str, keys: str) -> None:
    with pytest.raises(BadValue):
        from_keypad(SLOTS[slot], keys)


@given(st.sampled_from(sorted(SLOTS)), st.text(alphabet="0123456789*#ABCD", max_size=12))
def test_whatever_is_keyed_is_a_fitting_value_or_refused(slot: str, keys: str) -> None:
    try:
        value = from_keypad(SLOTS[slot], keys)
    except BadValue:
        return
    assert check(SLOTS[slot], value) == value
    Draft202012Validator(property_schema(SLOTS[slot])).validate(value)


@given(st.sampled_from(sorted(SLOTS)), st.one_of(st.text(max_size=12), st.booleans(), st.none()))
def test_the_schema_the_engine_gets_never_refuses_what_the_flow_takes(
    slot: str, value: object
) -> None:
    try:
        taken = check(SLOTS[slot], value)
    except BadValue:
        return
    Draft202012Validator(property_schema(SLOTS[slot])).validate(taken)


def test_values_are_read_back_as_people_say_them() -> None:
    assert in_words(SLOTS["digits"], "44172908") == "four four one seven, two nine zero eight"
    assert in_words(SLOTS["amount"], "12.50") == "twelve dollars and fifty cents"
    assert in_words(SLOTS["yes_no"], True) == "yes"
    assert re.fullmatch(r"[a-z ]+", in_words(SLOTS["time"], "09:05"))
