"""Whatever a model calls and whatever comes back, in any order: every call gets one output."""

from __future__ import annotations

from itertools import count
from typing import Any, Final

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.flows.test_offered_tools import Talk

from trunkline.domain.events import ToolOutcome
from trunkline.flows.actions import (
    BackgroundFinished,
    BeepHeard,
    DigitsEntered,
    EngineCalled,
    EngineFailed,
    EngineSpoke,
    FloorFree,
    FlowEvent,
    HangUp,
    ParkTool,
    QueueFinished,
    QueueOutcome,
    QueuePosition,
    RunTool,
    ToolFinished,
    Transfer,
    TransferFinished,
)
from trunkline.flows.offered_tools import MAX_CALLS, MAX_FAILURES

_NAMES: Final = (
    "find_order", "refund", "note", "to_person", "wait_in_line", "end_call", "press", "leave_word",
    "intent_bye", "no_such", "",
)  # fmt: skip
_VALUES: Final[st.SearchStrategy[Any]] = st.sampled_from(
    ["12345", "sales", "calm", "1w2", "", 7, None, {"a": []}, "x" * 99]
)
_ARGUMENTS: Final = st.dictionaries(
    st.sampled_from(["order", "account", "mood", "destination", "digits", "briefing"]),
    _VALUES,
    max_size=3,
)
_CALLS: Final = st.builds(
    lambda name, arguments, place, fault: EngineCalled("", name, arguments, place, fault),
    st.sampled_from(_NAMES),
    _ARGUMENTS,
    st.integers(0, 2),
    st.sampled_from(["", "", "", "bad_json", "not_said"]),
)
_RESULTS: Final = st.sampled_from([None, {}, {"state": "x"}, {"error": {"code": "x"}}, [1], "x"])
_OTHERS: Final = st.sampled_from(
    [
        EngineSpoke("Well."), EngineSpoke(""), EngineFailed("x"), DigitsEntered("0"),
        DigitsEntered("5"), FloorFree(), BeepHeard(was_heard=True), QueuePosition(1, None),
        QueueFinished(QueueOutcome.TIMEOUT, 1), QueueFinished(QueueOutcome.CALLBACK, 1),
        TransferFinished(is_connected=False, sip_status=486),
        BackgroundFinished("run_0001", ToolOutcome.OK, {}),
    ]
)  # fmt: skip
_ENDS: Final = st.tuples(st.sampled_from(list(ToolOutcome)), _RESULTS)
_SCRIPTS: Final = st.lists(st.one_of(_CALLS, _OTHERS, _ENDS), max_size=40)


@settings(max_examples=150, deadline=None)
@given(_SCRIPTS)
def test_every_call_gets_one_output_and_no_model_leads_in_circles(
    script: list[FlowEvent | tuple[ToolOutcome, object]],
) -> None:
    talk, numbers = Talk(), count(1)
    pending: set[str] = set()
    for entry in script:
        if isinstance(entry, tuple):
            runs = [action for action in talk.log if isinstance(action, RunTool | ParkTool)]
            if runs:
                talk.feed(ToolFinished(runs[-1].run_id, *entry))
        elif isinstance(entry, EngineCalled):
            call_id = f"fc_{next(numbers)}"
            pending.add(call_id)
            talk.feed(EngineCalled(call_id, entry.name, entry.arguments, entry.place, entry.fault))
        else:
            talk.feed(entry)
        pending -= set(talk.outputs)
        # At most the call that runs, or that the caller is away for, is still to be answered.
        assert len(pending) <= 1
    for _ in range(20):  # time passes: what runs is given up, what is away comes back
        talk.caller_is_silent()
        talk.feed(TransferFinished(is_connected=False, sip_status=408))
        talk.feed(QueueFinished(QueueOutcome.UNAVAILABLE, 1))
    pending -= set(talk.outputs)
    assert not pending
    assert sum(isinstance(action, HangUp) for action in talk.log) <= 1
    assert all(run.tool in ("find_order", "refund") for run in talk.runs)
    assert all("account" in run.arguments for run in talk.runs if run.tool == "find_order")


@settings(max_examples=60, deadline=None)
@given(st.lists(_CALLS, max_size=60))
def test_a_model_left_alone_comes_to_an_end(calls: list[EngineCalled]) -> None:
    """Nobody speaks, everything fails: the runs of one stay are bounded."""
    talk, numbers = Talk(), count(1)
    for call in calls:
        talk.feed(EngineCalled(f"fc_{next(numbers)}", call.name, call.arguments, 1, call.fault))
        if talk.runner.step != "menu" or talk.runner.is_over:
            break
        runs = [action for action in talk.last if isinstance(action, RunTool | ParkTool)]
        for run in runs:
            talk.feed(ToolFinished(run.run_id, ToolOutcome.FAILED, None))
        if any(isinstance(action, Transfer) for action in talk.last):
            talk.feed(TransferFinished(is_connected=False, sip_status=486))
    assert len(talk.runs) <= min(MAX_CALLS, 2 * (MAX_FAILURES + 1))
