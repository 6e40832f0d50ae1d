"""The sample agent with the embedded planner: callers in their own words, typed."""

from __future__ import annotations

import pytest
from tests.unit.flows.conversation import flow_of
from tests.unit.flows.typed_caller import TypedCaller

from trunkline.domain.approval import ApprovalState
from trunkline.domain.events import Json, ToolOutcome
from trunkline.flows.actions import ApprovalChanged, HangUpReason, ParkTool, RunTool
from trunkline.flows.catalog import SHIPPED_AGENTS

FLOW = flow_of((SHIPPED_AGENTS / "energy.yaml").read_text(encoding="utf-8"))
DAY = {"opens": "08:00", "closes": "18:00"}


def service(tool: str, arguments: dict[str, Json]) -> tuple[ToolOutcome, Json]:
    """One account that owes 182.40 and takes readings; open every day."""
    if tool == "get_hours":
        return ToolOutcome.OK, {"weekdays": DAY, "saturday": DAY}
    if arguments["account"] != "44172908":
        return ToolOutcome.FAILED, {"error": {"code": "not_found"}}
    if tool == "submit_reading":
        return ToolOutcome.OK, {"reading": arguments["reading"]}
    return ToolOutcome.OK, {"owed": 182.40, "due": "2026-12-01"}


@pytest.fixture
def caller() -> TypedCaller:
    caller = TypedCaller(FLOW, service)
    assert caller.dials().endswith("How can I help you today?")
    return caller


def is_done(caller: TypedCaller) -> bool:
    hung_up = caller.call.hung_up
    return hung_up is not None and hung_up.reason is HangUpReason.DONE


def test_a_balance_in_three_sentences(caller: TypedCaller) -> None:
    assert "account number" in caller.says("hello could you tell me how much i owe you")
    answer = caller.says("it's double four one seven two nine oh eight")
    assert "one hundred and eighty two dollars and forty cents" in answer
    assert answer.endswith("Is there anything else I can help you with?")
    assert "Goodbye" in caller.says("no that's everything thanks")
    assert is_done(caller)


def test_one_errand_after_another_with_the_number_given_once(caller: TypedCaller) -> None:
    assert "eight o'clock" in caller.says("at what time do you close on weekdays")
    assert "account number" in caller.says("and i've got a meter reading for you")
    assert "five digits" in caller.says("four four one seven two nine zero eight")
    assert "four eight two, six one" in caller.says("four eight two six one")
    assert "four eight two, six two" in caller.says("no it's four eight two six two")
    assert "recorded your reading" in caller.says("yes that's it")
    runs = [action for action in caller.call.log if isinstance(action, RunTool)]
    assert runs[-1].arguments == {"account": "44172908", "reading": "48262"}
    assert "How much would you like to pay?" in caller.says("i would like to pay my bill now")
    assert "That's fifty dollars." in caller.says("fifty dollars please")
    answer = caller.says("yeah that's correct")
    assert "Nothing has been taken yet." in answer
    assert "has been made" not in answer
    parked = [action for action in caller.call.log if isinstance(action, ParkTool)]
    assert [action.arguments["amount"] for action in parked] == ["50.00"]
    assert "Not yet." in caller.says("is it done yet")
    caller.says("thank you very much goodbye")
    assert not is_done(caller)  # it is taken back first
    (asked,) = parked
    caller.call.feed(ApprovalChanged(asked.run_id, ApprovalState.ABANDONED, 1, asked.arguments))
    assert is_done(caller)


def test_the_caller_may_change_their_mind_inside_a_question(caller: TypedCaller) -> None:
    caller.says("what's my account balance")
    assert "eight o'clock" in caller.says("oh and when are you open")
    assert "put you through" in caller.says("let me talk to a real person please")


def test_a_wrong_number_is_corrected(caller: TypedCaller) -> None:
    caller.says("i'd like to hear what my balance is")
    answer = caller.says("nine nine nine nine nine nine nine nine")
    assert answer.startswith("I can't find an account with that number.")
    assert "182" not in answer
    assert "eighty two dollars" in caller.presses("44172908")


def test_what_the_agent_cannot_do_it_says_and_offers_what_it_can(caller: TypedCaller) -> None:
    answer = caller.says("i want to order two pizzas")
    assert "can't help with that" in answer
    assert "your balance" in answer
    assert "a person" in answer


def test_a_caller_who_is_never_understood_reaches_a_person(caller: TypedCaller) -> None:
    heard = [caller.says(f"blub {word}") for word in ("one", "two", "three", "four", "five", "six")]
    assert "I'll put you through." in heard[-1]
    assert not any("I'll put you through." in line for line in heard[:-1])
