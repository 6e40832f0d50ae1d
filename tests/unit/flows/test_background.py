"""Tools in the background: the call goes on, and hears of them when nobody is speaking."""

from __future__ import annotations

import pytest
from tests.unit.flows.conversation import Conversation, flow_of

from trunkline.domain.events import ToolOutcome
from trunkline.flows.actions import (
    AskEngine,
    Background,
    BackgroundFinished,
    FloorFree,
    ListenForCaller,
    RunTool,
)
from trunkline.flows.check.checker import examine_text
from trunkline.flows.schema.loader import FlowInvalid, load_flow

SHOP = """
agent: {name: shop, display_name: Shop}
start: send
intents:
  again: {label: another letter, description: Another., examples: [another letter], goto: send}
  name: {label: your name, description: Theirs., examples: [my name], goto: name}
  bye: {label: ending, description: The end., examples: [goodbye], goto: bye, everywhere: true}
  sub: {label: a detour, description: A detour., examples: [a detour], goto: detour}
tools:
  letter:
    description: Send a letter.
    parameters: {type: object, properties: {to: {type: string}}}
    http: {url: "https://shop.example/letters", method: POST}
    returns: {type: object, required: [number], properties: {number: {type: string}}}
flows:
  aside:
    start: ask
    steps:
      ask: {say: "Anything?", listen: {intents: {again: return}}}
steps:
  send:
    say: I will send it.
    tool: letter
    arguments: {to: "{{ caller_number }}"}
    save_as: letter
    background:
      say: "Your letter is number {{ letter.number }}."
      goto: sent
      on_failure: {say: The letter could not be sent.}
      within_s: 120
    next: menu
  menu: {say: "What else?", listen: {intents: [again, name, sub]}}
  name: {collect: {who: {kind: name, description: name, ask: "Your name?"}}, next: menu}
  detour: {flow: aside, next: menu}
  sent: {say: "Shall I send another?", listen: {intents: [again]}}
  bye: {say: Goodbye., hang_up: done}
"""
FLOW = flow_of(SHOP)
WORKED = {"number": "L 7"}


def started() -> tuple[Conversation, RunTool]:
    call = Conversation(FLOW, caller_number="+15550100")
    call.answer()
    (run,) = (action for action in call.log if isinstance(action, RunTool))
    return call, run


def worked(call: Conversation, run: RunTool) -> None:
    call.feed(BackgroundFinished(run.run_id, ToolOutcome.OK, WORKED))


def test_the_call_goes_on_at_once() -> None:
    call, run = started()
    assert run.background == Background(120_000)
    assert run.idempotency_key == run.run_id
    assert call.steps == ["send", "menu"]
    assert isinstance(call.last[-1], ListenForCaller)
    assert not call.runner.has_news


def test_the_result_is_kept_at_once_and_told_when_nobody_speaks() -> None:
    call, run = started()
    worked(call, run)
    assert call.runner.variables["letter"] == WORKED
    assert call.said == []
    assert call.runner.has_news
    call.feed(FloorFree())
    assert call.said == ["Your letter is number L 7.", "Shall I send another?"]
    assert call.runner.step == "sent"
    assert not call.runner.has_news


def test_a_result_is_told_once_however_often_it_comes() -> None:
    call, run = started()
    for _ in range(3):
        worked(call, run)
    call.feed(FloorFree())
    assert not call.runner.has_news
    call.feed(FloorFree())
    assert call.last == []


def test_nobody_is_led_away_from_a_question_and_it_is_told_afterwards() -> None:
    call, run = started()
    call.caller_wants("name")
    worked(call, run)
    assert not call.runner.has_news
    call.feed(FloorFree())
    assert call.last == []
    call.engine_reports("collect_name", who="Ada")
    assert call.runner.has_news


def test_nobody_is_led_out_of_a_sub_flow() -> None:
    call, run = started()
    call.caller_wants("sub")
    worked(call, run)
    assert not call.runner.has_news
    call.caller_wants("again")
    assert call.runner.step == "menu"
    assert call.runner.has_news
    assert call.runner.variables["letter"] == WORKED


def test_a_failure_is_told_and_the_question_is_asked_again() -> None:
    call, run = started()
    call.caller_wants("name")
    call.feed(BackgroundFinished(run.run_id, ToolOutcome.FAILED, {"error": {"code": "x"}}))
    assert call.runner.has_news
    call.feed(FloorFree())
    assert call.said == ["The letter could not be sent."]
    assert any(isinstance(action, AskEngine) for action in call.last)
    assert call.runner.step == "name"
    assert "letter" not in call.runner.variables


def test_the_same_while_it_runs_is_not_run_twice() -> None:
    call, run = started()
    call.caller_wants("again")
    assert [action for action in call.log if isinstance(action, RunTool)] == [run]
    worked(call, run)
    call.caller_wants("again")
    assert len([action for action in call.log if isinstance(action, RunTool)]) == 2


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("on_failure: {otherwise: {goto: menu}}", "under background.on_failure"),
        ("on_parked: {say: Wait.}", "under background.on_failure"),
        ("background: {goto: nowhere}", "there is no step 'nowhere'"),
        ("background: {within_s: 0}", "greater than or equal to 1"),
        ("background: {after: speak}", "unknown key 'after'"),
    ],
)
def test_a_mistake_is_named(more: str, said: str) -> None:
    text = SHOP.replace("    next: menu\n  menu:", f"    {more}\n    next: menu\n  menu:")
    if more.startswith("background"):
        start = text.index("    background:\n")
        text = text[:start] + text[text.index(f"    {more}") :]
    with pytest.raises(FlowInvalid, match=said):
        load_flow(text, environment={})


def test_what_cannot_outlive_the_call_is_refused() -> None:
    high = SHOP.replace("    description: Send a letter.", "    description: X.\n    risk: high")
    with pytest.raises(FlowInvalid, match="waits for a person anyway"):
        load_flow(high, environment={})
    secret = SHOP.replace(
        'kind: name, description: name, ask: "Your name?"',
        'kind: digits, length: 4, keypad_only: true, secret: true, description: x, ask: "Code?"',
    ).replace('{to: "{{ caller_number }}"}', '{to: "{{ who }}"}')
    with pytest.raises(FlowInvalid, match="who is secret and would have to be kept"):
        load_flow(secret, environment={})


def test_the_checker_knows_where_a_result_leads_and_that_it_may_come_late() -> None:
    assert examine_text(SHOP, environment={}).findings == ()
    early = SHOP.replace('say: "What else?"', 'say: "Number {{ letter.number }}?"')
    codes = [finding.code for finding in examine_text(early, environment={}).findings]
    assert codes == ["unset_variable"]
