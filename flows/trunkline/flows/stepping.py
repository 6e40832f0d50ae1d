"""From step to step: each kind of step does what it does, until the call has to wait."""

from __future__ import annotations

from typing import Final, assert_never

from trunkline.flows import call_steps, talk_steps, tool_steps
from trunkline.flows.actions import EnterStep
from trunkline.flows.routes import route_at_once
from trunkline.flows.steps import (
    BranchStep,
    CallStep,
    CollectStep,
    HandoffStep,
    HangUpStep,
    QueueStep,
    ReturnStep,
    SayStep,
    SendDigitsStep,
    SetStep,
    Step,
    ToolStep,
    TransferStep,
    VoicemailStep,
    scope_of,
)
from trunkline.flows.walk import FlowFault, Mode, Walk

MAX_CHAIN: Final = 50
"""Steps entered within one event; more means a circle that never waits."""
MAX_DEPTH: Final = 8
"""Sub-flows within sub-flows; the loader refuses more, and so does this."""
MAX_TEXT_CHARS: Final = 4000
MAX_NUMBER: Final = 10**15


def go(walk: Walk, name: str | None) -> None:
    """Come to a step and do what it does, through to where the call has to wait."""
    entered = 0
    while name is not None:
        entered += 1
        if entered > MAX_CHAIN:
            raise FlowFault(f"{MAX_CHAIN} steps in a row without waiting for anything")
        scope = scope_of(name)
        if walk.memory.depth and scope != scope_of(walk.step.name) and not scope:
            walk.memory.leave_all()
        step = walk.flow.steps[name]
        walk.leave_tool()
        walk.waiting = None
        walk.step, walk.mode, walk.keyed = step, Mode.LISTENING, None
        walk.engine_failures.clear()
        walk.withdrawn.clear()
        walk.patience.entered()
        if not isinstance(step, ReturnStep):
            walk.script.add(EnterStep(name))
        agent = walk.flow.agent.name
        name = _do(walk, step)
        if agent == walk.flow.agent.name and (route := route_at_once(walk, step, name)):
            walk.took.append(route)


def _do(walk: Walk, step: Step) -> str | None:
    match step:
        case SayStep():
            return talk_steps.enter_say(walk, step)
        case CollectStep():
            return talk_steps.enter_collect(walk, step)
        case ToolStep():
            return tool_steps.enter_tool(walk, step)
        case BranchStep():
            scope = walk.memory.scope
            holding = (case.goto for case in step.cases if case.when.holds(scope))
            return next(holding, step.otherwise)
        case SetStep():
            return _set(walk, step)
        case CallStep():
            return _call(walk, step)
        case ReturnStep():
            return _come_back(walk)
        case HandoffStep():
            return call_steps.enter_handoff(walk, step)
        case SendDigitsStep():
            return call_steps.enter_send_digits(walk, step)
        case TransferStep():
            return call_steps.enter_transfer(walk, step)
        case QueueStep():
            return call_steps.enter_queue(walk, step)
        case VoicemailStep():
            call_steps.enter_voicemail(walk, step)
            return None
        case HangUpStep():
            walk.say(step.lines)
            walk.hang_up(step.reason)
            return None
        case _:
            assert_never(step)


def _set(walk: Walk, step: SetStep) -> str:
    values = {name: walk.evaluate(value) for name, value in step.values.items()}
    for name, value in values.items():
        if isinstance(value, str) and len(value) > MAX_TEXT_CHARS:
            raise FlowFault(f"{name} would be over {MAX_TEXT_CHARS} characters")
        if isinstance(value, int | float) and abs(value) > MAX_NUMBER:
            raise FlowFault(f"{name} would be over {MAX_NUMBER}")
    walk.memory.variables |= values
    walk.say(step.lines)
    return step.next


def _call(walk: Walk, step: CallStep) -> str:
    if walk.memory.depth >= MAX_DEPTH:
        raise FlowFault(f"sub-flows are nested deeper than {MAX_DEPTH}")
    walk.say(step.lines)
    walk.memory.call(step, {name: walk.evaluate(value) for name, value in step.arguments.items()})
    return step.start


def _come_back(walk: Walk) -> str:
    step = walk.memory.come_back()
    walk.step = step
    return step.next
