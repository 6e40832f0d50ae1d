"""Tools in the background: run when they are due, told to their calls, never run twice unasked.

What is claimed is on the disk as begun before anything is sent. A worker that dies leaves a lease
that runs out: the run is then tried again with the same key where the service knows it, and is
``unknown`` where it does not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Final, Protocol, TypeAlias

import orjson
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from trunkline.calls.control import ToolResult
from trunkline.domain.clock import Clock
from trunkline.domain.errors import Invalid
from trunkline.domain.events import Json, ToolOutcome
from trunkline.domain.ids import mint
from trunkline.flows.tool_context import ToolContext
from trunkline.flows.tool_slip import read_slip
from trunkline.flows.tools import ToolError, ToolFailed, ToolRunResult, ToolSpec
from trunkline.runtime.logging import get_logger
from trunkline.runtime.telemetry import TOOL_RUNS
from trunkline.storage.approval_values import NEVER_SENT
from trunkline.storage.approvals import Approvals, lock_approvals
from trunkline.storage.background_runs import BackgroundRuns, ClaimedRun, RunEnd
from trunkline.storage.engine import Sessions, is_away

log = get_logger(__name__)

AT_ONCE: Final = 12
"""Runs held by one worker; each may keep one of its threads for minutes."""
FIRST_RETRY: Final = timedelta(seconds=10)
LONGEST_RETRY: Final = timedelta(minutes=5)
MAX_RESULT_BYTES: Final = 64 * 1024
_GRACE_S: Final = 10.0
_NOTED_AGAIN_AFTER_S: Final = (0.1, 0.5, 1.0, 2.0, 4.0, 6.0, 8.0)  # well within LEASE_MARGIN
_HOLDER: Final = mint("w", 8).replace("_", "")  # this process

Send: TypeAlias = Callable[[str, ToolResult], Awaitable[None]]
"""A command to the edge of that id; RedisError or OSError when it cannot be sent."""


class RunsTools(Protocol):
    """``flows.tool_runner.ToolRunner`` is one."""

    async def run(
        self, tool: ToolSpec, arguments: Mapping[str, Json], context: ToolContext
    ) -> ToolRunResult: ...


def next_try(run: ClaimedRun, now: datetime) -> datetime | None:
    """When a run that failed in passing is due again; None when its time would be over."""
    wait = min(FIRST_RETRY * (1 << min(run.attempt - 1, 16)), LONGEST_RETRY)
    due_at = now + wait
    return due_at if run.may_repeat and due_at < run.expires_at else None


async def run_due_tools(
    sessions: Sessions, runner: RunsTools, clock: Clock, *, at_once: int = AT_ONCE
) -> int:
    """Claim what is due, run it side by side, note each end; how many came to one."""
    async with sessions.reading() as session:
        if not await BackgroundRuns(session).has_due(clock.now()):
            return 0
    async with sessions.writing(durable=True) as session:
        claimed = await BackgroundRuns(session).claim(clock.now(), at_once, holder=_HOLDER)
        await lock_approvals(session, runs=[run.run_id for run in claimed])
        approvals = Approvals(session)
        for run in claimed:
            await approvals.run_begun(run.run_id, clock.now())
    ended: list[bool] = []

    async def one(run: ClaimedRun) -> None:
        try:
            ended.append(await _one(sessions, runner, clock, run))
        except (SQLAlchemyError, OSError) as exc:
            # Alone: it must not take the others' requests along in mid-flight. It is tried again
            # when its lease is over, if that is allowed; else it is unknown.
            log.error("a run was left to its lease", tool=run.tool, reason=type(exc).__name__)

    async with asyncio.TaskGroup() as tasks:
        for run in claimed:
            tasks.create_task(one(run), name=f"tool {run.run_id}")
    return sum(ended)


async def _one(sessions: Sessions, runner: RunsTools, clock: Clock, run: ClaimedRun) -> bool:
    if run.was_begun and not run.may_repeat:
        message = "the worker that ran it has died: it may have had its effect"
        return await _end(sessions, clock, run, _failed(ToolOutcome.UNKNOWN, "unknown", message))
    if clock.now() >= run.expires_at:
        # What was begun before may have had its effect; what never was, has not.
        outcome = ToolOutcome.UNKNOWN if run.attempt > 1 else ToolOutcome.TIMED_OUT
        return await _end(
            sessions, clock, run, _failed(outcome, "expired", "its time was over before it ran")
        )
    result = await _run(runner, run)
    if isinstance(result, ToolFailed) and result.error.is_retryable:
        due_at = next_try(run, clock.now())
        if due_at is not None:
            async with sessions.writing() as session:
                await BackgroundRuns(session).retry(run, due_at)
            return False
    outcome = result.outcome
    was_sent_before = run.attempt > 1 or result.attempts > 1
    if was_sent_before and isinstance(result, ToolFailed) and result.error.code in NEVER_SENT:
        outcome = ToolOutcome.UNKNOWN  # not this time; but it may have happened before
    end = RunEnd(outcome, result.result, result.duration_ms, run.attempt)
    if len(orjson.dumps(end.result, default=str)) > MAX_RESULT_BYTES:
        message = f"the result is over {MAX_RESULT_BYTES} bytes"
        end = _failed(ToolOutcome.FAILED, "answer_too_large", message, result.duration_ms, run)
    return await _end(sessions, clock, run, end)


async def _run(runner: RunsTools, run: ClaimedRun) -> ToolRunResult:
    try:
        tool = read_slip(run.slip)
    except Invalid as exc:
        error = ToolError("internal", exc.message)
        return ToolFailed(ToolOutcome.FAILED, error, 0, 0)
    context = ToolContext(run.call_id, run.idempotency_key, run.variables)
    try:
        async with asyncio.timeout(tool.worst_case_ms / 1000 + _GRACE_S):
            return await runner.run(tool, dict(run.arguments), context)
    except TimeoutError:
        error = ToolError("timed_out", "the tool did not end in time")
        return ToolFailed(ToolOutcome.TIMED_OUT, error, tool.worst_case_ms, 1)
    except Exception as exc:  # a fault of ours in one tool must not take the others along
        log.error("a tool run broke", tool=run.tool, exc_info=exc)
        return ToolFailed(ToolOutcome.FAILED, ToolError("internal", "the run broke"), 0, 1)


async def _end(sessions: Sessions, clock: Clock, run: ClaimedRun, end: RunEnd) -> bool:
    """The answer is known now and cannot be had again: noted as soon as the database takes it.

    Not beyond the lease: then another worker's claim decides. False: it was not noted.
    """
    is_ours, tries = False, 0
    while True:
        try:
            is_ours = await _note_end(sessions, clock, run, end)
            break
        except (SQLAlchemyError, OSError) as exc:
            if not isinstance(exc, OSError) and not is_away(exc):
                raise
            tries += 1
            if tries > len(_NOTED_AGAIN_AFTER_S):
                log.error("the end of a run could not be noted", tool=run.tool, run_id=run.run_id)
                return False
        await asyncio.sleep(_NOTED_AGAIN_AFTER_S[tries - 1])
    if is_ours:
        TOOL_RUNS.labels(outcome=end.outcome.value).inc()
    else:
        log.warning("a tool run outlived its lease", tool=run.tool, run_id=run.run_id)
    return is_ours


async def _note_end(sessions: Sessions, clock: Clock, run: ClaimedRun, end: RunEnd) -> bool:
    async with sessions.writing(durable=True) as session:
        await lock_approvals(session, runs=[run.run_id])
        is_ours = await BackgroundRuns(session).end(run, end, clock.now())
        if is_ours:
            await Approvals(session).run_ended(run.run_id, end, clock.now())
    return is_ours


def _failed(
    outcome: ToolOutcome,
    code: str,
    message: str,
    duration_ms: int = 0,
    run: ClaimedRun | None = None,
) -> RunEnd:
    result = ToolError(code, message).as_json()
    return RunEnd(outcome, result, duration_ms, run.attempt if run else 0)


async def tell_results(sessions: Sessions, send: Send, clock: Clock) -> int:
    """Results to the calls that live, again until each says it has it; the rest to webhooks."""
    async with sessions.reading() as session:
        if not await BackgroundRuns(session).has_untold():
            return 0
    async with sessions.writing() as session:
        runs = BackgroundRuns(session)
        missed = await runs.close_missed(clock.now())
        untold = await runs.untold(clock.now())
    for run in untold:
        command = ToolResult(
            call_id=run.call_id,
            run_id=run.run_id,
            outcome=run.end.outcome,
            result=run.end.result,
            duration_ms=run.end.duration_ms,
            attempts=run.end.attempts,
        )
        try:
            await send(run.edge_id, command)
        except (RedisError, OSError) as exc:
            log.warning("results wait: Redis is away", reason=type(exc).__name__)
            break
    return len(missed) + len(untold)
