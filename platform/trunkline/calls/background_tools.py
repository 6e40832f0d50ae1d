"""Tools of one call that nobody waits for: written down, run by a worker, told to the flow.

Where there is no worker (a simulation) they run here, and end with the call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from trunkline.calls.bridge import CallClock
from trunkline.calls.control import ToolResult
from trunkline.calls.record import CallRecord
from trunkline.calls.speaker import Spawn
from trunkline.domain.events import Json, ToolOutcome, ToolQueued, ToolRan
from trunkline.domain.ids import ToolRunId
from trunkline.flows.actions import BackgroundFinished, RunTool
from trunkline.flows.tool_context import ToolContext
from trunkline.flows.tool_slip import variables_read, write_slip
from trunkline.flows.tool_validation import invalid_arguments
from trunkline.flows.tools import ToolError, ToolRunResult, ToolSpec
from trunkline.runtime.logging import get_logger

log = get_logger(__name__)


class RunsTools(Protocol):
    """``flows.tool_runner.ToolRunner`` is one."""

    async def run(
        self, tool: ToolSpec, arguments: Mapping[str, Json], context: ToolContext
    ) -> ToolRunResult: ...


@dataclass(frozen=True, slots=True)
class _Asked:
    """What was asked for, when and where, for the fact of its end."""

    action: RunTool
    at_ms: int
    step: str


class BackgroundTools:
    """``is_durable``: the facts reach a database that a worker reads; else the runs are ours."""

    def __init__(
        self,
        tools: RunsTools,
        record: CallRecord,
        call_clock: CallClock,
        spawn: Spawn,
        finished: Callable[[BackgroundFinished], None],
        *,
        is_durable: bool,
    ) -> None:
        self._tools = tools
        self._record = record
        self._call_clock = call_clock
        self._spawn = spawn
        self._finished = finished
        self._is_durable = is_durable
        self._asked: dict[str, _Asked] = {}

    def start(self, spec: ToolSpec | None, action: RunTool, variables: Mapping[str, Json]) -> None:
        """Have it run; what cannot be run fails at once, and nothing is written down to be run."""
        asked = _Asked(action, self._call_clock.now_ms, self._record.step)
        self._asked[action.run_id] = asked
        error = (
            ToolError("unknown_tool", "the flow has no tool of that name")
            if spec is None
            else invalid_arguments(spec.parameters, action.arguments)
        )
        if spec is None or error is not None:
            result = error.as_json() if error is not None else None
            self.take(self._result(action, ToolOutcome.INVALID, result))
            return
        self._note(asked, ToolOutcome.RUNNING, None)
        if self._is_durable:
            self._queue(spec, asked, variables)
        else:
            self._spawn(self._run_here(spec, action, variables), f"background-{spec.name}")

    def _queue(self, spec: ToolSpec, asked: _Asked, variables: Mapping[str, Json]) -> None:
        action = asked.action
        self._record.publish(
            ToolQueued(
                call_id=self._record.call_id,
                at=self._record.clock.now(),
                at_ms=asked.at_ms,
                run_id=ToolRunId(action.run_id),
                tool=spec.name,
                arguments=action.arguments,
                idempotency_key=action.idempotency_key or action.run_id,
                slip=write_slip(spec),
                variables=variables_read(spec, variables),
                may_repeat=spec.may_retry,
                worst_case_ms=spec.worst_case_ms,
                within_ms=action.background.within_ms if action.background else 0,
            )
        )

    async def _run_here(
        self, spec: ToolSpec, action: RunTool, variables: Mapping[str, Json]
    ) -> None:
        context = ToolContext(
            self._record.call_id, action.idempotency_key or action.run_id, variables
        )
        try:
            result = await self._tools.run(spec, action.arguments, context)
        except asyncio.CancelledError:
            error = ToolError("call_ended", "the call ended before the tool had answered")
            asked = self._asked.pop(action.run_id, None)
            if asked is not None:
                self._note(asked, ToolOutcome.UNKNOWN, error.as_json())
            raise
        except Exception as exc:  # a fault of ours in one tool must not end the call
            log.error("a tool run broke", tool=spec.name, exc_info=exc)
            broken = ToolError("internal", "the run broke").as_json()
            self.take(self._result(action, ToolOutcome.FAILED, broken))
            return
        ran = self._result(action, result.outcome, result.result)
        self.take(replace(ran, duration_ms=result.duration_ms, attempts=result.attempts))

    def _result(self, action: RunTool, outcome: ToolOutcome, result: Json) -> ToolResult:
        return ToolResult(self._record.call_id, ToolRunId(action.run_id), outcome, result, 0, 0)

    def take(self, result: ToolResult) -> bool:
        """A run has come back; False when this call does not wait for it (any more)."""
        asked = self._asked.pop(result.run_id, None)
        if asked is None:
            return False
        self._note(asked, result.outcome, result.result, result.duration_ms, result.attempts)
        self._finished(BackgroundFinished(result.run_id, result.outcome, result.result))
        return True

    def _note(
        self,
        asked: _Asked,
        outcome: ToolOutcome,
        result: Json,
        duration_ms: int = 0,
        attempts: int = 0,
    ) -> None:
        self._record.publish(
            ToolRan(
                call_id=self._record.call_id,
                at=self._record.clock.now(),
                at_ms=asked.at_ms,
                run_id=ToolRunId(asked.action.run_id),
                tool=asked.action.tool,
                arguments=asked.action.arguments,
                outcome=outcome,
                result=result,
                duration_ms=duration_ms,
                attempts=attempts,
                step=asked.step,
                is_background=True,
            )
        )
