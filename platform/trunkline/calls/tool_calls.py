"""Tools of one call: run in the call's task group, parked when a human must decide."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from trunkline.calls.background_tools import BackgroundTools, RunsTools
from trunkline.calls.bridge import CallClock
from trunkline.calls.parked_tools import ParkedTools
from trunkline.calls.record import CallRecord
from trunkline.calls.speaker import Spawn
from trunkline.domain.events import Json, ToolOutcome, ToolRan
from trunkline.domain.ids import ToolRunId
from trunkline.flows.actions import ParkTool, RunTool, ToolFinished
from trunkline.flows.flow import Flow
from trunkline.flows.secrecy import reveal
from trunkline.flows.tool_runner import ToolContext
from trunkline.flows.tool_secrets import concealed
from trunkline.flows.tools import ToolError, ToolFailed, ToolRunResult, ToolSpec
from trunkline.runtime.logging import get_logger
from trunkline.runtime.telemetry import TOOL_RUNS

log = get_logger(__name__)

_GRACE_S: Final = 5.0  # beyond the tool's own worst case: then it hangs in a way it must not


class ToolCalls:
    def __init__(
        self,
        flow: Flow,
        runner: RunsTools,
        record: CallRecord,
        call_clock: CallClock,
        spawn: Spawn,
        finished: Callable[[ToolFinished], None],
        background: BackgroundTools,
        parked: ParkedTools,
    ) -> None:
        self._flow = flow
        self._runner = runner
        self._record = record
        self._call_clock = call_clock
        self._spawn = spawn
        self._finished = finished
        self._background = background
        self._parked = parked
        self._running: set[str] = set()

    @property
    def is_running(self) -> bool:
        return bool(self._running)

    def run(self, action: RunTool, variables: Mapping[str, Json]) -> None:
        """Start a run; ``finished`` is told how it ended, always."""
        if action.background is not None:
            self._background.start(self._flow.tools.get(action.tool), action, variables)
            return
        self._running.add(action.run_id)
        self._spawn(self._run(action, variables), f"tool-{action.tool}")

    async def _run(self, action: RunTool, variables: Mapping[str, Json]) -> None:
        spec = self._flow.tools.get(action.tool)
        step, at_ms = self._record.step, self._call_clock.now_ms
        result: ToolRunResult
        try:
            if spec is None:
                error = ToolError("unknown_tool", "the flow has no tool of that name")
                result = ToolFailed(ToolOutcome.INVALID, error, 0, 0)
            else:
                result = await self._attempt(spec, action, variables)
        except asyncio.CancelledError:
            # The call has ended; the service may do what it was asked for all the same.
            error = ToolError("call_ended", "the call ended before the tool had answered")
            took_ms = self._call_clock.now_ms - at_ms
            cut = ToolFailed(ToolOutcome.UNKNOWN, error, took_ms, 1)
            self._note(action, cut.outcome, cut.result, took_ms, 1, step, at_ms)
            raise
        finally:
            self._running.discard(action.run_id)
        outcome = result.outcome if isinstance(result, ToolFailed) else ToolOutcome.OK
        self._note(action, outcome, result.result, result.duration_ms, result.attempts, step, at_ms)
        self._finished(ToolFinished(action.run_id, outcome, result.result))

    async def _attempt(
        self, spec: ToolSpec, action: RunTool, variables: Mapping[str, Json]
    ) -> ToolRunResult:
        context = ToolContext(
            call_id=self._record.call_id,
            idempotency_key=action.idempotency_key or action.run_id,
            variables=variables,
        )
        try:
            async with asyncio.timeout(spec.worst_case_ms / 1000 + _GRACE_S):
                # What tokens stand for goes to the tool and nowhere else, not even as its echo.
                arguments = reveal(action.arguments, action.secrets)
                return concealed(await self._runner.run(spec, arguments, context), action.secrets)
        except TimeoutError:
            error = ToolError("timed_out", "the tool did not end in time")
            return ToolFailed(ToolOutcome.TIMED_OUT, error, spec.worst_case_ms, 1)
        except Exception as exc:  # a fault of ours in one tool must not end the call
            log.error("a tool run broke", tool=spec.name, exc_info=exc)
            return ToolFailed(ToolOutcome.FAILED, ToolError("internal", "the run broke"), 0, 1)

    def park(self, action: ParkTool, variables: Mapping[str, Json]) -> None:
        """Ask a person and run nothing; ``finished`` hears PARKED, or what is wrong at once."""
        self._parked.park(self._flow, action, variables)

    def withdraw(self, run_id: str) -> None:
        self._parked.withdraw(run_id)

    def _note(
        self,
        action: RunTool,
        outcome: ToolOutcome,
        result: Json,
        duration_ms: int,
        attempts: int,
        step: str,
        at_ms: int,
    ) -> None:
        TOOL_RUNS.labels(outcome=outcome.value).inc()
        self._record.publish(
            ToolRan(
                call_id=self._record.call_id,
                at=self._record.clock.now(),
                at_ms=at_ms,
                run_id=ToolRunId(action.run_id),
                tool=action.tool,
                arguments=action.arguments,
                outcome=outcome,
                result=result,
                duration_ms=duration_ms,
                attempts=attempts,
                step=step,
            )
        )
