"""Whatever tools do, in whatever step: every function call is answered once, and nobody waits."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.flows.conversation import Conversation, flow_of
from tests.unit.flows.samples import LIBRARY

from trunkline.domain.events import ToolOutcome
from trunkline.flows.actions import (
    CallerSilent,
    CallerUnclear,
    DigitsEntered,
    EngineCalled,
    FlowEvent,
    HangUp,
    ListenForCaller,
    ParkTool,
    ReplyToEngine,
    RunTool,
    ToolFinished,
    Transfer,
    TransferFinished,
)

FLOW = flow_of(LIBRARY)
WAYS_IN: dict[str, tuple[tuple[str, dict[str, Any]], ...]] = {
    "a plain tool": (("intent_loans", {}), ("collect_card", {"card": "123456"})),
    "a tool that a human must approve": (
        ("intent_fine", {}),
        ("collect_fine_amount", {"card": "123456", "amount": "12.50"}),
    ),
}
RESULTS: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from([{"count": 0}, {"count": 2, "due": "2026-12-01"}, {"count": "x"}]),
    st.sampled_from(["not_found", "timed_out", "http_500", "breaker_open", ""]).map(
        lambda code: {"error": {"code": code, "message": "it failed"}}
    ),
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.lists(st.integers()),
)
MEANWHILE = st.sampled_from(
    ["intent_bye", "intent_desk", "intent_loans", "intent_fine", "intent_again", "collect_card",
     "nonsense", "silent", "unclear", "keys"]
)  # fmt: skip


class Ledger:
    """A conversation, with every event checked for what it owes."""

    def __init__(self) -> None:
        self.call = Conversation(FLOW)
        self.asked: list[str] = []
        self.call.answer()

    def feed(self, event: FlowEvent) -> None:
        if isinstance(event, EngineCalled):
            self.asked.append(event.call_id)
        self.call.feed(event)
        replied = [a.call_id for a in self.call.log if isinstance(a, ReplyToEngine)]
        assert replied == self.asked, "each function call is answered at once, once, in order"
        self.must_wait_for_something()

    def must_wait_for_something(self) -> None:
        """The last thing the flow did, replies aside, leaves it with an end or a clock."""
        if self.call.runner.is_over:
            return
        ends = (ListenForCaller, Transfer)
        waits = [a for a in self.call.log if isinstance(a, (*ends, HangUp, RunTool, ParkTool))]
        assert isinstance(waits[-1], ends), waits[-1]
        if isinstance(waits[-1], ListenForCaller):
            assert waits[-1].no_input_ms > 0

    def engine_calls(self, name: str, arguments: dict[str, Any]) -> None:
        self.feed(EngineCalled(f"call_{len(self.asked)}", name, arguments))

    def happens(self, what: str) -> None:
        match what:
            case "silent":
                self.feed(CallerSilent())
            case "unclear":
                self.feed(CallerUnclear())
            case "keys":
                self.feed(DigitsEntered("0"))
            case _:
                self.engine_calls(what, {"card": "123456"})


@pytest.mark.parametrize("way_in", WAYS_IN)
@pytest.mark.parametrize("outcome", list(ToolOutcome))
@settings(max_examples=40, deadline=None)
@given(
    result=RESULTS,
    before=st.lists(MEANWHILE, max_size=3),
    after=st.lists(MEANWHILE, max_size=3),
    reports=st.integers(1, 5),
)
def test_no_outcome_leaves_the_engine_or_the_caller_waiting(
    way_in: str,
    outcome: ToolOutcome,
    result: Any,
    before: list[str],
    after: list[str],
    reports: int,
) -> None:
    ledger = Ledger()
    for name, arguments in WAYS_IN[way_in]:
        ledger.engine_calls(name, arguments)
    call = ledger.call
    assert any(isinstance(action, RunTool | ParkTool) for action in call.log)
    for what in before:
        ledger.happens(what)
    for _ in range(reports):  # the same outcome again, for every try and once too often
        ledger.feed(ToolFinished(call.running.run_id, outcome, result))
    for what in after:
        ledger.happens(what)
    for _ in range(60):
        if call.runner.is_over:
            break
        ledger.feed(CallerSilent())
        ledger.feed(TransferFinished(is_connected=False, sip_status=486))
    assert call.runner.is_over, call.runner.step
