"""Which way a call took out of a step, and which ways there are: for the event log and coverage.

A route has the name of the step it leaves and a name of its own, ``case 1``, ``intent balance``,
``failed not_found``; what a flow's policies do, in whatever step, has no step. What was taken is
read off the walk from outside: nothing here decides anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from trunkline.domain.approval import ApprovalState
from trunkline.domain.events import Json, ToolOutcome
from trunkline.flows.actions import (
    ApprovalChanged,
    BeepHeard,
    CallerSilent,
    CallerUnclear,
    DigitsEntered,
    EngineCalled,
    EngineFailed,
    EngineSpoke,
    FlowEvent,
    QueueFinished,
    QueueOutcome,
    ToolFinished,
    TransferCause,
    TransferFinished,
    VoicemailDetected,
)
from trunkline.flows.call_steps import cause_of
from trunkline.flows.compile import INTENT_PREFIX, intents_at, keys_at, open_slots
from trunkline.flows.flow import Flow
from trunkline.flows.steps import (
    BranchStep,
    CollectStep,
    QueueStep,
    SayStep,
    Step,
    ToolStep,
    TransferStep,
    VoicemailStep,
    listening_of,
)
from trunkline.flows.tool_steps import OTHERWISE, PARKED
from trunkline.flows.tools import RiskClass, error_code
from trunkline.flows.walk import Mode, Walk

FILLED: Final = "filled"
CIRCLED: Final = "max_fallbacks"
_TAKEN_BACK: Final = ApprovalState.ABANDONED


@dataclass(frozen=True, slots=True)
class Route:
    """A way out of ``step`` of ``agent``'s flow; ``step`` is empty for what its policies do."""

    agent: str
    step: str
    name: str


# ---- the ways there are ------------------------------------------------------------------------


def routes_of(flow: Flow) -> tuple[Route, ...]:
    """Every route of a flow, steps in its order and the policies last."""
    agent = flow.agent.name
    own = [
        Route(agent, step.name, name)
        for step in flow.steps.values()
        for name in dict.fromkeys(_ways_out(step))
    ]
    return (*own, *(Route(agent, "", name) for name in _policies(flow)))


def _ways_out(step: Step) -> Iterator[str]:
    match step:
        case BranchStep():
            yield from (f"case {number}" for number in range(1, len(step.cases) + 1))
            yield "otherwise"
        case CollectStep():
            yield from (f"{FILLED} case {number}" for number in range(1, len(step.cases) + 1))
            yield FILLED
            if any(slot.reprompts for slot in step.slots):
                yield "asked again"
        case SayStep() if step.beep_ms is not None:
            yield from ("beep", "no beep")
        case ToolStep():
            yield from _tool_ways(step)
        case TransferStep():
            yield "connected"
            yield from (f"failed {cause}" for cause in step.failures)
            if len(step.failures) < len(TransferCause):
                yield "failed"
        case QueueStep():
            yield from (QueueOutcome.CONNECTED, QueueOutcome.TIMEOUT, QueueOutcome.UNAVAILABLE)
            if step.callback_key:
                yield QueueOutcome.CALLBACK
        case VoicemailStep():
            yield from (kind.value for kind in step.routes)
        case _:
            pass
    listening = listening_of(step)
    if listening is not None:
        yield from (f"intent {name}" for name in listening.intents)
        yield from (f"key {key}" for key in listening.keys)
        yield from (f"idle {number}" for number in range(1, len(listening.idle) + 1))
        if listening.silence is not None:
            yield "silence"


def _tool_ways(step: ToolStep) -> Iterator[str]:
    # A high-risk tool is parked, whatever else the step says: it never comes to its good end here.
    is_parked = step.tool.risk is RiskClass.HIGH
    if step.wait is not None:
        yield ApprovalState.DONE.value
        yield from (state.value for state in step.wait.outcomes)
        return
    yield PARKED if is_parked else "ok"
    if is_parked:
        return
    for code in step.failures:
        yield f"failed {code}"
        yield f"failed {code} then"


def _policies(flow: Flow) -> Iterator[str]:
    steps = flow.steps.values()
    if any(listening_of(step) is not None for step in steps):
        policies = flow.policies
        counts = {"no_input": policies.no_input.reprompts, "no_match": policies.no_match.reprompts}
        for name, reprompts in counts.items():
            yield from (f"{name} {number}" for number in range(1, len(reprompts) + 1))
            yield f"{name} then"
        yield "engine_failure"
        yield from (f"intent {name}" for name, one in flow.intents.items() if one.is_global)
        yield from (f"key {key}" for key in flow.keys)
    tools = [step for step in steps if isinstance(step, ToolStep)]
    if any(OTHERWISE not in one.failures and one.tool.risk is not RiskClass.HIGH for one in tools):
        yield from ("tool_failure", "tool_failure then")
    yield "flow_error"


# ---- the way that was taken --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Glance:
    """What is looked at before an event, to tell afterwards what it led to."""

    agent: str
    step: Step
    mode: Mode
    filled: frozenset[str]
    idles: int
    silences: int
    unclear: int
    fallbacks: int
    run_id: str
    has_other_plans: bool

    @classmethod
    def at(cls, walk: Walk) -> Glance:
        patience, tool = walk.patience, walk.tool
        return cls(
            agent=walk.flow.agent.name,
            step=walk.step,
            mode=walk.mode,
            filled=frozenset(walk.filled),
            idles=patience.idles,
            silences=patience.silences,
            unclear=patience.unclear,
            fallbacks=patience.fallbacks,
            run_id=tool.run_id if tool is not None else "",
            has_other_plans=_has_other_plans(walk),
        )


def route_at_once(walk: Walk, step: Step, goto: str | None) -> Route | None:
    """The route out of a step that was left as soon as it was come to; None: there is but one."""
    if goto is None:
        return None
    match step:
        case BranchStep():
            name = _case(step.cases, walk) or "otherwise"
        case CollectStep():
            name = f"{FILLED} {_case(step.cases, walk)}".strip()
        case TransferStep():
            name = _transfer(step, TransferCause.UNREACHABLE)
        case QueueStep():
            name = QueueOutcome.UNAVAILABLE
        case _:
            return None
    return Route(walk.flow.agent.name, step.name, name)


def route_taken(walk: Walk, before: Glance, event: FlowEvent, goto: str | None) -> Route | None:
    """The route that an event led to; None when it led nowhere, or on the only way there is."""
    step = before.step
    own, general = "", ""
    gave_up = walk.patience.fallbacks > before.fallbacks
    if before.mode is Mode.OVER:
        return None
    match event:
        case EngineCalled() | DigitsEntered() if _has_filled(walk, before, goto):
            assert isinstance(step, CollectStep)
            own = f"{FILLED} {_case(step.cases, walk)}".strip()
        case EngineCalled(_, name) if name.startswith(INTENT_PREFIX):
            own, general = _choice("intent", name.removeprefix(INTENT_PREFIX), walk, step)
        case DigitsEntered(digits) if not gave_up and walk.patience.unclear <= before.unclear:
            own, general = _choice("key", digits, walk, step)
        case CallerUnclear() | DigitsEntered() | EngineSpoke() | EngineCalled():
            own, general = _not_understood(walk, before, gave_up=gave_up)
        case EngineFailed() if gave_up:
            general = "engine_failure"
        case ApprovalChanged() if before.mode is Mode.APPROVAL and walk.waiting is None:
            own = "" if before.has_other_plans and event.state is _TAKEN_BACK else _end(event.state)
        case CallerSilent() if before.mode is Mode.APPROVAL:
            is_overdue = walk.waiting is None and not before.has_other_plans
            own = ApprovalState.UNKNOWN.value if is_overdue else ""
        case CallerSilent() if before.mode is not Mode.TOOL:
            own, general = _silence(walk, before, gave_up=gave_up)
        case ToolFinished(run_id, outcome, result) if (
            isinstance(step, ToolStep) and run_id == before.run_id and not before.has_other_plans
        ):
            own, general = _tool(step, outcome, result, gave_up=gave_up)
        case TransferFinished() if isinstance(step, TransferStep) and before.mode is Mode.TRANSFER:
            cause = event.cause or cause_of(event.sip_status)
            own = "connected" if event.is_connected else _transfer(step, cause)
        case QueueFinished(outcome) if isinstance(step, QueueStep) and before.mode is Mode.QUEUE:
            own = "" if outcome is QueueOutcome.LEFT else outcome.value
        case VoicemailDetected(kind) if before.mode is Mode.DETECTING:
            own = kind.value
        case BeepHeard(was_heard) if before.mode is Mode.BEEP:
            own = "beep" if was_heard else "no beep"
        case _:
            pass
    if own:
        return Route(before.agent, step.name, own)
    return Route(before.agent, "", general) if general else None


def _case(cases: tuple[Json, ...], walk: Walk) -> str:
    """The first case that holds, as it is named; empty for none."""
    scope = walk.memory.scope
    holding = (number for number, case in enumerate(cases, 1) if case.when.holds(scope))
    number = next(holding, 0)
    return f"case {number}" if number else ""


def _has_filled(walk: Walk, before: Glance, goto: str | None) -> bool:
    step = before.step
    return (
        isinstance(step, CollectStep)
        and goto is not None
        and before.mode in (Mode.LISTENING, Mode.CONFIRMING)
        and frozenset(walk.filled) != before.filled
        and not open_slots(step, walk.filled)
    )


def _choice(kind: str, name: str, walk: Walk, step: Step) -> tuple[str, str]:
    listening = listening_of(step)
    own: Mapping[str, object] = {}
    if listening is not None:
        own = listening.intents if kind == "intent" else listening.keys
    if name in own:
        return f"{kind} {name}", ""
    there = intents_at(walk.flow, step) if kind == "intent" else keys_at(walk.flow, step)
    return "", f"{kind} {name}" if name in there else ""


def _not_understood(walk: Walk, before: Glance, *, gave_up: bool) -> tuple[str, str]:
    if gave_up:
        return "", CIRCLED if _has_circled(walk) else "no_match then"
    count = walk.patience.unclear
    if count <= before.unclear:
        return "", ""
    slot = walk.open_slot()
    return ("asked again", "") if slot is not None and slot.reprompts else ("", f"no_match {count}")


def _silence(walk: Walk, before: Glance, *, gave_up: bool) -> tuple[str, str]:
    listening = listening_of(before.step)
    if walk.patience.idles > before.idles:
        return f"idle {walk.patience.idles}", ""
    if walk.patience.silences > before.silences:
        return "", f"no_input {walk.patience.silences}"
    if not gave_up:
        return "", ""
    if listening is not None and listening.silence is not None:
        return "silence", ""
    return "", CIRCLED if _has_circled(walk) else "no_input then"


def _tool(step: ToolStep, outcome: ToolOutcome, result: Json, *, gave_up: bool) -> tuple[str, str]:
    if outcome is ToolOutcome.OK:
        return "ok", ""
    if outcome is ToolOutcome.PARKED and step.parked_lines:
        return PARKED, ""
    code = PARKED if outcome is ToolOutcome.PARKED else error_code(result)
    if outcome is ToolOutcome.TIMED_OUT:
        code = "timed_out"
    then = " then" if gave_up else ""
    if code in step.failures:
        return f"failed {code}{then}", ""
    if OTHERWISE in step.failures:
        return f"failed {OTHERWISE}{then}", ""
    return "", f"tool_failure{then}"


def _has_other_plans(walk: Walk) -> bool:
    waiting = walk.tool or walk.questions.get(walk.waiting or "")
    return waiting is not None and waiting.after is not None


def _end(state: ApprovalState) -> str:
    """Taken back by somebody else than the caller is as good as not decided in time."""
    return ApprovalState.EXPIRED.value if state is _TAKEN_BACK else state.value


def _transfer(step: TransferStep, cause: TransferCause) -> str:
    return f"failed {cause}" if cause in step.failures else "failed"


def _has_circled(walk: Walk) -> bool:
    return walk.patience.fallbacks > walk.flow.policies.max_fallbacks
