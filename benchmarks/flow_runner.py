"""How long a flow takes to decide: ``FlowRunner.handle`` over whole calls of every shipped flow.

Callers are drawn from a seed: what they want, say and key, silences, engines that fail, tools that
answer or break. Pure computation; nothing waits.
"""

from __future__ import annotations

import gc
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from statistics import quantiles
from time import perf_counter_ns, thread_time_ns
from typing import Any, Final

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
    Enqueue,
    FlowAction,
    FlowEvent,
    HangUp,
    ParkTool,
    QueueFinished,
    QueueOutcome,
    RunTool,
    ToolFinished,
    Transfer,
    TransferFinished,
    VoicemailDetected,
)
from trunkline.flows.catalog import SHIPPED_AGENTS
from trunkline.flows.flow import Flow
from trunkline.flows.runner import FlowRunner
from trunkline.flows.schema.loader import load_flow

_NOON: Final = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
_MAX_EVENTS: Final = 60
_VALUES: Final = ("44172908", "48211", "123456", "12.50", "2026-12-01", "10:30", True, "yes", "gas")
_SAMPLES: Final[Mapping[str, Any]] = {
    "string": "2026-12-01", "number": 182.4, "integer": 48211, "boolean": True, "array": [],
    "null": None,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Decisions:
    """Every event of ``calls`` calls of one flow: wall and processor time, in microseconds.

    Processor time leaves out what other processes took from the machine meanwhile.
    """

    agent: str
    calls: int
    times_us: tuple[tuple[float, float], ...]

    def rows(self) -> list[tuple[str, str]]:
        what = f"{self.agent}: {self.calls} calls, {len(self.times_us)} events"
        walls, works = zip(*self.times_us, strict=True)
        return [(f"{what}, wall", _figures(walls)), (f"{what}, processor", _figures(works))]


def _figures(times_us: Sequence[float]) -> str:
    cuts = quantiles(times_us, n=100)
    figures = " / ".join(f"{us / 1000:.3f}" for us in (cuts[49], cuts[94], max(times_us)))
    return f"{figures} ms (p50 / p95 / max)"


def _sample(schema: Mapping[str, Any]) -> Any:
    """A value that a JSON Schema allows, as far as flows need it."""
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type", "object")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        return {name: _sample(inner) for name, inner in schema.get("properties", {}).items()}
    return _SAMPLES[kind]


class _Caller:
    """Whoever is on the line, and the world behind the tools."""

    def __init__(self, flow: Flow, seed: int) -> None:
        self._draw = random.Random(seed)
        self._ids = count(1)
        self._offered: tuple[Mapping[str, Any], ...] = ()
        self._last: FlowAction | None = None
        self._run: RunTool | ParkTool | None = None
        self._tools = flow.tools

    def notice(self, actions: list[FlowAction]) -> None:
        for action in actions:
            self._last = action
            if isinstance(action, Configure):
                self._offered = action.tools
            elif isinstance(action, RunTool | ParkTool):
                self._run = action

    def next_event(self) -> FlowEvent:
        if self._run is not None and self._draw.random() < 0.8:
            return self._tool_ends(self._run)
        match self._last:
            case Transfer():
                return TransferFinished(is_connected=self._draw.random() < 0.2, sip_status=486)
            case Enqueue():
                return QueueFinished(self._draw.choice(list(QueueOutcome)), 1000)
            case DetectVoicemail():
                return VoicemailDetected(self._draw.choice(list(Answerer)))
            case AwaitBeep():
                return BeepHeard(was_heard=True)
        if self._draw.random() < 0.15 or not self._offered:
            return CallerSilent() if self._draw.random() < 0.5 else CallerUnclear()
        if self._draw.random() < 0.1:
            return DigitsEntered(self._draw.choice(["44172908", "48211", "1", "0"]))
        tool = self._draw.choice(self._offered)
        names = tool.get("parameters", {}).get("properties", {})
        arguments = {name: self._draw.choice(_VALUES) for name in names}
        return EngineCalled(f"call_{next(self._ids)}", tool["name"], arguments)

    def _tool_ends(self, run: RunTool | ParkTool) -> FlowEvent:
        self._run = None
        if isinstance(run, ParkTool):
            return ToolFinished(run.run_id, ToolOutcome.PARKED, {"status": "pending"})
        if self._draw.random() < 0.15:
            error = {"error": {"code": "http_500", "message": "it failed"}}
            return ToolFinished(run.run_id, ToolOutcome.FAILED, error)
        returns = self._tools[run.tool].returns if run.tool in self._tools else None
        return ToolFinished(run.run_id, ToolOutcome.OK, _sample(returns or {}))


def one_call(flow: Flow, seed: int) -> list[tuple[float, float]]:
    """Every event's microseconds, wall and processor, to the end of the call or ``_MAX_EVENTS``."""
    runner, caller = FlowRunner(flow, {}, _NOON), _Caller(flow, seed)
    times: list[tuple[float, float]] = []
    event: FlowEvent = CallAnswered()
    while len(times) < _MAX_EVENTS:
        began, worked = perf_counter_ns(), thread_time_ns()
        actions = runner.handle(event)
        worked, ended = thread_time_ns() - worked, perf_counter_ns()
        times.append(((ended - began) / 1000, worked / 1000))
        if runner.is_over or any(isinstance(action, HangUp) for action in actions):
            break
        caller.notice(actions)
        event = caller.next_event()
    return times


def measure(calls: int = 1000) -> list[Decisions]:
    measured = []
    for path in sorted(SHIPPED_AGENTS.glob("*.yaml")):
        flow = load_flow(path.read_text(encoding="utf-8"), environment={})
        gc.collect()
        gc.freeze()  # as an edge does before it takes calls
        times = [time for seed in range(calls) for time in one_call(flow, seed)]
        measured.append(Decisions(flow.agent.name, calls, tuple(times)))
    return measured


def rows() -> list[tuple[str, str]]:
    return [row for decisions in measure() for row in decisions.rows()]


if __name__ == "__main__":
    for what, measured in rows():
        print(f"{what}: {measured}")
