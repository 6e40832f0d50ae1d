"""Tool steps: a run, the words over it while it lasts, and what its outcome leads to."""

from __future__ import annotations

from typing import Final

import orjson

from trunkline.domain.events import Json, ToolOutcome
from trunkline.flows import background, identity, offered_tools, waiting
from trunkline.flows.actions import HangUpReason, RunTool
from trunkline.flows.compile import configure
from trunkline.flows.steps import FailureRoute, Line, ToolStep
from trunkline.flows.tools import RiskClass, error_code
from trunkline.flows.walk import FlowFault, Mode, ToolTurn, Walk

OTHERWISE: Final = "otherwise"
PARKED: Final = "parked"


def enter_tool(walk: Walk, step: ToolStep) -> str | None:
    """Run the tool, or park it; a high-risk call that is parked already is not parked again."""
    arguments = {name: walk.evaluate(value) for name, value in step.arguments.items()}
    if step.background is not None:
        return background.start(walk, step, step.background, arguments)
    tool, run_id = step.tool, walk.mint()
    key = walk.keys.setdefault(step.name, run_id)
    same = orjson.dumps([tool.name, arguments], option=orjson.OPT_SORT_KEYS, default=str).decode()
    if step.wait is not None and (asked := waiting.open_question(walk, step)) is not None:
        walk.script.add(configure(walk.flow, step, walk.memory.scope))
        waiting.resume(walk, step, asked, same)
        return None
    turn = ToolTurn(tool, run_id, same, step=step)
    walk.mode, walk.tool = Mode.TOOL, turn
    if same in walk.parked:
        return parked(walk)
    walk.say(step.lines)
    walk.script.add(configure(walk.flow, step, walk.memory.scope))
    question = waiting.park(walk, turn, arguments, key)
    if question is not None:
        walk.script.add(question)
    else:
        secrets = walk.memory.secrets_in(arguments.values())
        walk.script.add(RunTool(run_id, tool.name, arguments, key, secrets))
    walk.listen()
    return None


def tick(walk: Walk) -> str | None:
    """Silence while a tool runs: a word now and then, and an end when none is reported."""
    turn = _running(walk)
    turn.ticks += 1
    if turn.is_overdue:
        return finished(walk, ToolOutcome.TIMED_OUT, None)
    tool = turn.tool
    # What follows is the call's fillers, at growing distances; a flow without any repeats itself.
    is_alone = walk.flow.policies.fillers == ()
    is_time = turn.ticks == 2 or (is_alone and turn.ticks % 2 == 0)
    line = tool.still_running if is_time else None
    if turn.ticks == 1 and not (turn.step and turn.step.lines):
        line = tool.while_running
    if line is not None:
        walk.say((Line(line),), remembers=False)
    walk.listen()
    return None


def finished(walk: Walk, outcome: ToolOutcome, result: Json) -> str | None:
    """The outcome of the run that the call is waiting for."""
    if walk.tool is not None and walk.tool.offered is not None:
        return offered_tools.finished(walk, outcome, result)
    match outcome:
        case ToolOutcome.OK:
            return _worked(walk, result)
        case ToolOutcome.PARKED:
            return parked(walk)
        case ToolOutcome.TIMED_OUT:
            return failed(walk, "timed_out")
        case ToolOutcome.FAILED | ToolOutcome.INVALID | ToolOutcome.UNKNOWN | ToolOutcome.RUNNING:
            return failed(walk, error_code(result))


def _worked(walk: Walk, result: Json) -> str:
    turn, step = _end(walk)
    _settle(walk, step)
    identity.tool_worked(walk, turn.tool.name, step)
    if step.save_as:
        walk.memory.variables[step.save_as] = result
    return turn.after or step.next


def parked(walk: Walk) -> str | None:
    """Waits for a human: say that, and nothing that sounds like done."""
    turn, step = _end(walk)
    if step.wait is not None:
        _settle(walk, step)
        waiting.begin(walk, turn, step, step.wait)
        return waiting.leave(walk, turn.after) if turn.after is not None else None
    if turn.tool.risk is RiskClass.HIGH:
        walk.parked.add(turn.arguments_key)
    if not step.parked_lines:
        return _route(walk, turn, step, PARKED)
    _settle(walk, step)
    walk.say(step.parked_lines)
    goto = turn.after or step.parked_next
    if goto is None:
        raise FlowFault(f"{step.name} does not say where to go once parked")
    return goto


def failed(walk: Walk, code: str) -> str | None:
    turn, step = _end(walk)
    walk.questions.pop(turn.run_id, None)  # what could not be asked is not open
    return _route(walk, turn, step, code)


def _running(walk: Walk) -> ToolTurn:
    if walk.tool is None:
        raise FlowFault("no tool is running")
    return walk.tool


def _end(walk: Walk) -> tuple[ToolTurn, ToolStep]:
    turn = _running(walk)
    if turn.step is None:
        raise FlowFault("the tool that runs is the engine's")
    walk.mode, walk.tool = Mode.LISTENING, None
    return turn, turn.step


def _settle(walk: Walk, step: ToolStep) -> None:
    walk.patience.tool_settled(step.name)
    walk.keys.pop(step.name, None)


def _route(walk: Walk, turn: ToolTurn, step: ToolStep, code: str) -> str | None:
    if turn.after is not None:
        _settle(walk, step)
        return turn.after
    general = step.failures.get(OTHERWISE, walk.flow.policies.tool_failure)
    route: FailureRoute = step.failures.get(code, general)
    for name in route.forget:
        walk.memory.variables.pop(name, None)
    if walk.patience.tool_failed(step.name, code) > route.limit:
        _settle(walk, step)
        return walk.fall_back(route.fallback, HangUpReason.FLOW_ERROR)
    if route.goto is not None:
        walk.keys.pop(step.name, None)  # other arguments are another effect
    walk.say(route.lines)
    return route.goto or step.name
