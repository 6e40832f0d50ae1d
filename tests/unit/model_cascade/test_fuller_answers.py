"""A yes or no with more words."""

from __future__ import annotations

from tests.unit.model_cascade.builders import AGENT, collect, slot

from trunkline.model.cascade.expectations import OFFERED, OPEN, expectations
from trunkline.model.cascade.fuller_answers import echoes_of


def asked() -> dict[str, object]:
    notes = slot("yes_no", "being called back")
    notes["x-trunkline"]["ask"] = "Shall we call you on the number you are calling from?"
    return collect("collect_again", again=notes)


def test_a_question_is_echoed_from_the_other_end_of_the_line() -> None:
    echoes = echoes_of("shall we call you on the number you are calling from")
    assert "call me" not in echoes  # "you" is who speaks: "i"
    assert "the number i am calling from" in echoes
    assert all(2 <= len(echo.split()) <= 6 for echo in echoes)


def test_more_may_be_said_than_yes_or_no() -> None:
    found = expectations([asked(), AGENT])["ask:collect_again.again"]
    assert found.grammar.accepts(["yes", "call", "the", "number"])
    assert found.grammar.accepts(["no", "i", "don't", "want", "that"])
    assert not found.grammar.accepts(["call", "the", "number"])
    assert "yes the number" in found.sentences


def test_everyday_english_is_heard_where_words_are_asked_for_and_not_among_digits() -> None:
    number = collect("collect_account", account=slot("digits", "account number"))
    found = expectations([number, AGENT])
    assert found["ask:collect_account.account"].everyday == 0
    assert found["confirm:collect_account.account"].everyday > 0
    assert expectations([AGENT])[OPEN].everyday > 0


def test_an_offer_is_answered_with_yes_or_no_or_another_wish() -> None:
    grammar = expectations([AGENT])[OFFERED].grammar
    assert grammar.accepts(["yes"])
    assert grammar.accepts(["no", "thanks"])
    assert grammar.accepts(["operator", "please"])
