"""A caller who waits for a person: every news, in every order, and every way out meanwhile."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from tests.unit.flows.conversation import Conversation, flow_of

from trunkline.domain.approval import ApprovalState, Role, WhenCallerLeaves
from trunkline.domain.events import Json
from trunkline.flows.actions import (
    ApprovalChanged,
    HangUp,
    ListenForCaller,
    ParkTool,
    RunTool,
    Say,
    WithdrawApproval,
)
from trunkline.flows.schema.loader import FlowInvalid

TEXT = """
agent: {name: till, display_name: Till, language: en}
start: who
identity: {by: [who]}
intents:
  change:
    label: another amount
    description: Another amount.
    examples: [another amount]
    goto: amount
  bye: {label: ending, description: Goodbye., examples: [bye], goto: end, everywhere: true}
tools:
  pay:
    description: Pay an amount.
    risk: high
    parameters:
      type: object
      properties:
        account: {type: string}
        amount: {type: string, pattern: "^[0-9.]+$"}
      required: [account, amount]
    http:
      method: POST
      url: "https://pay.example.org/{{ account }}"
      body: {amount: "{{ amount }}"}
    idempotency_key: true
    approval:
      ask: "Pay {{ amount }} on {{ account }}?"
      levels: [{role: supervisor, within_s: 60}, {role: manager, within_s: 60}]
      expires_s: 120
      amount: amount
      limits: {supervisor: "500.00", manager: 5000}
      editable: [amount]
      rules:
        - {when: amount < 5 and verified, waive: true}
        - {when: tries > 0, people: 2}
        - {when: amount > 1000 or not verified, levels: [{role: manager, within_s: 90}]}
steps:
  who:
    collect: {account: {kind: digits, length: 4, description: account, ask: "Which account?"}}
    next: amount
  amount:
    collect: {amount: {kind: amount, description: amount, ask: "How much?"}}
    next: pay
  pay:
    tool: pay
    arguments: {account: "{{ account }}", amount: "{{ amount }}"}
    save_as: receipt
    next: paid
    wait:
      say: A colleague has to agree first.
      not_yet: Not yet.
      every_s: 10
      idle: [Still waiting., "Still there."]
      intents: [change]
      keys: {"9": amount}
      save_arguments_as: decided
      on_granted: "Agreed to {{ decided.amount }}."
      on_escalated: I'm asking somebody else.
      on_refused: {say: "They said no.", goto: more}
      on_expired: {say: Nobody was there., goto: more}
      on_failed: {say: It did not work., goto: more}
      on_unknown: {say: I can't tell., goto: more}
  paid: {say: "Paid {{ decided.amount }}, number {{ receipt.number }}.", next: more}
  more: {say: "Anything else?", listen: {intents: [change]}}
  end: {say: Goodbye., hang_up: done}
"""
DONE = {"number": "A7"}


def asked(amount: str = "240.50", text: str = TEXT) -> Conversation:
    call = Conversation(flow_of(text))
    call.answer()
    call.caller_gives(account="1234")
    call.caller_gives(amount=amount)
    return call


def waiting(amount: str = "240.50", text: str = TEXT) -> Conversation:
    call = asked(amount, text)
    call.tool_is_parked()
    return call


def news(
    call: Conversation,
    state: ApprovalState,
    revision: int,
    amount: str = "240.50",
    result: Json = None,
    run_id: str = "",
) -> None:
    arguments = {"account": "1234", "amount": amount}
    run_id = run_id or call.running.run_id
    call.feed(ApprovalChanged(run_id, state, revision, arguments, result))


def parked(call: Conversation) -> list[ParkTool]:
    return [action for action in call.log if isinstance(action, ParkTool)]


def withdrawn(call: Conversation) -> list[str]:
    return [action.run_id for action in call.log if isinstance(action, WithdrawApproval)]


def test_the_caller_hears_what_is_waited_for_and_at_last_the_receipt() -> None:
    call = waiting()
    assert call.said == ["A colleague has to agree first."]
    assert call.listening.no_input_ms == 10_000
    call.caller_is_silent()
    assert call.said == ["Still waiting."]
    call.caller_is_silent()
    call.caller_is_silent()
    assert call.said == ["Still there."]
    call.caller_wants("is_it_done")
    assert call.said == ["Not yet."]
    assert call.replies[-1].output["status"] == "pending"
    news(call, ApprovalState.ESCALATED, 1)
    assert call.said == ["I'm asking somebody else."]
    news(call, ApprovalState.EDITED, 2, "200.00")
    assert call.said == []
    news(call, ApprovalState.GRANTED, 3, "200.00")
    assert call.said == ["Agreed to 200.00."]
    news(call, ApprovalState.DONE, 5, "200.00", DONE)
    assert call.said == ["Paid 200.00, number A7.", "Anything else?"]
    assert not any(isinstance(action, RunTool) for action in call.log)


def test_news_that_come_twice_late_or_for_nobody_change_nothing() -> None:
    call = waiting()
    news(call, ApprovalState.GRANTED, 3)
    for state, revision in ((ApprovalState.GRANTED, 3), (ApprovalState.ESCALATED, 2)):
        news(call, state, revision)
        assert call.last == []
    news(call, ApprovalState.DONE, 5, result=DONE)
    news(call, ApprovalState.DONE, 5, result=DONE)
    assert call.last == []
    news(call, ApprovalState.REFUSED, 9, run_id="run_of_nobody")
    assert call.last == []


@pytest.mark.parametrize(
    ("state", "line"),
    [
        (ApprovalState.REFUSED, "They said no."),
        (ApprovalState.EXPIRED, "Nobody was there."),
        (ApprovalState.ABANDONED, "Nobody was there."),
        (ApprovalState.FAILED, "It did not work."),
        (ApprovalState.UNKNOWN, "I can't tell."),
    ],
)
def test_every_other_end_has_its_own_word(state: ApprovalState, line: str) -> None:
    call = waiting()
    news(call, state, 1)
    assert call.said == [line, "Anything else?"]
    # Who asks at that very moment whether it is done hears all of it.
    told, question = [action for action in call.last if isinstance(action, Say)]
    assert (told.is_interruptible, question.is_interruptible) == (False, True)


def test_a_changed_amount_is_asked_anew_only_once_the_old_one_is_taken_back() -> None:
    call = waiting()
    call.caller_wants("change")
    first = call.running.run_id
    assert withdrawn(call) == [first]
    assert "amount" not in call.steps[2:]
    news(call, ApprovalState.ABANDONED, 1)
    call.caller_gives(amount="50.00")
    assert [one.arguments["amount"] for one in parked(call)] == ["240.50", "50.00"]
    assert parked(call)[1].policy.grants == 2  # the rule for a second try


def test_what_was_granted_meanwhile_is_told_and_nothing_else_is_asked() -> None:
    call = waiting()
    call.caller_presses("9")
    news(call, ApprovalState.GRANTED, 1)
    news(call, ApprovalState.DONE, 3, result=DONE)
    assert call.said[0] == "Paid 240.50, number A7."
    call = waiting()
    news(call, ApprovalState.GRANTED, 1)
    call.caller_presses("9")
    assert call.said == ["Not yet."]
    assert withdrawn(call) == []


def test_nothing_new_is_asked_while_nobody_says_what_became_of_the_old_one() -> None:
    call = waiting()
    call.caller_wants("change")
    call.caller_is_silent()
    call.caller_is_silent()
    assert call.runner.step == "amount"
    call.caller_gives(amount="50.00")
    assert len(parked(call)) == 1
    assert call.said == ["Not yet."]
    first = parked(call)[0].run_id
    assert withdrawn(call) == [first, first]
    news(call, ApprovalState.ABANDONED, 1, run_id=first)
    assert [one.arguments["amount"] for one in parked(call)] == ["240.50", "50.00"]


def test_the_good_end_of_what_was_left_behind_is_told_all_the_same() -> None:
    keeping = TEXT.replace("editable:", "when_caller_leaves: keep\n      editable:")
    call = waiting(text=keeping)
    assert parked(call)[0].policy.when_caller_leaves is WhenCallerLeaves.KEEP
    call.caller_wants("bye")
    assert any(isinstance(action, HangUp) for action in call.last)
    assert withdrawn(call) == []
    news(call, ApprovalState.DONE, 3, result=DONE)
    assert call.said == []


def test_silence_speech_noise_and_a_failing_engine_end_no_wait() -> None:
    call = waiting()
    for _ in range(20):
        call.caller_is_silent()
        call.engine_says("I can put you through to somebody.")
        call.caller_is_unclear()
        call.engine_fails()
        call.caller_presses("5")
        call.engine_reports("intent_nonsense")
        assert isinstance(call.last[-1], ListenForCaller)
    assert call.runner.step == "pay"
    news(call, ApprovalState.DONE, 3, result=DONE)
    assert call.said[0] == "Paid 240.50, number A7."


def test_who_is_asked_depends_on_amount_tries_and_identity() -> None:
    call = asked("240.50")
    (one,) = parked(call)
    assert one.question == "Pay 240.50 on 1234?"
    assert one.is_verified
    assert [level.role for level in one.policy.levels] == [Role.SUPERVISOR, Role.MANAGER]
    assert one.policy.limits == {Role.SUPERVISOR: Decimal("500.00"), Role.MANAGER: Decimal(5000)}
    assert [level.role for level in parked(asked("1500.00"))[0].policy.levels] == [Role.MANAGER]
    assert parked(asked("4.00")) == []


def test_whoever_was_never_identified_is_not_verified() -> None:
    call = asked("4.00", TEXT.replace("identity: {by: [who]}\n", ""))
    (one,) = parked(call)
    assert not one.is_verified
    assert [level.role for level in one.policy.levels] == [Role.MANAGER]


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("amount: amount\n", "amount: amonut\n", "takes no argument 'amonut'; did you mean"),
        ("editable: [amount]", "editable: [sum]", "takes no argument 'sum'"),
        ("      amount: amount\n", "", "limits of what"),
        ("amount < 5 and verified, waive", "verified, waive", "only below an amount"),
        ("waive: true}", "waive: true, people: 2}", "leave it out"),
        ("tries > 0", "trys > 0", "nothing ever sets the variable 'trys'"),
        ("risk: high", "risk: medium", "waits for nobody: say risk: high"),
        ("on_unknown: {say: I can't tell., goto: more}", "", "'on_unknown' is missing"),
        ("role: manager, within_s: 60", "role: boss, within_s: 60", "supervisor"),
        ("next: paid\n", "next: paid\n    on_parked: {say: Wait.}\n", "drop one of the two"),
    ],
)
def test_a_mistake_is_told_with_its_line(old: str, new: str, complaint: str) -> None:
    assert TEXT.count(old) >= 1
    with pytest.raises(FlowInvalid) as caught:
        flow_of(TEXT.replace(old, new, 1))
    assert re.search(r"line \d+", str(caught.value))
    assert complaint in str(caught.value)
