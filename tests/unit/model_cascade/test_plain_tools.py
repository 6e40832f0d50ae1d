"""Tools of programs that know nothing of our notes: their descriptions tell what callers say."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from tests.unit.model_cascade.builders import Talk

from trunkline.model.cascade.dialogue_state import CallTool, Speak
from trunkline.model.cascade.planner import Planner
from trunkline.model.cascade.tool_annotations import read_tools
from trunkline.model.plain_tools import plain_tool

REFUND: dict[str, Any] = {
    "type": "function",
    "name": "refund_parcel",
    "description": 'Refund a parcel. Callers say, for example: "give me my money back", "refund".',
    "parameters": {
        "type": "object",
        "properties": {
            "parcel": {"type": "string", "pattern": "^[0-9]{6}$", "description": "parcel number"}
        },
        "required": ["parcel"],
        "additionalProperties": False,
    },
}
SHOP: dict[str, Any] = {
    "type": "function",
    "name": "transfer_to_the_shop",
    "description": 'Put the caller through. Callers say, for example: "talk to the shop".',
    "parameters": {"type": "object", "properties": {}, "required": []},
}


def planned(talk: Talk, *tools: dict[str, Any]) -> Any:
    return Planner(tools or (REFUND, SHOP), date(2026, 11, 21)).plan(talk.items, "auto").move


def test_what_callers_say_is_read_from_the_description_and_taken_out_of_it() -> None:
    refund, shop = read_tools([REFUND, SHOP]).intents
    assert (refund.label, refund.examples) == (
        "Refund a parcel",
        ("give me my money back", "refund"),
    )
    assert shop.examples == ("talk to the shop",)
    assert refund.is_declared


def test_our_own_tools_told_in_words_are_understood_by_their_words() -> None:
    ours = {
        "type": "function",
        "name": "intent_bye",
        "description": "The caller is done.",
        "x-trunkline": {"role": "intent", "label": "goodbye", "examples": ["bye", "that's all"]},
    }
    (read,) = read_tools([{"type": "function", **plain_tool(ours)}]).intents
    assert read.examples == ("bye", "that's all")


@pytest.mark.parametrize(
    "description",
    ["", "Callers say, for example:", 'Callers say, for example: "', "Say \u201ca\u201d."],
)
def test_a_description_without_examples_is_left_as_it_is(description: str) -> None:
    (read,) = read_tools([{**SHOP, "description": description}]).intents
    assert read.examples == ("transfer to the shop",)


def test_a_caller_is_led_from_the_wish_to_the_call() -> None:
    talk = Talk().caller("give me my money back")
    question = planned(talk)
    assert question == Speak("What is the parcel number?")
    talk.agent(question.text).caller("two zero four eight one seven")
    assert planned(talk) == CallTool("refund_parcel", {"parcel": "204817"})


def test_a_hand_off_of_openai_agents_is_told_by_the_new_agents_name() -> None:
    talk = Talk().caller("talk to the shop").called("transfer_to_the_shop")
    talk.result('{"assistant": "The Shop"}')
    assert planned(talk) == Speak("You are speaking with The Shop now. How can I help?")


def test_what_its_guardrail_puts_in_is_no_wish_of_the_callers() -> None:
    talk = Talk().caller("refund").agent("We guar").caller("guardrail triggered: no promises")
    said = planned(talk).text
    assert said.startswith("I'm sorry, I may not say that.")
    assert "guardrail" not in said
    talk.agent(said).caller("talk to the shop")
    assert planned(talk) == CallTool("transfer_to_the_shop", {})
