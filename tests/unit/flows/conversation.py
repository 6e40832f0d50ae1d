"""A call without a call: feeds a FlowRunner and keeps what a real call would be waiting for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import count

from trunkline.domain.events import Json, ToolOutcome
from trunkline.flows.actions import (
    CallAnswered,
    CallerSilent,
    CallerUnclear,
    Configure,
    DigitsEntered,
    EngineCalled,
    EngineFailed,
    EngineSpoke,
    EnterStep,
    FlowAction,
    FlowEvent,
    HangUp,
    ListenForCaller,
    ParkTool,
    ReplyToEngine,
    RunTool,
    Say,
    ToolFinished,
    Transfer,
    TransferFinished,
)
from trunkline.flows.flow import Flow
from trunkline.flows.runner import FlowRunner
from trunkline.flows.schema.loader import load_flow

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def flow_of(text: str, environment: Mapping[str, str] | None = None) -> Flow:
    return load_flow(text, environment=environment or {})


class Conversation:
    """Drives a runner event by event. ``log`` is everything it did; ``last`` what it did last."""

    def __init__(self, flow: Flow, **variables: Json) -> None:
        ids = count(1)
        self.runner = FlowRunner(flow, variables, NOON, mint_run_id=lambda: f"run_{next(ids):04d}")
        self.log: list[FlowAction] = []
        self.last: list[FlowAction] = []
        self._call_ids = count(1)

    def feed(self, event: FlowEvent) -> list[FlowAction]:
        self.last = self.runner.handle(event)
        self.log += self.last
        return self.last

    # what can happen

    def answer(self) -> None:
        self.feed(CallAnswered())

    def engine_reports(self, name: str, **arguments: Json) -> str:
        call_id = f"call_{next(self._call_ids)}"
        self.feed(EngineCalled(call_id, name, arguments))
        return call_id

    def caller_wants(self, intent: str) -> None:
        offered = [str(tool["name"]) for tool in self.configured.tools]
        assert f"intent_{intent}" in offered, f"{intent} is not offered in {self.runner.step}"
        self.engine_reports(f"intent_{intent}")

    def caller_gives(self, **values: Json) -> None:
        collects = [t["name"] for t in self.configured.tools if str(t["name"])[:8] == "collect_"]
        assert len(collects) == 1, collects
        self.engine_reports(str(collects[0]), **values)

    def engine_says(self, text: str) -> None:
        self.feed(EngineSpoke(text))

    def engine_fails(self) -> None:
        self.feed(EngineFailed("engine_error"))

    def caller_presses(self, digits: str) -> None:
        self.feed(DigitsEntered(digits))

    def caller_is_silent(self) -> None:
        self.feed(CallerSilent())

    def caller_is_unclear(self) -> None:
        self.feed(CallerUnclear())

    def tool_returns(self, result: Json) -> None:
        self.feed(ToolFinished(self.running.run_id, ToolOutcome.OK, result))

    def tool_fails(self, code: str = "http_500") -> None:
        error = {"error": {"code": code, "message": "it failed"}}
        self.feed(ToolFinished(self.running.run_id, ToolOutcome.FAILED, error))

    def tool_is_parked(self) -> None:
        self.feed(ToolFinished(self.running.run_id, ToolOutcome.PARKED, {"status": "pending"}))

    def transfer_fails(self) -> None:
        self.feed(TransferFinished(is_connected=False, sip_status=486))

    # what it did

    @property
    def said(self) -> list[str]:
        return [action.text for action in self.last if isinstance(action, Say)]

    @property
    def steps(self) -> list[str]:
        return [action.step for action in self.log if isinstance(action, EnterStep)]

    @property
    def configured(self) -> Configure:
        return [action for action in self.log if isinstance(action, Configure)][-1]

    @property
    def listening(self) -> ListenForCaller:
        assert isinstance(self.last[-1], ListenForCaller), self.last
        return self.last[-1]

    @property
    def running(self) -> RunTool | ParkTool:
        return [action for action in self.log if isinstance(action, RunTool | ParkTool)][-1]

    @property
    def replies(self) -> list[ReplyToEngine]:
        return [action for action in self.last if isinstance(action, ReplyToEngine)]

    @property
    def hung_up(self) -> HangUp | None:
        return next((action for action in self.last if isinstance(action, HangUp)), None)

    @property
    def transferred_to(self) -> str | None:
        return next((a.target for a in self.last if isinstance(a, Transfer)), None)
