"""The slot-filling planner, conversation by conversation."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest
from tests.unit.model_cascade.builders import (
    ACCOUNT,
    AGENT,
    BALANCE,
    COLLECT_ACCOUNT,
    GOODBYE,
    Talk,
    collect,
    intent,
    slot,
)

from trunkline.model.cascade.dialogue_state import CallTool, Speak
from trunkline.model.cascade.expectations import OPEN
from trunkline.model.cascade.planner import Planner

TODAY = date(2026, 11, 21)
TOOLS = (COLLECT_ACCOUNT, BALANCE, AGENT)
ASK = "What is your eight digit account number?"
NUMBER = "double four one seven two nine oh eight"


def plan(talk: Talk, *tools: Mapping[str, Any], choice: str = "auto") -> Any:
    return Planner(tools or TOOLS, TODAY).plan(talk.items, choice).move


def answer(talk: Talk, *tools: Mapping[str, Any]) -> str:
    move = plan(talk, *tools)
    assert isinstance(move, Speak), move
    return move.text


def test_it_asks_for_the_first_slot_when_it_has_the_floor() -> None:
    assert answer(Talk()) == ASK


def test_a_number_that_was_well_heard_is_reported_at_once() -> None:
    move = plan(Talk().agent(ASK).caller(NUMBER))
    assert move == CallTool("collect_account", {"account": "44172908"})


def test_a_number_that_was_badly_heard_is_read_back_and_confirmed() -> None:
    talk = Talk().agent(ASK).caller(NUMBER, 0.5)
    read_back = answer(talk)
    assert read_back == "I have four four one seven, two nine zero eight. Is that right?"
    talk.agent(read_back).caller("yeah that's right", 0.5)
    assert plan(talk) == CallTool("collect_account", {"account": "44172908"})


def test_a_clear_correction_in_the_same_breath_is_taken() -> None:
    talk = Talk().agent(ASK).caller(NUMBER, 0.5)
    talk.agent(answer(talk)).caller("no it's double four one seven two nine oh nine", 0.95)
    assert plan(talk) == CallTool("collect_account", {"account": "44172909"})


def test_what_was_denied_is_not_heard_again_in_the_correction() -> None:
    talk = Talk().agent(ASK).caller(NUMBER, 0.5)
    talk.agent(answer(talk)).caller(f"no it's {NUMBER}", 0.95)
    assert answer(talk) == f"Sorry about that. {ASK}"
    talk = Talk().agent(ASK).caller(NUMBER, 0.5)
    talk.agent(answer(talk)).caller(f"yes it's {NUMBER}", 0.95)
    assert plan(talk) == CallTool("collect_account", {"account": "44172908"})


def test_a_doubtful_correction_in_the_same_breath_is_read_back_again() -> None:
    talk = Talk().agent(ASK).caller(NUMBER, 0.5)
    talk.agent(answer(talk)).caller("no it's double four one seven two nine oh nine", 0.5)
    read_back = answer(talk)
    assert "two nine zero nine" in read_back
    talk.agent(read_back).caller("yes")
    assert plan(talk) == CallTool("collect_account", {"account": "44172909"})


def test_a_plain_no_asks_again_without_blaming_the_caller() -> None:
    talk = Talk().agent(ASK).caller(NUMBER, 0.5)
    talk.agent(answer(talk)).caller("no")
    assert answer(talk) == f"Sorry about that. {ASK}"


def test_reprompts_vary_and_then_stay_at_the_last() -> None:
    talk = Talk().agent(ASK)
    heard = []
    for _ in range(3):
        talk.caller("elephants are grey")
        heard.append(answer(talk))
        talk.agent(heard[-1])
    assert heard == [
        "Please say the eight digits.",
        "I need the number on your bill.",
        "I need the number on your bill.",
    ]


def test_rejected_words_are_never_taken_for_a_value() -> None:
    assert answer(Talk().agent(ASK).caller(NUMBER, 0.1)) == "Please say the eight digits."


def test_a_number_said_in_two_breaths_is_put_together() -> None:
    talk = Talk().agent(ASK).caller("four four one seven")
    rest = answer(talk)
    assert rest == "I have four four one seven so far. What are the other digits?"
    talk.agent(rest).caller("two nine oh eight")
    assert plan(talk) == CallTool("collect_account", {"account": "44172908"})


def test_the_callers_items_in_a_row_are_one_answer() -> None:
    talk = Talk().agent(ASK).caller("four four one seven").caller("two nine oh eight")
    assert plan(talk) == CallTool("collect_account", {"account": "44172908"})


def test_another_wish_in_the_middle_of_a_slot_is_granted() -> None:
    assert plan(Talk().agent(ASK).caller("operator please")) == CallTool("intent_agent", {})
    talk = Talk().agent(ASK).caller(NUMBER, 0.5)
    talk.agent(answer(talk)).caller("i want to talk to a person")
    assert plan(talk) == CallTool("intent_agent", {})


def test_a_doubtful_wish_is_offered_before_it_is_granted() -> None:
    talk = Talk().agent("How can I help?").caller("could you tell me how much i owe", 0.4)
    offered = answer(talk, BALANCE, AGENT)
    assert offered == "Did you mean your balance?"
    talk.agent(offered).caller("yes")
    assert plan(talk, BALANCE, AGENT) == CallTool("intent_balance", {})


def test_between_two_likely_wishes_it_asks() -> None:
    front = intent("intent_front", "the front door", "open the red door")
    back = intent("intent_back", "the back door", "close the red door")
    talk = Talk().agent("Hello.").caller("that red door please")
    assert answer(talk, front, back) == "Did you mean the front door?"


def test_words_of_courtesy_do_not_decide_between_wishes() -> None:
    balance = intent("intent_balance", "your balance", "what do i owe you")
    payment = intent("intent_payment", "a payment", "i'd like to pay what i owe")
    talk = Talk().agent("Hello.").caller("i'd like to know what i owe please")
    assert plan(talk, balance, payment) == CallTool("intent_balance", {})


def test_an_answer_cut_short_still_counts_as_asked() -> None:
    talk = Talk().agent("What is your").caller(NUMBER)
    assert plan(talk) == CallTool("collect_account", {"account": "44172908"})
    talk = Talk().agent(ASK).caller(NUMBER, 0.5).agent("I have four four").caller("no")
    assert answer(talk).startswith("Sorry about that.")


def test_a_question_asked_by_the_flow_itself_is_answered_all_the_same() -> None:
    talk = Talk().agent("Sorry, I can't hear you. " + ASK).caller("four four one seven")
    assert answer(talk).startswith("I have four four one seven so far.")


def test_a_question_repeated_after_a_call_is_still_answered() -> None:
    talk = Talk().agent(ASK).caller("operator please").called("intent_agent").result("{}")
    planner = Planner(TOOLS, TODAY)
    assert planner.plan(talk.items[:2], "auto").after.focus == "ask:collect_account.account"
    talk.agent("Nobody is free. Please say your number.").caller("four four one seven")
    assert answer(talk).startswith("I have four four one seven so far.")
    talk.items.pop()
    assert plan(talk.caller(NUMBER)) == CallTool("collect_account", {"account": "44172908"})


def test_what_was_said_before_the_last_function_call_is_settled() -> None:
    talk = Talk().agent(ASK).caller("elephants").called("intent_balance").result("{}")
    assert answer(talk) == ASK


def test_repeating_the_question_costs_no_patience() -> None:
    talk = Talk().agent(ASK).caller("pardon")
    assert answer(talk) == ASK


def test_what_it_cannot_do_is_restated_with_what_it_can() -> None:
    talk = Talk().agent("How can I help?").caller("can you order me a pizza")
    said = answer(talk, BALANCE, AGENT)
    assert "can you order me a pizza" in said
    assert "your balance or a person" in said


def test_unheard_words_are_not_restated() -> None:
    talk = Talk().agent("How can I help?").caller("can you order me a pizza", 0.1)
    assert "pizza" not in answer(talk, BALANCE, AGENT)


def test_without_tools_it_is_honest() -> None:
    talk = Talk().caller("write me a poem about the sea", None)
    move = Planner((), TODAY).plan(talk.items, "auto").move
    assert isinstance(move, Speak)
    assert "write me a poem about the sea" in move.text
    assert "can't" in move.text


def test_a_yes_or_no_finds_the_only_intent_that_means_it() -> None:
    more = {**BALANCE, "name": "intent_more"}
    more["x-trunkline"] = {"role": "intent", "label": "more", "examples": ["yes", "yes please"]}
    talk = Talk().agent("Anything else?").caller("yep sure")
    assert plan(talk, more, AGENT) == CallTool("intent_more", {})


def test_several_slots_are_asked_one_after_the_other() -> None:
    tools = (
        collect(
            "collect_visit",
            day=slot("date", "day", ask="Which day?", confirm="never"),
            clock=slot("time", "time", ask="What time?", confirm="never"),
            size=slot(
                "choice",
                "size",
                {"type": "string", "enum": ["small", "large"]},
                ask="Small or large?",
                synonyms={"large": ["big"]},
            ),
        ),
    )
    talk = Talk().agent("Which day?").caller("next tuesday")
    assert answer(talk, *tools) == "What time?"
    talk.agent("What time?").caller("half past two")
    assert answer(talk, *tools) == "Small or large?"
    talk.agent("Small or large?").caller("the big one please")
    assert plan(talk, *tools) == CallTool(
        "collect_visit", {"day": "2026-11-24", "clock": "14:30", "size": "large"}
    )


@pytest.mark.parametrize(
    ("kind", "said", "value"),
    [
        ("amount", "two forty fifty", "240.50"),
        ("date", "the third of march", "2027-03-03"),
        ("time", "ten o'clock", "10:00"),
        ("yes_no", "yes please", True),
        ("free_text", "the heating is broken", "the heating is broken"),
        ("number", "a hundred and five", 105),
    ],
)
def test_each_kind_is_filled_in_the_form_the_tool_wants(kind: str, said: str, value: Any) -> None:
    schema = {"yes_no": {"type": "boolean"}, "number": {"type": "integer"}}.get(kind)
    tool = collect("collect_it", it=slot(kind, "thing", schema, ask="Well?"))
    assert plan(Talk().agent("Well?").caller(said), tool) == CallTool("collect_it", {"it": value})


def test_names_are_always_read_back() -> None:
    tool = collect("collect_name", name=slot("name", "name", ask="What is your name?"))
    talk = Talk().agent("What is your name?").caller("my name is mary jones")
    assert answer(talk, tool) == "I have Mary Jones. Is that right?"


def test_an_ambiguous_amount_is_confirmed_however_well_it_was_heard() -> None:
    tool = collect("collect_amount", amount=slot("amount", "amount", ask="How much?"))
    read_back = answer(Talk().agent("How much?").caller("two forty"), tool)
    assert read_back == "I have two hundred and forty dollars. Is that right?"


def test_amounts_outside_the_limits_are_asked_again() -> None:
    limits = slot("amount", "amount", ask="How much?", minimum="1", maximum="5000")
    tool = collect("collect_amount", amount=limits)
    assert "Sorry" in answer(Talk().agent("How much?").caller("nine thousand dollars"), tool)


def test_confirm_always_reads_back_even_typed_values() -> None:
    tool = collect("collect_account", account=ACCOUNT | {"x-trunkline": {
        **ACCOUNT["x-trunkline"], "confirm": "always"}})  # fmt: skip
    assert "Is that right?" in answer(Talk().agent(ASK).caller("44172908", None), tool)


WEATHER = {
    "type": "function",
    "name": "get_weather",
    "description": "Get the weather for a city",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string", "description": "city"}},
        "required": ["city"],
    },
}


def test_a_plain_tool_is_called_with_what_the_request_already_says() -> None:
    talk = Talk().caller("What is the weather in Paris?", None)
    assert plan(talk, WEATHER) == CallTool("get_weather", {"city": "Paris"})


def test_a_plain_tool_asks_for_what_the_request_lacks() -> None:
    talk = Talk().caller("get the weather please", None)
    assert answer(talk, WEATHER) == "What is the city?"
    talk.agent("What is the city?").caller("Paris", None)
    assert plan(talk, WEATHER) == CallTool("get_weather", {"city": "Paris"})


def test_a_result_is_read_out_as_it_is() -> None:
    talk = Talk().caller("What is the weather in Paris?", None)
    talk.called("get_weather", '{"city":"Paris"}').result('{"temperature_c": 21, "sky": "clear"}')
    said = answer(talk, WEATHER)
    assert "21" in said
    assert "clear" in said


def test_tool_choice_none_calls_nothing() -> None:
    move = plan(Talk().caller("operator please"), *TOOLS, choice="none")
    assert isinstance(move, Speak)


def test_the_ears_follow_what_was_asked() -> None:
    planner = Planner((COLLECT_ACCOUNT, GOODBYE), TODAY)
    assert planner.expected().focus == "ask:collect_account.account"
    asked = planner.plan(Talk().agent(ASK).caller(NUMBER, 0.5).items, "auto")
    assert asked.after.focus == "confirm:collect_account.account"
    assert Planner((GOODBYE,), TODAY).expected().focus == OPEN
