"""Yes and no."""

from __future__ import annotations

import pytest

from trunkline.domain.spoken.answers import NO_PHRASES, YES_PHRASES, answer_within
from trunkline.domain.spoken.english import leading_answer, parse_yes_no


@pytest.mark.parametrize("phrase", YES_PHRASES)
def test_every_way_to_say_yes_is_a_yes(phrase: str) -> None:
    assert parse_yes_no(phrase) is True
    assert parse_yes_no(f"um {phrase} thank you") is True


@pytest.mark.parametrize("phrase", NO_PHRASES)
def test_every_way_to_say_no_is_a_no(phrase: str) -> None:
    assert parse_yes_no(phrase) is False
    assert parse_yes_no(f"oh {phrase} please") is False


@pytest.mark.parametrize("text", ["yes no", "yes elephants", "", "maybe", "no it's four"])
def test_anything_else_is_neither(text: str) -> None:
    assert parse_yes_no(text) is None


def test_an_answer_at_the_start_leaves_the_rest() -> None:
    assert leading_answer("No, it's four one.") == (False, "it's four one")
    assert leading_answer("yeah that's right") == (True, "")
    assert leading_answer("four one") == (None, "four one")
    assert leading_answer("um no not that") == (False, "not that")


@pytest.mark.parametrize(
    ("text", "answer"),
    [("yes call me on this one", True), ("um no use my cell phone", False),
     ("i want my money back yes", True), ("yes please", True), ("of course i'll come", True),
     ("no problem i'll be there", True), ("yes it isn't no", None), ("i am calling about it", None),
     ("no no i told you to put the shoes in the hall", None), ("put it on the table", None)],
)  # fmt: skip
def test_a_short_answer_may_have_more_words_than_yes_or_no(text: str, answer: bool | None) -> None:
    assert answer_within(text) is answer
