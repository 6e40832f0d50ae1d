"""The sample agent, as conversations."""

from __future__ import annotations

import pytest
from tests.unit.flows.conversation import Conversation, flow_of

from trunkline.flows.actions import Configure, DigitGathering, HangUpReason, ParkTool, RunTool, Say
from trunkline.flows.catalog import SHIPPED_AGENTS

TEXT = (SHIPPED_AGENTS / "energy.yaml").read_text(encoding="utf-8")
FLOW = flow_of(TEXT)
MORE = "Is there anything else I can help you with?"
OWES = {"owed": 182.40, "due": "2026-12-01"}
HOURS = {
    "weekdays": {"opens": "08:00", "closes": "18:00"},
    "saturday": {"opens": "09:00", "closes": "13:00"},
}


@pytest.fixture
def call() -> Conversation:
    call = Conversation(FLOW, caller_number="+15550100")
    call.answer()
    return call


def test_the_call_opens_with_the_notice_and_an_open_question(call: Conversation) -> None:
    assert call.said == [
        "This call is recorded.",
        "Welcome to Brightwater Energy. How can I help you today?",
    ]
    assert all(line.is_fixed for line in call.last if isinstance(line, Say))


def test_a_balance_is_told_and_the_call_ends_politely(call: Conversation) -> None:
    call.caller_wants("balance")
    call.engine_says("What is your eight digit account number?")
    call.caller_gives(account="44172908")
    assert call.said == []
    assert call.running.arguments == {"account": "44172908"}
    call.tool_returns(OWES)
    assert call.said == [
        "You owe one hundred and eighty two dollars and forty cents, "
        "due on Tuesday, December first.",
        MORE,
    ]
    call.caller_wants("no_more")
    assert call.said == ["Thank you for calling Brightwater Energy. Goodbye."]
    assert call.hung_up is not None
    assert call.hung_up.reason is HangUpReason.DONE


@pytest.mark.parametrize(
    ("owed", "said"),
    [
        (0.0, "Your account is fully paid. You owe nothing."),
        (-35.10, "You are in credit by thirty five dollars and ten cents, so there is nothing "
                 "to pay."),
        (67.05, "You owe sixty seven dollars and five cents, due on Tuesday, December first."),
    ],
)  # fmt: skip
def test_every_kind_of_balance_has_its_sentence(call: Conversation, owed: float, said: str) -> None:
    call.caller_presses("1")
    call.caller_presses("44172908")
    call.tool_returns({"owed": owed, "due": "2026-12-01"})
    assert call.said == [said, MORE]


def test_an_unknown_account_is_asked_for_again_and_then_passed_to_a_person(
    call: Conversation,
) -> None:
    call.caller_wants("balance")
    for _ in range(2):
        call.caller_gives(account="99999999")
        call.tool_fails("not_found")
        assert call.said == ["I can't find an account with that number."]
        assert call.runner.step == "balance_account"
    call.caller_gives(account="99999999")
    call.tool_fails("not_found")
    assert call.transferred_to == "sip:operator@127.0.0.1:5070"
    call.transfer_fails()
    assert call.said == ["I'm sorry, nobody is free at the moment.", MORE]


def test_the_account_number_is_asked_for_once(call: Conversation) -> None:
    call.caller_wants("balance")
    call.caller_gives(account="44172908")
    call.tool_returns(OWES)
    call.caller_wants("reading")
    assert call.runner.step == "reading"
    call.caller_gives(reading="48261")
    assert call.running.arguments == {"account": "44172908", "reading": "48261"}
    call.tool_returns({"reading": "48261"})
    assert call.said == [
        "Thank you. I've recorded your reading, four eight two, six one.",
        MORE,
    ]


def test_a_reading_below_the_last_one_is_asked_for_again(call: Conversation) -> None:
    call.caller_presses("2")
    call.caller_presses("44172908")
    call.caller_presses("48100")
    assert call.said == ["Your reading is four eight one, zero zero. Is that right?"]
    call.caller_presses("1")
    call.tool_fails("below_previous")
    assert call.runner.step == "reading"
    call.caller_gives(reading="48261")
    call.tool_returns({"reading": "48261"})
    assert call.said[-1] == MORE


def test_the_hours_are_told_without_an_account(call: Conversation) -> None:
    call.caller_wants("hours")
    call.tool_returns(HOURS)
    assert call.said == [
        "We're open from eight o'clock in the morning to six o'clock in the evening on weekdays, "
        "and from nine o'clock in the morning to one o'clock in the afternoon on Saturdays.",
        MORE,
    ]


NOT_YET = "Not yet. My colleague is still looking at it, and nothing has been taken so far."


def test_a_payment_is_parked_and_never_called_done(call: Conversation) -> None:
    call.caller_wants("payment")
    call.caller_gives(account="44172908")
    call.tool_returns(OWES)
    assert call.said == ["You owe one hundred and eighty two dollars and forty cents."]
    call.caller_gives(amount="182.40")
    assert isinstance(call.running, ParkTool)
    assert call.running.arguments == {"account": "44172908", "amount": "182.40"}
    assert call.running.idempotency_key
    call.tool_is_parked()
    assert call.said == [
        "Thank you. A colleague has to approve your payment of one hundred and eighty two dollars "
        "and forty cents first. Nothing has been taken yet. Please stay on the line.",
    ]
    call.caller_wants("is_it_done")
    assert call.said == [NOT_YET]
    assert not [a for a in call.log if isinstance(a, RunTool) and a.tool == "pay_bill"]
    assert "payment_done" not in call.steps


def test_a_person_is_a_key_or_a_word_away_in_every_step(call: Conversation) -> None:
    for intent in ("balance", "reading", "payment"):
        call = Conversation(FLOW, operator_uri="sip:desk@example.org")
        call.answer()
        call.caller_wants(intent)
        call.caller_presses("0")
        assert call.transferred_to == "sip:desk@example.org"


def test_a_service_that_is_down_is_spoken_of_and_the_caller_kept(call: Conversation) -> None:
    call.caller_wants("hours")
    call.tool_fails("unreachable")
    assert call.said == ["I'm sorry, that didn't work. Let me try once more."]
    call.tool_fails("unreachable")
    assert call.said == ["I'm sorry, our system isn't answering right now.", MORE]


def test_the_keypad_is_offered_when_speech_is_not_understood(call: Conversation) -> None:
    call.caller_is_unclear()
    call.caller_is_unclear()
    assert "press one" in call.said[0]
    assert call.listening.digits == DigitGathering(1, 1)
    call.caller_presses("4")
    assert call.running.tool == "get_hours"


def test_every_intent_has_enough_varied_examples_of_its_own() -> None:
    seen: dict[str, str] = {}
    for intent in FLOW.intents.values():
        assert 8 <= len(intent.examples) <= 15, intent.name
        assert len(intent.examples) == len(set(intent.examples)), intent.name
        for example in intent.examples:
            assert seen.setdefault(example, intent.name) == intent.name, example


def test_lines_are_short_enough_to_listen_to() -> None:
    for line in FLOW.fixed_lines():
        assert len(line.split()) <= 36, line


def test_every_step_can_be_configured_within_the_session_contract(call: Conversation) -> None:
    call.caller_wants("payment")
    call.caller_gives(account="44172908")
    call.tool_returns(OWES)
    names = set()
    for action in call.log:
        if isinstance(action, Configure):
            for tool in action.tools:
                names.add(tool["name"])
                assert tool["type"] == "function"
                assert tool["parameters"]["type"] == "object"
                assert tool["x-trunkline"]["role"] in ("intent", "collect")
            assert len({tool["name"] for tool in action.tools}) == len(action.tools)
    assert {"collect_payment_account", "collect_payment_amount", "intent_no_account"} <= names
