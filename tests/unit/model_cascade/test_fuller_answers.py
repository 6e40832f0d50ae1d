"""A yes or no with more words."""

from __future__ import annotations

from datetime import date
from typing import Any

from tests.unit.model_cascade.builders import AGENT, Talk, collect, intent, slot

from trunkline.model.cascade.dialogue_state import CallTool, Speak
from trunkline.model.cascade.expectations import OFFERED, OPEN, expectations
from trunkline.model.cascade.fuller_answers import echoes_of
from trunkline.model.cascade.planner import Planner


def planned(talk: Talk, tool: dict[str, Any]) -> Any:
    return Planner([tool], date(2026, 11, 21)).plan(talk.items, "auto").move


def asked() -> dict[str, Any]:
    notes = slot("yes_no", "being called back", {"type": "boolean"})
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


def test_a_doubtful_yes_or_no_is_asked_about_so_that_either_answer_settles_it() -> None:
    for said, confidence in (("yes", 0.5), ("no", 0.5), ("no use my cell phone", 0.65)):
        talk = Talk().agent("Shall we call you on the number you are calling from?")
        talk.caller(said, confidence)
        doubt = planned(talk, asked())
        assert doubt == Speak("Did you say yes?")
        for answer, value in (
            ("no no thanks", False),
            ("no to had", False),
            ("yes not right", True),
        ):
            told = Talk()
            told.items = list(talk.items)
            told.agent(doubt.text).caller(answer, 0.75)
            assert planned(told, asked()) == CallTool("collect_again", {"again": value})


def test_a_clear_yes_or_no_is_taken_at_once() -> None:
    for said, confidence, value in (
        ("yes please", 0.75, True), ("no use my cell phone", 0.75, False), ("nope", 0.95, False),
    ):  # fmt: skip
        talk = Talk().agent("Shall we call you on the number you are calling from?")
        assert planned(talk.caller(said, confidence), asked()) == CallTool(
            "collect_again", {"again": value}
        )


def test_a_choice_that_is_never_read_back_is_where_it_was_hardly_heard() -> None:
    fruit = slot("choice", "fruit", {"type": "string", "enum": ["apple", "plum"]}, confirm="never")
    tool = collect("collect_fruit", fruit=fruit)
    question = planned(Talk(), tool)
    heard = Talk().agent(question.text).caller("a plum", 0.75)
    assert planned(heard, tool) == CallTool("collect_fruit", {"fruit": "plum"})
    hardly = Talk().agent(question.text).caller("a plum", 0.4)
    assert "plum" in planned(hardly, tool).text


def test_an_offer_is_agreed_to_by_a_yes_with_other_words_and_declined_with_another_wish() -> None:
    tools = (
        intent("intent_more", "something else", "yes", "yes please"),
        intent("intent_done", "nothing else", "that is everything"),
        intent("intent_hours", "our opening hours", "when are you open"),
    )
    planner = Planner(tools, date(2026, 11, 21))
    talk = Talk().agent("Is there anything else?").caller("that is everything", 0.5)
    offer = planner.plan(talk.items, "auto").move
    assert offer == Speak("Did you mean nothing else?")
    for answer, wish in (("yes it's like", "done"), ("no when are you open", "hours")):
        told = Talk()
        told.items = list(talk.items)
        told.agent(offer.text).caller(answer, 0.75)
        assert planner.plan(told.items, "auto").move == CallTool(f"intent_{wish}", {})
