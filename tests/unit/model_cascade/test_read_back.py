"""Numbers read back, corrected, keyed in by halves and offered to the keypad."""

from __future__ import annotations

from datetime import date
from typing import Any

from tests.unit.model_cascade.builders import AGENT, Talk, collect, slot

from trunkline.model.cascade.dialogue_state import CallTool, Speak
from trunkline.model.cascade.planner import Planner
from trunkline.model.cascade.triage import BARELY, DOUBTFUL, FAINT, SAME_MEANING, SURE

TODAY = date(2026, 11, 21)
ASK = "What is the number?"
NUMBER = "four one nine two seven seven three zero"
DIGITS = "41927730"
READ_BACK = "I have four one nine two, seven seven three zero. Is that right?"


def number(**notes: Any) -> dict[str, Any]:
    limits = {"min_length": 8, "max_length": 8, "ask": ASK, "keypad": True}
    return collect("number", v=slot("digits", "number", **{**limits, **notes}))


def move(talk: Talk, *tools: Any) -> Any:
    return Planner(tools or (number(), AGENT), TODAY).plan(talk.items, "auto").move


def says(talk: Talk, *tools: Any) -> str:
    found = move(talk, *tools)
    assert isinstance(found, Speak), found
    return found.text


def taken(digits: str) -> CallTool:
    return CallTool("number", {"v": digits})


def test_it_is_read_back_in_the_callers_groups() -> None:
    talk = Talk().agent(ASK).caller("four one nine, two seven, seven three zero", DOUBTFUL)
    assert says(talk) == "I have four one nine, two seven, seven three zero. Is that right?"
    talk.agent(says(talk)).caller("yes")
    assert move(talk) == taken(DIGITS)


def test_a_corrected_group_is_put_in_its_place_and_read_back_again() -> None:
    talk = Talk().agent(ASK).caller(NUMBER, DOUBTFUL)
    talk.agent(READ_BACK).caller("no, seven seven three one")
    assert says(talk) == "I have four one nine two, seven seven three one. Is that right?"
    talk.agent(says(talk)).caller("yes")
    assert move(talk) == taken("41927731")


def test_a_correction_that_fits_nowhere_asks_anew() -> None:
    talk = Talk().agent(ASK).caller(NUMBER, DOUBTFUL).agent(READ_BACK).caller("no, four five six")
    assert says(talk) == f"Sorry about that. {ASK}"


def test_a_value_that_was_denied_is_never_acted_on_unasked() -> None:
    talk = Talk().agent(ASK).caller(NUMBER, DOUBTFUL).agent(READ_BACK).caller("no")
    talk.agent(says(talk)).caller(NUMBER, SURE)
    assert says(talk) == READ_BACK


def test_what_is_heard_badly_twice_and_the_same_is_taken() -> None:
    talk = Talk().agent(ASK).caller(NUMBER, 0.1)
    talk.agent(says(talk)).caller(NUMBER, DOUBTFUL)
    assert move(talk) == taken(DIGITS)
    other = Talk().agent(ASK).caller(NUMBER, 0.1)
    other.agent(says(other)).caller(NUMBER.replace("zero", "two"), DOUBTFUL)
    assert says(other).startswith("I have")


def test_digits_want_every_word_agreed_on() -> None:
    assert says(Talk().agent(ASK).caller(NUMBER, SAME_MEANING)) == READ_BACK
    assert move(Talk().agent(ASK).caller(NUMBER, SURE)) == taken(DIGITS)


def test_the_keypad_is_offered_at_the_second_miss() -> None:
    talk = Talk().agent(ASK).caller("")
    assert "keys" not in says(talk)
    talk.agent(says(talk)).caller("")
    assert says(talk).endswith("You can also use the keys of your telephone.")


def test_a_denied_value_is_a_miss_too() -> None:
    talk = Talk().agent(ASK).caller(NUMBER, DOUBTFUL).agent(READ_BACK).caller("no")
    talk.agent(says(talk)).caller("")
    assert "keys" in says(talk)


def test_without_a_keypad_none_is_offered_and_own_words_are_not_doubled() -> None:
    for tool in (number(keypad=False), number(reprompts=["Say it.", "Say it or key it in."])):
        talk = Talk().agent(ASK).caller("")
        talk.agent(says(talk, tool)).caller("")
        assert "keys of your telephone" not in says(talk, tool)


def test_of_two_readings_the_one_that_checks_is_taken() -> None:
    card = number(check="luhn", min_length=4, max_length=5)
    # "twenty one" is 21 before it is 201: 4621 does not check, 46201 does.
    assert move(Talk().agent(ASK).caller("four six twenty one", SURE), card) == taken("46201")


def test_a_number_that_does_not_check_is_asked_for_again() -> None:
    card = number(check="luhn")
    assert "I have" not in says(Talk().agent(ASK).caller(NUMBER, SURE), card)


def test_half_said_and_half_keyed_is_one_number() -> None:
    said = Talk().agent(ASK).caller("four one nine two", SURE)
    rest = "I have four one nine two so far. What are the other digits?"
    assert says(said) == rest
    said.agent(rest)
    assert says(said, number(keyed="7730"), AGENT) == READ_BACK
    said.agent(READ_BACK).caller("yes")
    assert move(said, number(keyed="7730"), AGENT) == taken(DIGITS)


def test_half_keyed_and_half_said_is_one_number() -> None:
    tools = (number(keyed="4192"), AGENT)
    talk = Talk().agent(ASK)
    rest = says(talk, *tools)
    assert rest == "I have four one nine two so far. What are the other digits?"
    talk.agent(rest).caller("seven seven three zero", SURE)
    assert move(talk, *tools) == taken(DIGITS)


def test_a_yes_that_was_hardly_heard_confirms_nothing() -> None:
    talk = Talk().agent(ASK).caller(NUMBER, DOUBTFUL).agent(READ_BACK).caller("yes", FAINT)
    assert says(talk) == f"Please say yes or no. {READ_BACK}"
    talk.agent(says(talk)).caller("yes", BARELY)
    assert move(talk) == taken(DIGITS)


def test_a_declared_phrase_that_was_hardly_heard_is_offered() -> None:
    assert says(Talk().caller("talk to a person", FAINT), AGENT) == "Did you mean a person?"


def test_a_yes_with_another_value_behind_it_settles_neither() -> None:
    tool = collect("pay", v=slot("amount", "amount", ask="How much?"))
    talk = Talk().agent("How much?").caller("forty", DOUBTFUL)
    read_back = says(talk, tool)
    talk = talk.agent(read_back).caller("yes that's four i think", SURE)
    asked = says(talk, tool)
    assert "I have forty" in asked and "four dollars" not in asked
    assert move(talk.agent(asked).caller("yes", SURE), tool) == CallTool("pay", {"v": "40.00"})
