"""The runner driven as a conversation."""

from __future__ import annotations

from tests.unit.flows.conversation import Conversation, flow_of
from tests.unit.flows.samples import LIBRARY, changed

from trunkline.flows.actions import (
    AskEngine,
    CallAnswered,
    Configure,
    DigitGathering,
    HangUpReason,
    ListenForCaller,
    ParkTool,
    ReplyToEngine,
    RunTool,
    Say,
    SayFinished,
    SetVariables,
    TransferFinished,
)

FLOW = flow_of(LIBRARY)
LOANS = {"count": 2, "due": "2026-12-01"}


def at_menu(**variables: str) -> Conversation:
    call = Conversation(FLOW, **variables)
    call.answer()
    return call


def at_look() -> Conversation:
    call = at_menu()
    call.caller_wants("loans")
    call.caller_gives(card="123456")
    return call


def test_an_answered_call_hears_the_greeting_and_is_listened_to() -> None:
    call = at_menu()
    assert call.steps == ["welcome", "menu"]
    assert call.said == [
        "This call is recorded.",
        "Welcome to Hill Street Library.",
        "How can I help?",
    ]
    notice = next(action for action in call.last if isinstance(action, Say))
    assert not notice.is_interruptible
    assert call.listening == ListenForCaller(5000, DigitGathering(1, 1))
    assert call.feed(CallAnswered()) == []


def test_every_fixed_line_said_is_among_the_lines_rendered_ahead() -> None:
    call = at_look()
    call.tool_fails("not_found")
    call.caller_is_silent()
    call.caller_is_unclear()
    call.caller_wants("bye")
    said = [action for action in call.log if isinstance(action, Say)]
    assert len(said) > 6
    assert {line.text for line in said if line.is_fixed} <= set(FLOW.fixed_lines())


def test_a_line_with_a_variable_that_the_call_overrides_is_not_fixed() -> None:
    call = at_menu(place="the other library")
    lines = {action.text: action.is_fixed for action in call.last if isinstance(action, Say)}
    assert lines["Welcome to the other library."] is False
    assert lines["How can I help?"] is True


def test_a_slot_is_asked_for_by_the_engine_and_kept() -> None:
    call = at_menu()
    call.caller_wants("loans")
    assert isinstance(call.last[0], ReplyToEngine)
    assert [type(action) for action in call.last[-3:]] == [Configure, AskEngine, ListenForCaller]
    assert call.listening.digits == DigitGathering(1, 6)
    call.engine_says("What is your card number?")
    assert call.last == [call.listening]
    call.caller_gives(card="123456")
    assert call.runner.variables["card"] == "123456"
    assert isinstance(call.last[0], SetVariables)
    assert isinstance(call.running, RunTool)
    assert call.running.arguments == {"card": "123456"}
    assert call.said == []
    call.caller_is_silent()
    assert call.said == ["One moment."]


def test_a_tool_result_is_spoken_and_the_caller_asked_what_else() -> None:
    call = at_look()
    call.tool_returns(LOANS)
    assert call.said == [
        "You have 2 on loan until December first, twenty twenty six.",
        "Anything else?",
    ]
    assert call.listening.no_input_ms == 4000


def test_a_branch_takes_the_first_case_that_holds() -> None:
    call = at_look()
    call.tool_returns({"count": 0})
    assert call.said == ["You have nothing on loan.", "Anything else?"]


def test_a_slot_that_is_reused_is_not_asked_again() -> None:
    call = at_look()
    call.tool_returns(LOANS)
    call.caller_wants("loans")
    assert call.runner.step == "look"


def test_digits_fill_a_slot() -> None:
    call = at_menu()
    call.caller_presses("1")
    assert call.runner.step == "card"
    call.caller_presses("123456")
    assert call.running.arguments == {"card": "123456"}


def test_digits_that_fit_nothing_are_asked_for_again_until_patience_ends() -> None:
    call = at_menu()
    call.caller_presses("1")
    call.caller_presses("12")
    assert call.said == ["The six digits please."]
    call.caller_presses("12")
    assert call.said == ["Key them in and press hash."]
    call.caller_presses("12")
    assert call.said == ["Let me get someone.", "I will put you through."]


def test_a_part_that_is_keyed_in_is_told_to_the_engine_until_the_number_is_whole() -> None:
    call = at_menu()
    call.caller_presses("1")
    call.caller_presses("123")
    told = next(action for action in call.last if isinstance(action, Configure))
    [card] = told.tools[0]["parameters"]["properties"].values()
    assert card["x-trunkline"]["keyed"] == "123"
    assert any(isinstance(action, AskEngine) for action in call.last)
    call.caller_presses("456")
    assert call.running.arguments == {"card": "123456"}


def test_a_key_of_the_flow_works_while_a_slot_is_asked() -> None:
    call = at_menu()
    call.caller_presses("1")
    call.caller_presses("0")
    assert call.transferred_to == "sip:desk@127.0.0.1:5070"


def test_a_keyed_value_that_must_be_confirmed_is_read_back() -> None:
    call = at_menu()
    call.caller_wants("fine")
    call.caller_presses("123456")
    assert call.runner.step == "fine_amount"
    properties = call.configured.tools[0]["parameters"]["properties"]
    assert list(properties) == ["amount"]
    call.caller_presses("12*5")
    assert call.said == ["You want to pay twelve dollars and fifty cents?"]
    call.engine_reports("intent_confirm_no")
    assert AskEngine() in call.last
    call.caller_presses("12*50")
    call.caller_presses("1")
    assert call.running.arguments == {"card": "123456", "amount": "12.50"}


def test_a_high_risk_tool_is_parked_and_never_run() -> None:
    call = at_menu()
    call.caller_wants("fine")
    call.caller_gives(card="123456", amount="12.50")
    assert isinstance(call.running, ParkTool)
    call.tool_is_parked()
    assert call.said == ["A colleague will look at it. Nothing is paid yet.", "Anything else?"]
    assert not [action for action in call.log if isinstance(action, RunTool)]
    assert "paid" not in call.steps


def test_a_value_outside_the_schema_goes_back_to_the_engine_a_bounded_number_of_times() -> None:
    call = at_menu()
    call.caller_wants("fine")
    for _ in range(2):
        call.caller_gives(card="123456", amount="99.00")
        assert call.replies[0].output["error"]["param"] == "amount"
        assert AskEngine() in call.last
    call.caller_gives(card="123456", amount="99.00")
    assert call.said == ["Let me get someone.", "I will put you through."]


def test_an_unknown_function_is_refused() -> None:
    call = at_menu()
    call.engine_reports("drop_tables", now=True)
    assert call.replies[0].output["error"]["code"] == "unknown_function"
    assert AskEngine() in call.last


def test_a_global_intent_is_taken_in_every_step() -> None:
    for wanted in ("desk", "bye"):
        call = at_menu()
        call.caller_wants("loans")
        call.caller_wants(wanted)
        assert call.runner.step == wanted


def test_repeat_says_the_last_lines_again() -> None:
    call = at_look()
    call.tool_returns(LOANS)
    before = call.said
    call.caller_is_silent()
    assert call.said == ["Are you still there?"]
    call.caller_wants("again")
    assert call.said == before
    assert isinstance(call.last[-1], ListenForCaller)


def test_repeat_says_what_the_engine_said() -> None:
    call = at_menu()
    call.caller_wants("loans")
    call.engine_says("What is your card number?")
    call.caller_wants("again")
    assert call.said == ["What is your card number?"]


def test_silence_is_answered_by_level_and_then_ends_the_call() -> None:
    call = at_menu()
    heard = []
    while call.hung_up is None:
        call.caller_is_silent()
        heard += call.said
    assert heard == [
        "Are you still there?",
        "Please say something, or press zero.",
        "I will hang up now.",
    ]
    assert call.hung_up.reason is HangUpReason.NO_INPUT
    assert call.runner.is_over


def test_silence_while_a_slot_is_asked_repeats_the_question() -> None:
    call = at_menu()
    call.caller_wants("loans")
    call.caller_is_silent()
    assert call.said == ["Are you still there?", "What is your card number?"]


def test_a_word_from_the_caller_restores_patience_for_silence() -> None:
    call = at_menu()
    call.caller_is_silent()
    call.caller_is_unclear()
    call.caller_is_silent()
    assert call.said == ["Are you still there?"]


def test_an_engine_that_only_talks_does_not_keep_the_caller_for_ever() -> None:
    call = at_menu()
    for _ in range(3):
        call.engine_says("I can tell you about your loans.")
        assert isinstance(call.last[-1], ListenForCaller)
    call.engine_says("I can tell you about your loans.")
    assert call.said == ["Let me get someone.", "I will put you through."]


def test_a_lost_engine_is_apologised_for_and_the_call_ends() -> None:
    call = at_menu()
    call.engine_fails()
    assert call.said == ["I have a technical problem. Goodbye."]
    assert call.hung_up is not None
    assert call.hung_up.reason is HangUpReason.ENGINE_ERROR


def test_a_failed_transfer_comes_back_to_the_flow() -> None:
    call = at_menu()
    call.caller_wants("desk")
    assert call.transferred_to == "sip:desk@127.0.0.1:5070"
    call.transfer_fails()
    assert call.said == ["Nobody is free.", "Anything else?"]
    assert isinstance(call.last[-1], ListenForCaller)


def test_a_transfer_that_connects_ends_the_flow() -> None:
    call = at_menu()
    call.caller_wants("desk")
    assert call.feed(TransferFinished(is_connected=True, sip_status=200)) == []
    assert call.runner.is_over


def test_a_transfer_target_that_is_no_uri_is_a_failed_transfer() -> None:
    call = at_menu(desk="sip:a@b\r\nRefer-To: sip:evil@c")
    call.caller_wants("desk")
    assert call.transferred_to is None
    assert call.said == ["Nobody is free.", "Anything else?"]
    assert "SIP URI" in str(call.runner.variables["flow_error"])


def test_a_fallback_that_fails_each_time_ends_in_goodbye() -> None:
    call = at_menu()
    for _ in range(40):
        if call.runner.is_over:
            break
        if call.transferred_to:
            call.transfer_fails()
        else:
            call.caller_is_unclear()
    assert call.said == ["Goodbye."]
    assert call.hung_up is not None
    assert call.hung_up.reason is HangUpReason.NO_MATCH


def test_a_condition_that_cannot_be_decided_is_apologised_for_and_noted() -> None:
    call = at_look()
    call.tool_returns({"cuont": 2})
    assert call.hung_up is not None
    assert call.hung_up.reason is HangUpReason.FLOW_ERROR
    assert call.said == ["I'm sorry, something went wrong on our side. Please call again later."]
    assert str(call.runner.variables["flow_error"]).startswith("any_loans: ")


def test_steps_that_circle_without_waiting_end_in_the_flow_error_policy() -> None:
    text = changed(("    say: Anything else?\n    listen: {intents: {loans: null, fine: null, bye: "
                    "bye}, no_input_ms: 4000}", "    say: Round.\n    next: paid"))  # fmt: skip
    call = Conversation(flow_of(text))
    call.answer()
    call.caller_wants("desk")
    call.transfer_fails()
    assert call.hung_up is not None
    assert call.hung_up.reason is HangUpReason.FLOW_ERROR
    assert len(call.last) < 200


def test_what_is_said_to_the_end_or_cut_changes_nothing_by_itself() -> None:
    call = at_menu()
    assert call.feed(SayFinished("say-1", was_heard=False)) == []
    assert call.feed(SayFinished("say-9", was_heard=True)) == []


def test_today_is_the_agents_own_day() -> None:
    text = changed(("voice: coral", "voice: coral\n  timezone: Pacific/Auckland"))
    call = Conversation(flow_of(text))  # noon in UTC is the next day's small hours there
    assert call.runner.variables["today"] == "2026-11-24"
    assert call.runner.variables["time_of_day"] == "01:00"
    assert Conversation(FLOW).runner.variables["today"] == "2026-11-23"
