"""What happens once a tool has come back: the engine speaks, the caller does, the flow goes on."""

from __future__ import annotations

import pytest
from tests.unit.flows.conversation import Conversation, flow_of

from trunkline.domain.events import ToolOutcome
from trunkline.flows.actions import (
    AskEngine,
    EngineCalled,
    ListenForCaller,
    ReplyToEngine,
    RunTool,
    ToolFinished,
)

DESK = """
agent: {name: desk, display_name: Desk}
start: menu
intents: {bye: {label: ending, description: The end., examples: [goodbye], goto: bye}}
tools:
  look:
    description: Look it up.
    parameters: {type: object, properties: {what: {type: string}}, required: [what]}
    http: {url: "https://desk.example/{{ what }}"}
    %s
  mark:
    description: Note it.
    builtin: {set_variable: {seen: {type: boolean}}}
steps:
  menu:
    say: How can I help?
    listen: {intents: [bye], tools: {look: {%s}, mark: {%s}}}
  found: {say: "It is {{ it.what }}.", next: bye}
  noted: {say: Noted., next: bye}
  bye: {say: Goodbye., hang_up: done}
"""


def after(tool: str = "", look: str = "save_as: it", mark: str = "") -> Conversation:
    call = Conversation(flow_of(DESK % (tool, look, mark)))
    call.answer()
    return call


def looks(call: Conversation) -> None:
    call.feed(EngineCalled("fc_1", "look", {"what": "x"}))
    (run,) = (action for action in call.log if isinstance(action, RunTool))
    call.feed(ToolFinished(run.run_id, ToolOutcome.OK, {"what": "here"}))


def test_the_engine_speaks_unless_it_is_told_otherwise() -> None:
    call = after()
    looks(call)
    assert [type(action) for action in call.last[-3:]] == [
        ReplyToEngine,
        AskEngine,
        ListenForCaller,
    ]


@pytest.mark.parametrize(
    ("tool", "look"), [("after: silent", "save_as: it"), ("", "save_as: it, after: silent")]
)
def test_silent_leaves_the_floor_to_the_caller(tool: str, look: str) -> None:
    call = after(tool, look)
    looks(call)
    assert not any(isinstance(action, AskEngine) for action in call.last)
    assert isinstance(call.last[-1], ListenForCaller)


@pytest.mark.parametrize("look", ["goto: found", "after: continue, goto: found"])
def test_a_goto_leads_on_with_the_result_and_the_call_is_answered_first(look: str) -> None:
    call = after("after: silent", f"save_as: it, {look}")
    looks(call)
    assert isinstance(next(a for a in call.last if isinstance(a, ReplyToEngine)), ReplyToEngine)
    assert call.said == ["It is here.", "Goodbye."]
    assert call.hung_up is not None


def test_a_built_in_may_lead_on_too() -> None:
    call = after(mark="goto: noted")
    call.feed(EngineCalled("fc_1", "mark", {"seen": True}))
    assert call.runner.variables["seen"] is True
    assert call.said == ["Noted.", "Goodbye."]


def test_the_flow_that_goes_on_answers_a_call_that_it_leaves() -> None:
    """A filler that cannot be said breaks the flow while a tool runs: the engine is told."""
    call = after('while_running: "Still {{ it.what }}."')
    call.feed(EngineCalled("fc_1", "look", {"what": "x"}))
    call.caller_is_silent()
    (reply,) = call.replies
    assert (reply.call_id, reply.output["error"]["code"]) == ("fc_1", "abandoned")
    assert call.hung_up is not None
