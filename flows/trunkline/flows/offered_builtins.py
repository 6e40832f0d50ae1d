"""Built-ins that the engine calls: the same actions of the call as the flow's own steps have.

What ends or leaves the conversation happens once: while the call is away, or over, nothing that
the engine reports means anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from trunkline.domain.events import Json
from trunkline.flows.actions import (
    AwaitBeep,
    Enqueue,
    HangUpReason,
    QueueFinished,
    QueueOutcome,
    QueuePosition,
    ReplyToEngine,
    SendDigits,
    Transfer,
    TransferFinished,
)
from trunkline.flows.builtins import (
    BuiltinTransport,
    HangUpBuiltin,
    QueueBuiltin,
    SendDigitsBuiltin,
    SetVariableBuiltin,
    TransferBuiltin,
    VoicemailMessageBuiltin,
)
from trunkline.flows.call_steps import cause_of, is_target
from trunkline.flows.steps import Line
from trunkline.flows.tool_validation import first_problem
from trunkline.flows.walk import Mode, ToolTurn, Walk

Settled: TypeAlias = tuple[Json, bool]
"""A function's output, and whether it is an error."""

_MAX_TEXT_CHARS: Final = 4000


def called(
    walk: Walk, turn: ToolTurn, builtin: BuiltinTransport, arguments: Mapping[str, Json]
) -> Settled | None:
    """What came of it at once; None: the call is away for it, or over."""
    problem = first_problem(turn.tool.parameters, dict(arguments))
    if problem is not None:
        where, message = problem
        return _refused("invalid_arguments", message, where or None)
    match builtin:
        case TransferBuiltin():
            return _transfer(walk, turn, builtin, arguments)
        case QueueBuiltin():
            return _queue(walk, turn, builtin)
        case HangUpBuiltin():
            _reply(walk, turn, {"status": "hanging_up"})
            if builtin.farewell is not None:
                walk.say((Line(builtin.farewell),))
            walk.hang_up(HangUpReason.DONE)
        case SendDigitsBuiltin():
            walk.script.add(SendDigits(str(arguments["digits"])))
            return {"status": "sent"}, False
        case SetVariableBuiltin():
            return _set(walk, arguments)
        case VoicemailMessageBuiltin():
            _reply(walk, turn, {"status": "leaving_message"})
            turn.is_answered = True
            walk.mode, walk.tool = Mode.BEEP, turn
            walk.script.add(AwaitBeep(builtin.beep_ms))
    return None


def _transfer(
    walk: Walk, turn: ToolTurn, builtin: TransferBuiltin, arguments: Mapping[str, Json]
) -> Settled | None:
    chosen = arguments.get("destination", next(iter(builtin.targets)))
    target = walk.render(builtin.targets[chosen])
    if not is_target(target):
        walk.note("the transfer target is no SIP URI")
        return _refused("unreachable", "that destination cannot be called")
    briefing = str(arguments.get("briefing", ""))
    if builtin.briefing is not None:
        briefing = f"{walk.render(builtin.briefing)} {briefing}".strip()
    walk.mode, walk.tool = Mode.TRANSFER, turn
    walk.script.add(Transfer(target, builtin.mode, briefing, builtin.ring_ms, builtin.needs_key))
    return None


def _queue(walk: Walk, turn: ToolTurn, builtin: QueueBuiltin) -> Settled | None:
    targets = tuple(walk.render(target) for target in builtin.targets)
    reachable = tuple(target for target in targets if is_target(target))
    if not reachable:
        walk.note("no target of the queue is a SIP URI")
        return _refused("unavailable", "nobody serves the queue")
    briefing = walk.render(builtin.briefing) if builtin.briefing is not None else ""
    walk.mode, walk.tool = Mode.QUEUE, turn
    walk.script.add(
        Enqueue(
            builtin.queue,
            reachable,
            builtin.announce_every_ms,
            builtin.callback_key,
            builtin.max_wait_ms,
            builtin.ring_ms,
            briefing,
            builtin.needs_key,
        )
    )
    return None


def _set(walk: Walk, arguments: Mapping[str, Json]) -> Settled:
    for name, value in arguments.items():
        if isinstance(value, str) and len(value) > _MAX_TEXT_CHARS:
            message = f"{name} is over {_MAX_TEXT_CHARS} characters"
            return _refused("invalid_arguments", message, name)
    walk.memory.variables |= arguments
    return {"status": "set"}, False


def transfer_finished(event: TransferFinished) -> Settled:
    if event.is_connected:
        return {"status": "connected"}, False
    cause = (event.cause or cause_of(event.sip_status)).value
    message = "Nobody is free to take the call."
    return {"error": {"code": cause, "message": message}}, True


def queue_finished(event: QueueFinished) -> Settled:
    match event.outcome:
        case QueueOutcome.CONNECTED | QueueOutcome.LEFT:
            return {"status": event.outcome.value}, False
        case QueueOutcome.CALLBACK:
            return {
                "status": "callback",
                "message": "Somebody will call back.",
            }, False
        case QueueOutcome.TIMEOUT | QueueOutcome.UNAVAILABLE:
            message = "Nobody is free to take the call."
            return {"error": {"code": event.outcome.value, "message": message}}, True


def queue_moved(walk: Walk, builtin: QueueBuiltin, event: QueuePosition) -> None:
    estimate = event.estimated_wait_ms
    scope = {
        **walk.memory.scope,
        "queue_position": event.position,
        "queue_minutes": -(-estimate // 60_000) if estimate else 0,
    }
    walk.script.say_text(builtin.announcement.render(scope), is_fixed=False, remembers=False)


def beep_heard(walk: Walk, builtin: VoicemailMessageBuiltin) -> None:
    walk.say((Line(builtin.message, is_interruptible=False),))
    walk.hang_up(HangUpReason.DONE)


def _refused(code: str, message: str, param: str | None = None) -> Settled:
    error: dict[str, Any] = {"code": code, "message": message}
    if param is not None:
        error["param"] = param
    return {"error": error}, True


def _reply(walk: Walk, turn: ToolTurn, output: Json) -> None:
    if turn.offered is not None:
        walk.script.add(ReplyToEngine(turn.offered.call_id, output))
