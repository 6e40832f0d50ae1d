"""Values told along with a wish, and kinds of values that are spelled."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.model_cascade.builders import Talk, collect, intent, slot

from trunkline.domain.spoken.spelling import parse_code, parse_email, say_code, say_email
from trunkline.model.cascade.dialogue_state import CallTool, Speak
from trunkline.model.cascade.expectations import OPEN, expectations
from trunkline.model.cascade.planner import Planner

TODAY = date(2026, 11, 23)  # a Monday
DAY = slot("date", "day", {"type": "string", "format": "date"}, dates="future")
DOCTOR = slot(
    "choice",
    "doctor",
    {"type": "string", "enum": ["gray", "white"]},
    synonyms={"gray": ["doctor gray"], "white": ["doctor white"]},
)


def wish(name: str, *examples: str, **takes: Any) -> dict[str, Any]:
    tool = intent(name, examples[0], *examples)
    tool["parameters"] = {"type": "object", "properties": takes}
    return tool


VISIT = wish("intent_visit", "arrange a visit", "come and see me", day=DAY, doctor=DOCTOR)
MOVE = wish("intent_move", "put off my visit", "a later visit", day=DAY)
THANKS = intent("intent_thanks", "thanks", "thanks a lot")


def planned(talk: Talk, *tools: Any) -> Any:
    return Planner(tools or (VISIT, MOVE, THANKS), TODAY).plan(talk.items, "auto").move


@pytest.mark.parametrize(
    ("said", "call", "values"),
    [
        ("arrange a visit", "intent_visit", {}),
        ("arrange a visit on thursday", "intent_visit", {"day": "2026-11-26"}),
        ("please arrange a visit with doctor white", "intent_visit", {"doctor": "white"}),
        (
            "arrange a visit with doctor gray for next tuesday",
            "intent_visit",
            {"day": "2026-12-01", "doctor": "gray"},
        ),
        ("put off my visit to the fourth of december", "intent_move", {"day": "2026-12-04"}),
        ("put off my visit", "intent_move", {}),
        # One bare word that might be a number or an ordinal is no day.
        ("a later visit for one person", "intent_move", {}),
        ("i have a second visit to arrange", "intent_visit", {}),
    ],
)
def test_what_is_told_along_with_a_wish_goes_with_it(
    said: str, call: str, values: dict[str, str]
) -> None:
    assert planned(Talk().caller(said)) == CallTool(call, values)


def test_a_value_told_before_is_read_back_instead_of_asked_for() -> None:
    told = slot(
        "date",
        "day",
        {"type": "string", "format": "date"},
        ask="Which day?",
        read_back="{value}. Is that right?",
        heard="2026-11-26",
    )
    tool = collect("collect_day", day=told)
    talk = Talk().called("intent_visit").result("{}")
    question = planned(talk, tool)
    assert question == Speak("Thursday, November twenty sixth. Is that right?")
    talk.agent(question.text)
    assert planned(talk.caller("no"), tool) == Speak("Sorry about that. Which day?")
    talk.agent("Sorry about that. Which day?")
    assert planned(talk.caller("say that again"), tool) == Speak("Which day?")
    talk.agent("Which day?").caller("friday")
    assert planned(talk, tool) == CallTool("collect_day", {"day": "2026-11-27"})


def test_a_value_told_before_is_corrected_in_the_same_breath() -> None:
    told = slot("date", "day", {"type": "string", "format": "date"}, heard="2026-11-26")
    tool = collect("collect_day", day=told)
    question = planned(Talk(), tool)
    talk = Talk().agent(question.text).caller("no the day after tomorrow")
    assert planned(talk, tool) == CallTool("collect_day", {"day": "2026-11-25"})


@pytest.mark.parametrize(
    ("dates", "said", "understood"),
    [
        ("future", "monday", "2026-11-30"),
        ("past", "monday", "2026-11-16"),
        ("any", "today", "2026-11-23"),
        ("future", "the tenth of october", "2027-10-10"),
        ("past", "the tenth of october", "2026-10-10"),
        ("future", "next tuesday", "2026-12-01"),
        ("future", "tomorrow", "2026-11-24"),
    ],
)
def test_a_date_lies_where_the_slot_looks(dates: str, said: str, understood: str) -> None:
    tool = collect("c", day=slot("date", "day", dates=dates, ask="When?", confirm="never"))
    assert planned(Talk().agent("When?").caller(said), tool) == CallTool("c", {"day": understood})


@pytest.mark.parametrize(("dates", "said"), [("future", "yesterday"), ("past", "tomorrow")])
def test_a_date_on_the_wrong_side_of_today_is_asked_for_again(dates: str, said: str) -> None:
    day = slot("date", "day", dates=dates, ask="When?", reprompts=["Another day?"])
    move = planned(Talk().agent("When?").caller(said), collect("c", day=day))
    assert move == Speak("Another day?")


def test_days_are_reckoned_from_the_day_where_the_call_is() -> None:
    day = slot("date", "day", ask="When?", confirm="never", today="2026-11-24")
    move = planned(Talk().agent("When?").caller("tomorrow"), collect("c", day=day))
    assert move == CallTool("c", {"day": "2026-11-25"})


@pytest.mark.parametrize(
    ("said", "address", "read_back"),
    [
        ("k a r l at posteo dot net", "karl@posteo.net", "karl at posteo dot net"),
        ("it's j dot w at example dot org", "j.w@example.org", "j dot w at example dot org"),
    ],
)
def test_a_spelled_address_is_read_back_as_one_says_it(
    said: str, address: str, read_back: str
) -> None:
    mail = slot("email", "e-mail address", ask="Where to?", confirm="always")
    tool = collect("c", mail=mail)
    talk = Talk().agent("Where to?").caller(said)
    question = planned(talk, tool)
    assert read_back in question.text
    talk.agent(question.text).caller("yes")
    assert planned(talk, tool) == CallTool("c", {"mail": address})


def test_what_is_no_address_is_asked_for_again() -> None:
    mail = slot("email", "e-mail address", ask="Where to?", reprompts=["Please spell it."])
    move = planned(Talk().agent("Where to?").caller("at my brother's"), collect("c", mail=mail))
    assert move == Speak("Please spell it.")


def test_a_code_is_understood_letter_by_letter_and_by_the_alphabet() -> None:
    code = slot(
        "code", "booking code", ask="The code?", min_length=4, max_length=6, confirm="never"
    )
    tool = collect("c", code=code)
    for said in ("k four t nine", "kilo four tango nine", "k for king four t nine"):
        talk = Talk().agent("The code?").caller(said)
        assert planned(talk, tool) == CallTool("c", {"code": "K4T9"}), said
    short = planned(Talk().agent("The code?").caller("k four"), tool)
    assert isinstance(short, Speak)


@given(st.from_regex(r"[a-z]{1,8}([.][a-z]{1,8})?@[a-z]{1,10}[.](com|net|org)", fullmatch=True))
def test_an_address_that_is_read_back_is_understood_as_itself(address: str) -> None:
    words = [w for part in address.split("@") for w in part.split(".")]
    if {"at", "dot"} & set(words):
        return  # nobody could tell those from the marks
    spelled = " ".join(
        word if word in ("at", "dot") else " ".join(word) for word in say_email(address).split()
    )
    assert parse_email(spelled) == address


@given(st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=4, max_size=8))
def test_a_code_that_is_read_back_is_understood_as_itself(code: str) -> None:
    assert parse_code(say_code(code)) == code


@pytest.mark.parametrize(
    "said",
    ["arrange a visit", "arrange a visit on friday", "i'd like to arrange a visit with doctor gray",
     "put off my visit to tomorrow", "thanks a lot"],
)  # fmt: skip
def test_the_recogniser_expects_what_may_be_told_along(said: str) -> None:
    found = expectations([VISIT, MOVE, THANKS])
    assert found[OPEN].grammar.accepts(said.split())
    assert not found[OPEN].grammar.accepts(["thanks", "a", "lot", "on", "friday"])


@pytest.mark.parametrize(
    ("kind", "said"),
    [("code", "alpha seven b two"), ("email", "a n n a dot b at example dot com"),
     ("email", "x at a c m e dot org")],
)  # fmt: skip
def test_the_recogniser_expects_what_is_spelled(kind: str, said: str) -> None:
    spelled = slot(kind, "it", min_length=4, max_length=6)
    (focus,) = [f for f in expectations([collect("c", it=spelled)]) if f.startswith("ask:")]
    assert expectations([collect("c", it=spelled)])[focus].grammar.accepts(said.split())


@pytest.mark.parametrize("said", ["my kitchen is on fire", "there is a fire in my kitchen"])
def test_a_wish_in_many_words_is_not_taken_for_a_name(said: str) -> None:
    alarm = intent("intent_alarm", "a fire", "my kitchen is on fire", "there is a fire")
    name = slot("name", "name", ask="Your name?", confirm="always")
    talk = Talk().agent("Your name?").caller(said)
    assert planned(talk, collect("c", name=name), alarm) == CallTool("intent_alarm", {})


@pytest.mark.parametrize("courtesy", ["thank you", "many thanks", "thanks so much"])
def test_thanks_alone_are_no_goodbye(courtesy: str) -> None:
    bye = intent("intent_bye", "ending the call", "thank you goodbye", "thanks bye")
    tool = collect("c", day=slot("date", "day", ask="When?", reprompts=["Which day?"]))
    talk = Talk().agent("When?")
    assert planned(talk.caller(courtesy), tool, bye) == Speak("Which day?")
    talk = Talk().agent("When?").caller(f"{courtesy} goodbye")
    assert planned(talk, tool, bye) == CallTool("intent_bye", {})
