"""Wishes in other words than the declared ones."""

from __future__ import annotations

import pytest

from trunkline.model.cascade.intents import match_intent
from trunkline.model.cascade.tool_annotations import Intent

INTENTS = (
    Intent("balance", "your balance", "", ("what is my balance", "how much do i owe")),
    Intent("payment", "a payment", "", ("pay my bill", "make a payment")),
    Intent("hours", "opening hours", "", ("when are you open", "opening hours")),
    Intent("person", "a person", "", ("talk to a person", "operator")),
)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("what is my balance", "balance"),
        ("could you tell me my balance please", "balance"),
        ("i'd like to know how much i owe you", "balance"),
        ("can i pay the bill now", "payment"),
        ("are you open tomorrow", "hours"),
        ("is there a person i can talk to", "person"),
        ("Operator!", "person"),
    ],
)
def test_paraphrases_find_their_intent(text: str, name: str) -> None:
    match = match_intent(text, INTENTS)
    assert match is not None
    assert match.name == name


@pytest.mark.parametrize("text", ["", "can you please do that", "order a pizza", "um"])
def test_what_nobody_declared_finds_none(text: str) -> None:
    assert match_intent(text, INTENTS) is None


def test_a_declared_phrase_is_exact() -> None:
    match = match_intent("um pay my bill", INTENTS)
    assert match is not None
    assert match.is_exact


def test_of_two_as_likely_as_each_other_the_first_is_found_with_its_rival() -> None:
    twins = (Intent("a", "", "", ("red door",)), Intent("b", "", "", ("red door",)))
    match = match_intent("that red door", twins)
    assert match is not None
    assert (match.name, match.has_rival) == ("a", True)
