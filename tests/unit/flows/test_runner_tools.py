"""Tools inside the runner: failure, patience, lateness, what the caller says meanwhile."""

from __future__ import annotations

from tests.unit.flows.conversation import Conversation, flow_of
from tests.unit.flows.samples import LIBRARY, changed

from trunkline.domain.events import ToolOutcome
from trunkline.flows.actions import HangUp, ListenForCaller, RunTool, Say, ToolFinished
from trunkline.flows.flow import Flow
from trunkline.flows.walk import TOOL_FIRST_TICK_MS, TOOL_GRACE_MS, TOOL_TICK_MS

FLOW = flow_of(LIBRARY)


def at_look(flow: Flow = FLOW) -> Conversation:
    call = Conversation(flow)
    call.answer()
    call.caller_wants("loans")
    call.caller_gives(card="123456")
    return call


def test_a_failed_tool_is_spoken_tried_again_and_then_given_up() -> None:
    call = at_look()
    first = call.running
    call.tool_fails()
    assert call.said == ["That did not work. I will try again."]
    second = call.running
    assert second.run_id != first.run_id
    call.tool_fails()
    assert call.said == ["Our system is down.", "Anything else?"]
    assert isinstance(call.last[-1], ListenForCaller)


def test_a_call_tried_again_keeps_its_idempotency_key() -> None:
    call = at_look()
    first = call.running
    call.tool_fails()
    assert call.running.idempotency_key == first.idempotency_key == first.run_id
    call.tool_returns({"count": 0})
    call.caller_wants("loans")
    assert call.running.idempotency_key not in ("", first.idempotency_key)


def test_patience_with_a_tool_is_fresh_after_it_worked() -> None:
    call = at_look()
    call.tool_fails()
    call.tool_returns({"count": 0})
    call.caller_wants("loans")
    call.tool_fails()
    assert call.said == ["That did not work. I will try again."]


def test_a_failure_with_a_route_of_its_own_goes_there_and_forgets() -> None:
    call = at_look()
    call.tool_fails("not_found")
    assert call.said == ["I cannot find that card."]
    assert call.runner.step == "card"
    assert "card" not in call.runner.variables
    call.caller_gives(card="654321")
    call.tool_fails("not_found")
    assert call.transferred_to == "sip:desk@127.0.0.1:5070"


def test_a_result_that_comes_late_or_twice_changes_nothing() -> None:
    call = at_look()
    run = call.running
    call.tool_returns({"count": 0})
    twice = ToolFinished(run.run_id, ToolOutcome.OK, {"count": 9})
    assert call.feed(twice) == []
    assert call.runner.variables["loans"] == {"count": 0}


def test_a_tool_that_never_ends_is_given_up_by_the_flow() -> None:
    call = at_look()
    heard: list[str] = []
    ticks = 0
    while call.runner.step == "look" and ticks < 50:
        call.caller_is_silent()
        heard += call.said
        ticks += 1
        if len([a for a in call.log if isinstance(a, RunTool)]) == 2:
            break
    assert "That did not work. I will try again." in heard
    assert heard.count("Still looking.") == 1, "then come the call's fillers"
    assert ticks * TOOL_TICK_MS > 2000 + TOOL_GRACE_MS


def test_what_the_caller_wants_meanwhile_is_done_when_the_tool_is_done() -> None:
    call = at_look()
    call.caller_wants("bye")
    assert isinstance(call.last[-1], ListenForCaller)
    assert not [action for action in call.log if isinstance(action, HangUp)]
    call.tool_returns({"count": 2, "due": "2026-12-01"})
    assert call.said == ["Goodbye."]
    assert call.hung_up is not None


def test_a_tool_that_fails_after_the_caller_has_moved_on_is_not_talked_about() -> None:
    call = at_look()
    call.caller_presses("0")
    call.tool_fails()
    assert call.said == ["I will put you through."]


def test_engine_words_and_failures_meanwhile_leave_the_tool_alone() -> None:
    call = at_look()
    call.engine_says("hm")
    call.engine_fails()
    call.caller_is_unclear()
    call.engine_reports("collect_card", card="999999")
    assert isinstance(call.last[-1], ListenForCaller)
    assert call.runner.variables["card"] == "123456"
    call.tool_returns({"count": 0})
    assert call.said[0] == "You have nothing on loan."


def test_a_tool_parked_against_the_flows_expectation_is_never_spoken_as_done() -> None:
    call = at_look()
    call.tool_is_parked()
    call.tool_is_parked()
    spoken = [action.text for action in call.log if isinstance(action, Say)]
    assert "Our system is down." in spoken
    assert "loans" not in call.runner.variables


def test_a_high_risk_failure_is_routed_like_any_other() -> None:
    call = Conversation(FLOW)
    call.answer()
    call.caller_wants("fine")
    call.caller_gives(card="123456", amount="12.50")
    call.tool_fails("invalid_arguments")
    call.tool_fails("invalid_arguments")
    assert call.said == ["Our system is down.", "Anything else?"]
    assert "paid" not in call.steps


def test_an_argument_that_has_no_value_is_a_fault_of_the_flow_not_a_crash() -> None:
    text = changed(('arguments: {card: "{{ card }}"}\n    save_as: loans',
                    'arguments: {card: "{{ loans.card }}"}\n    save_as: loans'))  # fmt: skip
    call = Conversation(flow_of(text))
    call.answer()
    call.caller_wants("loans")
    call.caller_gives(card="123456")
    assert call.hung_up is not None
    assert str(call.runner.variables["flow_error"]).startswith("look: ")


def test_a_quick_tool_is_answered_at_once_and_a_slow_one_talked_over() -> None:
    call = at_look()
    assert call.said == []
    assert call.listening.no_input_ms == TOOL_FIRST_TICK_MS
    heard = []
    for _ in range(4):
        call.caller_is_silent()
        heard.append(call.said)
        assert call.listening.no_input_ms == TOOL_TICK_MS
    assert heard == [["One moment."], ["Still looking."], [], []]


def test_a_flow_without_fillers_says_what_it_has_again_and_again() -> None:
    call = at_look(flow_of(changed(("policies:\n", "policies:\n  fillers: []\n"))))
    heard = []
    for _ in range(4):
        call.caller_is_silent()
        heard.append(call.said)
    assert heard == [["One moment."], ["Still looking."], [], ["Still looking."]]


def test_a_step_with_a_line_of_its_own_says_it_before_the_tool_runs() -> None:
    text = changed(("    tool: get_loans\n", "    say: I will look.\n    tool: get_loans\n"))
    call = Conversation(flow_of(text))
    call.answer()
    call.caller_wants("loans")
    call.caller_gives(card="123456")
    assert call.said == ["I will look."]
    call.caller_is_silent()
    assert call.said == []
