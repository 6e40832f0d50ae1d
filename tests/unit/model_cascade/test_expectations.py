"""What tools lead the recogniser to expect."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.model_cascade.builders import AGENT, BALANCE, COLLECT_ACCOUNT, collect, slot

from trunkline.domain.spoken.answers import parse_yes_no
from trunkline.model.cascade.automaton import START, Builder, Grammar
from trunkline.model.cascade.expectations import OPEN, expectations, expected_focuses
from trunkline.model.cascade.slots import understand
from trunkline.model.cascade.tool_annotations import read_tools

TODAY = date(2026, 11, 21)


def says(grammar: Grammar, text: str) -> bool:
    return grammar.accepts(text.split())


ASK = "ask:collect_account.account"
CONFIRM = "confirm:collect_account.account"


def test_digits_of_the_declared_length_are_in_the_grammar() -> None:
    grammar = expectations([COLLECT_ACCOUNT])[ASK].grammar
    assert says(grammar, "double four one seven two nine oh eight")
    assert says(grammar, "it's four four one seven twenty nine oh eight")
    assert not says(grammar, "four four one seven two nine oh eight five")


def test_a_confirmation_listens_for_yes_no_and_a_correction() -> None:
    grammar = expectations([COLLECT_ACCOUNT, AGENT])[CONFIRM].grammar
    assert says(grammar, "yes")
    assert says(grammar, "that's not right")
    assert says(grammar, "no it's one two three four five six seven eight")
    assert says(grammar, "operator please")


def test_declared_phrases_are_expected_in_every_focus() -> None:
    for expectation in expectations([COLLECT_ACCOUNT, BALANCE]).values():
        assert says(expectation.grammar, "what is my balance")
        assert "balance" in expectation.words


def test_prompt_and_keywords_are_expected_too() -> None:
    found = expectations([], prompt="upgrade my plan, cancel my plan", keywords=["brightwater"])
    assert says(found[OPEN].grammar, "cancel my plan")
    assert says(found[OPEN].grammar, "brightwater")


def test_a_prompt_may_hold_a_sentence_a_line() -> None:
    lines = "You owe one hundred and two dollars, due on Tuesday.\nYou owe nothing."
    grammar = expectations([], prompt=lines)[OPEN].grammar
    assert says(grammar, "you owe one hundred and two dollars due on tuesday")


def test_a_prompt_of_prose_and_a_tool_without_examples_leave_speech_free() -> None:
    prose = "Expect words related to technology, and names of people from many countries."
    weather = {"type": "function", "name": "get_weather", "description": "Get the weather"}
    assert expectations([weather], prompt=prose) == {}


def test_open_speech_has_no_expectation() -> None:
    assert expectations([]) == {}
    note = collect("collect_note", note=slot("free_text", "note"))
    assert "ask:collect_note.note" not in expectations([note, AGENT])


@pytest.mark.parametrize(
    "tools",
    [[], [AGENT], [COLLECT_ACCOUNT], [COLLECT_ACCOUNT, AGENT],
     [collect("collect_note", note=slot("free_text", "note")), AGENT],
     [collect("c", a=slot("amount", "a"), b=slot("date", "b"))]],
)  # fmt: skip
def test_the_cheap_list_of_focuses_is_the_real_one(tools: list[dict[str, object]]) -> None:
    assert expected_focuses(tools) == expectations(tools).keys()


def test_equal_tools_give_equal_keys_and_other_tools_others() -> None:
    first, again = expectations([COLLECT_ACCOUNT]), expectations([dict(COLLECT_ACCOUNT)])
    assert first[ASK].key == again[ASK].key
    assert first[ASK].key != expectations([COLLECT_ACCOUNT, AGENT])[ASK].key


@pytest.mark.parametrize("kind", ["amount", "date", "time", "number", "digits", "code", "email"])
def test_what_the_grammar_says_the_parser_understands(kind: str) -> None:
    """Nearly every sample of a slot's grammar has a value (some days are not in the calendar)."""
    tool = collect("collect_it", it=slot(kind, "it", min_length=1, max_length=12))
    [asked] = read_tools([tool]).slots
    grammar = expectations([tool])["ask:collect_it.it"].grammar
    samples = list(grammar.sentences(400, seed=7))
    values = [text for text in samples if parse_yes_no(text) is None and "no" not in text.split()]
    lost = [text for text in values if understand(asked, text, TODAY) is None]
    assert len(lost) / len(values) < 0.07, lost


@given(st.lists(st.lists(st.sampled_from("abc"), min_size=1, max_size=4), min_size=1, max_size=6))
def test_an_automaton_says_and_accepts_exactly_its_phrases(phrases: list[list[str]]) -> None:
    builder = Builder()
    end = builder.state()
    for phrase in phrases:
        builder.phrase(START, end, " ".join(phrase))
    grammar = builder.finish(end)
    assert all(grammar.accepts(phrase) for phrase in phrases)
    assert {tuple(text.split()) for text in grammar.sentences(50)} <= set(map(tuple, phrases))
    assert not says(grammar, "d")


def test_dead_ends_are_cut_and_weights_sum_to_one() -> None:
    builder = Builder()
    end, nowhere = builder.state(), builder.state()
    builder.word(START, end, "yes", 3)
    builder.word(START, end, "no", 1)
    builder.word(START, nowhere, "maybe", 9)
    grammar = builder.finish(end)
    assert {(word, weight) for _, _, weight, word in grammar.arcs} == {("yes", 0.75), ("no", 0.25)}
