"""Names as callers say and spell them."""

from __future__ import annotations

import pytest
from tests.unit.model_cascade.builders import collect, slot

from trunkline.model.cascade.expectations import expectations
from trunkline.model.cascade.spoken_names import parse_name


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("my name is sarah mitchell", "Sarah Mitchell"),
        ("yes it's sarah mitchell please", "Sarah Mitchell"),
        ("no i said sarah mitchell", "Sarah Mitchell"),
        ("sarah mitchell that's m i t c h e l l", "Sarah Mitchell"),
        ("sara mitchell s a r a h", "Sarah Mitchell"),
        ("tom browne spelled b r o w n e", "Tom Browne"),
        ("s a r a h m i t c h e l l", "Sarah Mitchell"),
        ("j for john o n e s", "Jones"),
        ("m as in mary a y", "May"),
        ("mike india kilo echo", "Mike"),
        ("mike brown", "Mike Brown"),
        ("tom j brown", "Tom J Brown"),
        ("double o k a f o r", "Ookafor"),
    ],
)
def test_a_name_is_what_was_said_and_spelling_wins(said: str, name: str) -> None:
    assert parse_name(said) == name


@pytest.mark.parametrize("said", ["", "42", "one of the many things that i told your friend"])
def test_what_is_no_name_is_none(said: str) -> None:
    assert parse_name(said) is None


def test_a_name_has_a_grammar_of_names_and_of_letters() -> None:
    tool = collect("collect_name", name=slot("name", "name"))
    grammar = expectations([tool])["ask:collect_name.name"].grammar
    for said in (
        "my name is sarah mitchell",
        "sarah mitchell that's m i t c h e l l",
        "s a r a h m i t c h e l l",
        "no it's emma walsh",
        "o for orange k a f o r",
    ):
        assert grammar.accepts(said.split()), said
    samples = list(grammar.sentences(300, seed=3))
    named = [text for text in samples if parse_name(text)]
    assert len(named) > 0.9 * len(samples)
