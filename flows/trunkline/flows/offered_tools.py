"""Tools that the engine calls: through the same gates as the flow's own, and always answered.

Every function call gets its output, whatever becomes of it: a model that waits for one has nothing
to say. How often it may try is counted, so that no model can keep a call going in circles.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson

from trunkline.domain.events import Json, ToolOutcome
from trunkline.flows import identity, offered_builtins, waiting
from trunkline.flows.actions import (
    EngineCalled,
    HangUpReason,
    QueueFinished,
    QueueOutcome,
    QueuePosition,
    ReplyToEngine,
    RunTool,
    TransferFinished,
)
from trunkline.flows.builtins import QueueBuiltin, VoicemailMessageBuiltin
from trunkline.flows.compile import configure
from trunkline.flows.steps import Offer
from trunkline.flows.tools import (
    After,
    HttpTransport,
    McpTransport,
    ProgramTransport,
    PythonTransport,
    error_code,
)
from trunkline.flows.walk import FlowFault, Mode, OfferedCall, ToolTurn, Walk

MAX_CALLS: Final = 6
"""Calls in a row, nothing heard from the caller between; more means a model in circles."""
MAX_FAILURES: Final = 2
"""How often in a step a tool may fail and be tried again; then it is withdrawn."""
MAX_OUTPUT_BYTES: Final = 32 * 1024
"""What a model is given of a result; more of it would drown the conversation."""


def called(walk: Walk, event: EngineCalled, offer: Offer) -> str | None:
    """The engine calls a tool of this step."""
    if event.place == 0 and not walk.engine_was_asked:
        walk.caller_spoke()
    walk.engine_was_asked = False
    walk.engine_calls += 1
    if walk.engine_calls > MAX_CALLS:
        _refuse(walk, event, "too_many_calls", "answer the caller first")
        return walk.fall_back(walk.flow.policies.no_match.fallback, HangUpReason.NO_MATCH)
    given = {name: walk.evaluate(value) for name, value in offer.arguments.items()}
    key = _key(offer.tool.name, {**event.arguments, **given})
    if walk.tool is not None:
        is_same = walk.tool.arguments_key == key
        code = "already_running" if is_same else "busy"
        _refuse(walk, event, code, "another call is running: wait for its output")
        walk.listen()
        return None
    turn = ToolTurn(offer.tool, walk.mint(), key, offered=OfferedCall(event.call_id, offer))
    if chosen := set(event.arguments) & set(given):
        name = min(chosen)
        _refuse(walk, event, "invalid_arguments", f"{name} is not yours to give", name)
        return _failed(walk, turn)
    if key in walk.engine_results:
        # The model repeats itself: what was done stays done, once.
        walk.answer_engine(turn, walk.engine_results[key])
        return _go_on(walk, turn)
    match offer.tool.transport:
        case HttpTransport() | PythonTransport() | McpTransport() | ProgramTransport():
            return _run(walk, turn, {**event.arguments, **given}, given)
        case builtin:
            settled = offered_builtins.called(walk, turn, builtin, event.arguments)
            return None if settled is None else _settled(walk, turn, settled)


def _run(
    walk: Walk, turn: ToolTurn, arguments: Mapping[str, Json], given: Mapping[str, Json]
) -> str | None:
    walk.mode, walk.tool = Mode.TOOL, turn
    key = walk.keys.setdefault(turn.arguments_key, turn.run_id)
    if turn.arguments_key in walk.answers:  # a person was asked, and it has come to an end
        walk.mode, walk.tool = Mode.LISTENING, None
        walk.answer_engine(turn, walk.answers[turn.arguments_key])
        return _go_on(walk, turn)
    if turn.arguments_key in walk.parked:
        return finished(walk, ToolOutcome.PARKED, {"status": "pending"})
    question = waiting.park(walk, turn, arguments, key)
    if question is not None:
        walk.script.add(question)
    else:
        secrets = walk.memory.secrets_in(given.values())
        walk.script.add(RunTool(turn.run_id, turn.tool.name, arguments, key, secrets))
    walk.listen()
    return None


def finished(walk: Walk, outcome: ToolOutcome, result: Json) -> str | None:
    """The engine gets its output; then it speaks, or the caller does, or the flow goes on."""
    turn = _end(walk)
    match outcome:
        case ToolOutcome.OK:
            if turn.offered is not None and turn.offered.offer.save_as:
                walk.memory.variables[turn.offered.offer.save_as] = result
            if turn.offered is not None:
                identity.tool_worked(walk, turn.tool.name, turn.offered.offer)
            walk.patience.accepted()
            walk.patience.engine_turns = 0
            output = _bounded(result)
            walk.engine_results[turn.arguments_key] = output
            walk.keys.pop(turn.arguments_key, None)
        case ToolOutcome.PARKED:
            walk.parked.add(turn.arguments_key)
            output = dict(waiting.NOT_DONE)
            if isinstance(result, Mapping) and "approval_id" in result:
                output["approval_id"] = result["approval_id"]
        case _:
            walk.questions.pop(turn.run_id, None)  # what could not be asked is not open
            output = _error(outcome, result)
    walk.answer_engine(turn, output)
    if turn.after is not None:
        return turn.after  # what the caller wanted meanwhile
    if outcome not in (ToolOutcome.OK, ToolOutcome.PARKED):
        return _failed(walk, turn)
    return _go_on(walk, turn)


def on_away(walk: Walk, event: TransferFinished | QueueFinished | QueuePosition) -> str | None:
    """The call is away for a built-in: it waits, is joined to somebody, or is back."""
    match event:
        case TransferFinished() if walk.mode is Mode.TRANSFER:
            settled = offered_builtins.transfer_finished(event)
            return _came_back(walk, settled, is_gone=event.is_connected)
        case QueueFinished() if walk.mode is Mode.QUEUE:
            is_gone = event.outcome in (QueueOutcome.CONNECTED, QueueOutcome.LEFT)
            return _came_back(walk, offered_builtins.queue_finished(event), is_gone=is_gone)
        case QueuePosition() if walk.tool is not None:
            builtin = walk.tool.tool.transport
            if isinstance(builtin, QueueBuiltin):
                offered_builtins.queue_moved(walk, builtin, event)
    return None


def _came_back(walk: Walk, settled: offered_builtins.Settled, *, is_gone: bool) -> str | None:
    turn = _end(walk)
    if not is_gone:
        return _settled(walk, turn, settled)
    walk.answer_engine(turn, settled[0])
    walk.mode = Mode.OVER
    return None


def beep_heard(walk: Walk) -> None:
    """The machine records now; or it never beeped, and the words are said all the same."""
    builtin = _end(walk).tool.transport
    if isinstance(builtin, VoicemailMessageBuiltin):
        offered_builtins.beep_heard(walk, builtin)


def _settled(walk: Walk, turn: ToolTurn, settled: offered_builtins.Settled) -> str | None:
    output, is_error = settled
    walk.answer_engine(turn, output)
    if is_error:
        return _failed(walk, turn)
    walk.engine_results[turn.arguments_key] = output
    return _go_on(walk, turn)


def _go_on(walk: Walk, turn: ToolTurn) -> str | None:
    offer = turn.offered.offer if turn.offered is not None else None
    match offer.after if offer is not None else After.SILENT:
        case After.CONTINUE:
            return offer.goto if offer is not None else None
        case After.SPEAK:
            walk.ask_engine()
        case After.SILENT:
            walk.listen()
    return None


def _failed(walk: Walk, turn: ToolTurn) -> str | None:
    """The engine may correct itself; once that was in vain too often, it can only say so."""
    name = turn.tool.name
    failures = walk.engine_failures.get(name, 0) + 1
    walk.engine_failures[name] = failures
    if failures > MAX_FAILURES:
        walk.withdrawn.add(name)
        walk.script.add(
            configure(
                walk.flow, walk.step, walk.memory.scope, walk.filled, withdrawn=walk.withdrawn
            )
        )
    walk.ask_engine()
    return None


def _refuse(
    walk: Walk, event: EngineCalled, code: str, message: str, param: str | None = None
) -> None:
    error: dict[str, Any] = {"code": code, "message": message}
    if param is not None:
        error["param"] = param
    walk.script.add(ReplyToEngine(event.call_id, {"error": error}))


def _end(walk: Walk) -> ToolTurn:
    turn = walk.tool
    if turn is None:
        raise FlowFault("no tool is running")
    walk.mode, walk.tool = Mode.LISTENING, None
    return turn


def _key(tool: str, arguments: Mapping[str, Json]) -> str:
    return orjson.dumps([tool, arguments], option=orjson.OPT_SORT_KEYS, default=str).decode()


def _error(outcome: ToolOutcome, result: Json) -> Json:
    if isinstance(result, Mapping) and isinstance(result.get("error"), Mapping):
        return dict(result)
    code = "timed_out" if outcome is ToolOutcome.TIMED_OUT else error_code(result)
    return {"error": {"code": code, "message": "the tool gave no result"}}


def _bounded(result: Json) -> Json:
    size = len(orjson.dumps(result, default=str))
    if size <= MAX_OUTPUT_BYTES:
        return result
    message = f"it worked, and the result is too long to show: over {MAX_OUTPUT_BYTES} bytes"
    return {"status": "ok", "message": message}
