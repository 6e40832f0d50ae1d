"""Whatever happens in whatever order: no crash, no caller left waiting, no high-risk call run."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.flows.conversation import Conversation, flow_of
from tests.unit.flows.samples import LIBRARY

from trunkline.domain.events import ToolOutcome
from trunkline.flows.actions import (
    CallAnswered,
    CallerSilent,
    CallerUnclear,
    DigitsEntered,
    EngineCalled,
    EngineFailed,
    EngineSpoke,
    FlowEvent,
    HangUp,
    ListenForCaller,
    ParkTool,
    ReplyToEngine,
    RunTool,
    Say,
    SayFinished,
    ToolFinished,
    Transfer,
    TransferFinished,
)
from trunkline.flows.catalog import SHIPPED_AGENTS
from trunkline.flows.flow import Flow
from trunkline.flows.tools import RiskClass

FLOWS = {
    "library": flow_of(LIBRARY),
    "energy": flow_of((SHIPPED_AGENTS / "energy.yaml").read_text(encoding="utf-8")),
}
# What a call treats as the end of its waiting for the caller: the flow owes it something new.
CONSUMING = (EngineCalled, EngineSpoke, EngineFailed, DigitsEntered, CallerSilent, CallerUnclear)

JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=6,
)
GOOD_RESULTS = st.sampled_from(
    [
        {"count": 0}, {"count": 2, "due": "2026-12-01"},
        {"owed": 182.4, "due": "2026-12-01"}, {"owed": 0, "due": "2026-12-01"},
        {"owed": -3.5, "due": "2026-12-01"}, {"reading": "48211"},
        {day: {"opens": "08:00", "closes": "18:00"} for day in ("weekdays", "saturday")},
    ]
)  # fmt: skip
GOOD_VALUES = st.sampled_from(["44172908", "123456", "48211", "12.50", True, "gas"])
CODES = st.sampled_from(["not_found", "http_500", "below_previous", "invalid_arguments", "parked"])


def names_in(flow: Flow) -> list[str]:
    names = [f"intent_{name}" for name in flow.intents]
    names += [f"collect_{name}" for name in flow.steps]
    return [*names, "intent_confirm_yes", "intent_confirm_no", "nonsense", ""]


def events(flow: Flow) -> st.SearchStrategy[tuple[str, Any]]:
    arguments = st.fixed_dictionaries({}, optional=dict.fromkeys(flow.written, GOOD_VALUES | JSON))
    return st.one_of(
        st.tuples(st.just("called"), st.tuples(st.sampled_from(names_in(flow)), arguments)),
        st.tuples(st.just("offered"), st.tuples(st.integers(0, 20), arguments)),
        st.tuples(st.just("digits"), st.text(alphabet="0123456789*#", max_size=9)),
        st.tuples(st.just("digits"), st.sampled_from(["44172908", "48211", "12*50", "1", "0"])),
        st.tuples(st.just("returned"), GOOD_RESULTS | JSON),
        st.tuples(st.just("failed"), CODES | JSON),
        st.tuples(st.just("outcome"), st.sampled_from(list(ToolOutcome))),
        st.tuples(st.just("late"), GOOD_RESULTS),
        st.tuples(st.just("transfer"), st.integers(0, 9)),
        st.tuples(st.just("spoke"), st.text(max_size=5)),
        st.sampled_from([(kind, None) for kind in ("silent", "unclear", "lost", "said", "again")]),
    )


def event_of(call: Conversation, kind: str, value: Any) -> FlowEvent:
    runs = [action for action in call.log if isinstance(action, RunTool | ParkTool)]
    run_id = runs[-1].run_id if runs else "run_none"
    match kind:
        case "called":
            return EngineCalled(f"call_{len(call.log)}", value[0], value[1])
        case "offered":  # what an engine that keeps to the session would call
            tools = call.configured.tools
            tool = tools[value[0] % len(tools)]
            return EngineCalled(f"call_{len(call.log)}", str(tool["name"]), value[1])
        case "digits":
            return DigitsEntered(value)
        case "returned":
            return ToolFinished(run_id, ToolOutcome.OK, value)
        case "failed":
            return ToolFinished(run_id, ToolOutcome.FAILED, {"error": {"code": value}})
        case "outcome":
            return ToolFinished(run_id, value, {})
        case "late":
            return ToolFinished("run_other", ToolOutcome.OK, value)
        case "transfer":
            return TransferFinished(is_connected=value == 0, sip_status=486)
        case "spoke":
            return EngineSpoke(value)
        case "silent":
            return CallerSilent()
        case "unclear":
            return CallerUnclear()
        case "lost":
            return EngineFailed("gone")
        case "said":
            return SayFinished("say-1", was_heard=False)
        case _:
            return CallAnswered()


def check_step(call: Conversation, event: FlowEvent, was_over: bool, was_away: bool) -> None:
    actions = call.last
    replies = [action for action in actions if isinstance(action, ReplyToEngine)]
    assert len(replies) == (1 if isinstance(event, EngineCalled) else 0)
    ends = [place for place, action in enumerate(actions) if isinstance(action, HangUp | Transfer)]
    assert ends in ([], [len(actions) - 1]), actions
    if was_over:
        assert actions == replies
        return
    if isinstance(event, CONSUMING) and not was_away:
        assert isinstance(actions[-1], ListenForCaller | HangUp | Transfer), actions
    if actions and actions != replies:
        assert isinstance(actions[-1], ListenForCaller | HangUp | Transfer), actions
    for action in actions:
        if isinstance(action, Say):
            assert action.text
        if isinstance(action, RunTool):
            assert call.runner.flow.tools[action.tool].risk is not RiskClass.HIGH
        if isinstance(action, ListenForCaller):
            assert 500 <= action.no_input_ms <= 60000
    assert call.runner.is_over == any(isinstance(action, HangUp) for action in actions) or (
        isinstance(event, TransferFinished)
    )


def play(flow: Flow, script: list[tuple[str, Any]]) -> Conversation:
    call = Conversation(flow)
    call.answer()
    away = False  # a transfer is under way: the leg is the transfer's
    for kind, value in script:
        event = event_of(call, kind, value)
        was_over = call.runner.is_over
        call.feed(event)
        check_step(call, event, was_over, away)
        if isinstance(event, TransferFinished):
            away = False
        away = away or call.transferred_to is not None
    said = [action.say_id for action in call.log if isinstance(action, Say)]
    assert len(said) == len(set(said))
    return call


@pytest.mark.parametrize("name", sorted(FLOWS))
@settings(max_examples=300, deadline=None)
@given(st.data())
def test_every_event_in_every_state_leads_to_something_definite(
    name: str, data: st.DataObject
) -> None:
    flow = FLOWS[name]
    play(flow, data.draw(st.lists(events(flow), max_size=30)))


@pytest.mark.parametrize("name", sorted(FLOWS))
@settings(max_examples=100, deadline=None)
@given(st.data())
def test_a_caller_who_falls_silent_anywhere_is_let_go_of(name: str, data: st.DataObject) -> None:
    flow = FLOWS[name]
    call = play(flow, data.draw(st.lists(events(flow), max_size=20)))
    for _ in range(150):  # tools that never end, transfers that nobody takes
        if call.runner.is_over:
            break
        call.caller_is_silent()
        call.transfer_fails()
    assert call.runner.is_over, (call.runner.step, call.last)


@pytest.mark.parametrize("name", sorted(FLOWS))
@settings(max_examples=100, deadline=None)
@given(st.data())
def test_noise_anywhere_does_not_hold_the_line_for_ever(name: str, data: st.DataObject) -> None:
    flow = FLOWS[name]
    call = play(flow, data.draw(st.lists(events(flow), max_size=20)))
    for _ in range(150):
        if call.runner.is_over:
            break
        call.caller_is_unclear()
        call.transfer_fails()
        call.feed(event_of(call, "failed", "http_500"))
    assert call.runner.is_over, (call.runner.step, call.last)
