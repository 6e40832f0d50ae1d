"""Whatever happens in whatever flow: a definite wait, one end, and no secret where it may stay."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from tests.unit.flows.every_step import flows

from trunkline.domain.errors import NotFound
from trunkline.domain.events import ToolOutcome
from trunkline.flows.actions import (
    Answerer,
    AwaitBeep,
    BeepHeard,
    CallAnswered,
    CallerSilent,
    CallerUnclear,
    Configure,
    DetectVoicemail,
    DigitsEntered,
    EngineCalled,
    EngineFailed,
    EngineSpoke,
    Enqueue,
    FlowAction,
    FlowEvent,
    HangUp,
    ListenForCaller,
    ParkTool,
    QueueFinished,
    QueueOutcome,
    QueuePosition,
    ReplyToEngine,
    RunTool,
    Say,
    ToolFinished,
    Transfer,
    TransferCause,
    TransferFinished,
    VoicemailDetected,
)
from trunkline.flows.flow import Flow
from trunkline.flows.runner import FlowRunner
from trunkline.flows.secrecy import reveal
from trunkline.flows.tools import RiskClass

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
CARD = "4111111111111111"  # passes the check digit
WAITS = (ListenForCaller, Transfer, Enqueue, DetectVoicemail, AwaitBeep, HangUp)
TERMINAL = (Transfer, Enqueue, HangUp)
WORDS = (
    st.sampled_from(["12 march 1980", "1980-03-12", "please call me", "", "yes"]) | st.integers()
)
# What each wait ends by: after it the flow owes the call something new to wait for.
ENDS: dict[type[Any], tuple[type[Any], ...]] = {
    ListenForCaller: (EngineCalled, EngineSpoke, EngineFailed, DigitsEntered, CallerSilent,
                      CallerUnclear),
    Transfer: (TransferFinished,),
    Enqueue: (QueueFinished,),
    DetectVoicemail: (VoicemailDetected,),
    AwaitBeep: (BeepHeard,),
}  # fmt: skip


class AnyCall(RuleBasedStateMachine):
    """One call through a generated flow; the invariants are those of the module's first line."""

    @initialize(flow=flows(), other=flows(name="shop"), knows_shop=st.booleans())
    def answer(self, flow: Flow, other: Flow, knows_shop: bool) -> None:
        def find(name: str) -> Flow:
            if not knows_shop:
                raise NotFound(f"there is no agent {name!r}", code="agent_not_found")
            return other

        ids = count(1)
        self.runner = FlowRunner(
            flow, {}, NOON, mint_run_id=lambda: f"run_{next(ids)}", find_agent=find
        )
        self.waiting: FlowAction | None = None
        self.configured = Configure("", ())
        self.runs: list[RunTool | ParkTool] = []
        self.calls: list[EngineCalled] = []
        self.ids = count(1)
        self.feed(CallAnswered())

    def feed(self, event: FlowEvent) -> None:
        was_over, waited = self.runner.is_over, self.waiting
        actions = self.runner.handle(event)
        self.check_wait(event, actions, was_over, waited)
        self.check_ends(actions, was_over, waited)
        for action in actions:
            self.check_secrets(action)
            if isinstance(action, Configure):
                self.configured = action
            if isinstance(action, RunTool | ParkTool):
                self.runs.append(action)
                risk = self.runner.flow.tools[action.tool].risk
                assert isinstance(action, ParkTool) == (risk is RiskClass.HIGH)

    def check_wait(
        self, event: FlowEvent, actions: list[FlowAction], was_over: bool, waited: FlowAction | None
    ) -> None:
        waits = [action for action in actions if isinstance(action, WAITS)]
        if waits:
            self.waiting = waits[-1]
        is_owed = waited is None or isinstance(event, ENDS.get(type(waited), ()))
        assert was_over or self.runner.is_over or not is_owed or waits, (event, actions)
        said = [action for action in actions if not isinstance(action, ReplyToEngine)]
        if any(isinstance(action, Say) for action in said) and not isinstance(event, QueuePosition):
            assert waits, (event, actions)
        replies = [action for action in actions if isinstance(action, ReplyToEngine)]
        assert len(replies) == isinstance(event, EngineCalled)

    def check_ends(
        self, actions: list[FlowAction], was_over: bool, waited: FlowAction | None
    ) -> None:
        ends = [action for action in actions if isinstance(action, TERMINAL)]
        assert len(ends) <= 1, actions
        assert not ends or actions[-1] is ends[0], actions
        if was_over:
            assert not [action for action in actions if not isinstance(action, ReplyToEngine)]

    def check_secrets(self, action: FlowAction) -> None:
        told = repr(action)
        assert CARD not in told
        assert "four one one one" not in told.lower()
        if isinstance(action, RunTool) and action.secrets:
            assert CARD in reveal(action.arguments, action.secrets).values()

    # ---- the engine ----------------------------------------------------------------------------

    def report(self, name: str, arguments: dict[str, Any]) -> None:
        event = EngineCalled(f"call_{next(self.ids)}", name, arguments)
        self.calls.append(event)
        self.feed(event)

    @rule(place=st.integers(0, 30), words=WORDS)
    def engine_reports(self, place: int, words: Any) -> None:
        if self.configured.tools:
            tool: Any = self.configured.tools[place % len(self.configured.tools)]
            names = tool.get("parameters", {}).get("properties", {})
            self.report(str(tool["name"]), dict.fromkeys(names, words))

    @rule(name=st.sampled_from(["intent_one", "intent_confirm_yes", "collect_card", "nonsense"]))
    def engine_reports_what_was_not_offered(self, name: str) -> None:
        self.report(name, {"card": "12"})

    @precondition(lambda self: self.calls)
    @rule(place=st.integers(0, 30))
    def engine_repeats_itself(self, place: int) -> None:
        event = self.calls[place % len(self.calls)]
        ended = isinstance(self.waiting, TERMINAL)
        before, runs = self.runner.step, len(self.runs)
        self.feed(event)
        assert self.runner.step == before
        assert len(self.runs) == runs
        assert isinstance(self.waiting, TERMINAL) == ended

    @rule(event=st.sampled_from([EngineSpoke("Well."), EngineFailed("gone")]))
    def engine_speaks_or_fails(self, event: FlowEvent) -> None:
        self.feed(event)

    # ---- the caller and the call ---------------------------------------------------------------

    @rule(digits=st.sampled_from([CARD, "0", "1", "2", "12031980", "411", "*"]))
    def caller_keys(self, digits: str) -> None:
        self.feed(DigitsEntered(digits))

    @rule(event=st.sampled_from([CallerSilent(), CallerUnclear(), CallAnswered()]))
    def caller_is_silent_or_unclear(self, event: FlowEvent) -> None:
        self.feed(event)

    @precondition(lambda self: self.runs)
    @rule(outcome=st.sampled_from(list(ToolOutcome)), code=st.sampled_from(["http_500", "other"]))
    def tool_ends(self, outcome: ToolOutcome, code: str) -> None:
        result: Any = {"ok": 1} if outcome is ToolOutcome.OK else {"error": {"code": code}}
        self.feed(ToolFinished(self.runs[-1].run_id, outcome, result))

    @rule(is_connected=st.booleans(), status=st.sampled_from([200, 404, 408, 486, 603]),
          cause=st.none() | st.sampled_from(list(TransferCause)))  # fmt: skip
    def transfer_ends(self, is_connected: bool, status: int, cause: TransferCause | None) -> None:
        self.feed(TransferFinished(is_connected, status, cause))

    @rule(outcome=st.sampled_from(list(QueueOutcome)))
    def queue_ends(self, outcome: QueueOutcome) -> None:
        self.feed(QueueFinished(outcome, 1000))

    @rule(place=st.integers(1, 9), wait_ms=st.none() | st.integers(0, 900_000))
    def queue_moves(self, place: int, wait_ms: int | None) -> None:
        self.feed(QueuePosition(place, wait_ms))

    @rule(kind=st.sampled_from(list(Answerer)), was_heard=st.booleans())
    def somebody_answers(self, kind: Answerer, was_heard: bool) -> None:
        self.feed(VoicemailDetected(kind))
        self.feed(BeepHeard(was_heard))


TestAnyCall = AnyCall.TestCase
TestAnyCall.settings = settings(
    max_examples=60,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
