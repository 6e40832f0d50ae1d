"""What people say round a value changes nothing about it."""

from __future__ import annotations

from datetime import date

import pytest
from tests.unit.model_cascade.builders import collect, slot

from trunkline.model.cascade.dialogue_state import CallTool
from trunkline.model.cascade.expectations import expectations
from trunkline.model.cascade.planner import Planner
from trunkline.model.cascade.slots import understand
from trunkline.model.cascade.tool_annotations import read_tools
from trunkline.model.cascade.value_carriers import DENIALS, leads, tails
from trunkline.model.engine import HistoryItem, ItemRole

TODAY = date(2026, 11, 21)

SAID = [
    ("time", "could we do half past three if possible", "15:30"),
    ("time", "i'd like the eleven o'clock one please", "11:00"),
    ("time", "fifteen thirty would be good", "15:30"),
    ("time", "how about a quarter to nine in the morning", "08:45"),
    ("time", "can we make it around ten", "10:00"),
    ("date", "i can come on the fourth of december", "2026-12-04"),
    ("date", "how about next monday if that's okay", "2026-11-23"),
    ("amount", "i'd like to pay fifty dollars please", "50.00"),
    ("amount", "make it twenty dollars and ten cents then", "20.10"),
    ("digits", "that would be four one two seven that's it", "4127"),
    ("code", "it would be k seven two p nine i believe", "K72P9"),
    ("email", "you can send it to anna dot lee at example dot com", "anna.lee@example.com"),
]


@pytest.mark.parametrize(("kind", "said", "value"), SAID)
def test_a_value_is_understood_with_what_stands_round_it(kind: str, said: str, value: str) -> None:
    [asked] = read_tools([collect("c", it=slot(kind, "it"))]).slots
    reading = understand(asked, said, TODAY)
    assert reading is not None
    assert reading.value == value


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("time", "i would like to speak to somebody"),
        ("time", "could we do it one of these days"),
        ("amount", "the full thing about my neighbour"),
        ("date", "i was thinking of the garden"),
        ("digits", "it would be two of the blue ones"),
    ],
)
def test_a_sentence_that_says_something_else_has_no_value(kind: str, said: str) -> None:
    [asked] = read_tools([collect("c", it=slot(kind, "it"))]).slots
    assert understand(asked, said, TODAY) is None


def test_a_birthday_is_led_like_a_fact_and_an_appointment_like_a_wish() -> None:
    assert "i was born on" in leads("date", is_past=True)
    assert "i was born on" not in leads("date")
    assert "if possible" in tails("date")
    assert "if possible" not in tails("date", is_past=True)


@pytest.mark.parametrize("kind", ["time", "amount", "date", "digits", "name", "email", "code"])
def test_the_grammar_says_what_stands_round_a_value(kind: str) -> None:
    grammar = expectations([collect("c", it=slot(kind, "it"))])["ask:c.it"].grammar
    for phrase in (*leads(kind), *tails(kind)):
        assert grammar.words.issuperset(phrase.split()), phrase


@pytest.mark.parametrize("denial", DENIALS)
def test_a_denial_is_followed_by_the_right_value(denial: str) -> None:
    tool = collect("c", it=slot("digits", "it", min_length=6, max_length=6))
    planner = Planner([tool], TODAY)
    question = getattr(planner.plan((), "auto").move, "text", "")
    history = [HistoryItem("a", ItemRole.ASSISTANT, question)]
    history.append(HistoryItem("u", ItemRole.USER, "one two three four five six", confidence=0.5))
    read_back = planner.plan(history, "auto")
    said = f"{denial} one two three four five seven"
    assert expectations([tool])[read_back.after.focus].grammar.accepts(said.split())
    history.append(HistoryItem("b", ItemRole.ASSISTANT, getattr(read_back.move, "text", "")))
    history.append(HistoryItem("v", ItemRole.USER, said, confidence=0.95))
    assert planner.plan(history, "auto").move == CallTool("c", {"it": "123457"})
