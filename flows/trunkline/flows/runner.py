"""The flow runner: what happened in, what to do out. No clock, no loop, no socket.

After every event the call has something definite to wait for: the caller (with a no-input time),
a tool (with a tick that watches over it), a transfer, or nothing more.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Final, assert_never

from trunkline.domain.errors import NotFound
from trunkline.domain.events import Json
from trunkline.domain.ids import new_tool_run_id
from trunkline.flows import (
    away,
    background,
    looked_after,
    offered_tools,
    stopped,
    talk_steps,
    tool_steps,
    waiting,
)
from trunkline.flows.actions import (
    ApprovalChanged,
    BackgroundFinished,
    BeepHeard,
    CallAnswered,
    CallerSilent,
    CallerUnclear,
    DigitsEntered,
    EngineCalled,
    EngineFailed,
    EngineSpoke,
    Escalated,
    FloorFree,
    FlowAction,
    FlowEvent,
    GuardStopped,
    HandedBack,
    HangUpReason,
    QueueFinished,
    QueuePosition,
    ReplyToEngine,
    SayFinished,
    SetVariables,
    ToolFinished,
    TransferFinished,
    VoicemailDetected,
)
from trunkline.flows.compile import (
    CONFIRM_NO,
    CONFIRM_YES,
    HOW_IT_STANDS,
    INTENT_PREFIX,
    collect_name,
    intents_at,
    keys_at,
    open_slots,
)
from trunkline.flows.flow import Flow
from trunkline.flows.foretold import foretold_lines
from trunkline.flows.keypad import from_keypad, is_part
from trunkline.flows.memory import Memory, call_variables
from trunkline.flows.offers import offers_at
from trunkline.flows.prompts import PromptError
from trunkline.flows.routes import Glance, Route, route_taken
from trunkline.flows.script import Script
from trunkline.flows.slots import BadValue, Slot, SlotValue, check
from trunkline.flows.stepping import go
from trunkline.flows.steps import CollectStep
from trunkline.flows.walk import FlowFault, Mode, Walk

MAX_BAD_CALLS: Final = 2
"""How often in a step the engine may report what cannot be taken before the flow moves on."""
_CONFIRM_KEYS: Final = {"1": True, "2": False}
_REMEMBERED_CALLS: Final = 64


def _nobody(agent: str) -> Flow:
    raise NotFound(f"there is no agent {agent!r}", code="agent_not_found")


class FlowRunner:
    """One call's way through a flow. ``variables`` are the call's own and win over the flow's.

    ``now`` is the call's start, aware, or a clock that calendars are read by; ``mint_run_id`` makes
    ids that are unique in the whole installation; ``find_agent`` gives the flows that calls may be
    handed to, and raises NotFound.
    """

    def __init__(
        self,
        flow: Flow,
        variables: Mapping[str, Json],
        now: datetime | Callable[[], datetime],
        *,
        mint_run_id: Callable[[], str] = new_tool_run_id,
        find_agent: Callable[[str], Flow] = _nobody,
    ) -> None:
        started = now if isinstance(now, datetime) else now()
        clock = (lambda: started) if isinstance(now, datetime) else now
        overridden = {name for name in variables if variables[name] != flow.variables.get(name)}
        self._script = Script(flow.constants - overridden)
        memory = Memory(flow, call_variables(flow, variables, started), clock)
        self._walk = Walk(flow, memory, self._script, mint_run_id, find_agent, clock)
        self._answered: deque[str] = deque(maxlen=_REMEMBERED_CALLS)

    @property
    def flow(self) -> Flow:
        """The flow that has the call now: another agent's after a hand-off."""
        return self._walk.flow

    @property
    def step(self) -> str:
        """The name of the step the flow is in."""
        return self._walk.step.name

    @property
    def is_over(self) -> bool:
        """Nothing more will be said or asked: hung up, or transferred."""
        return self._walk.mode is Mode.OVER

    @property
    def has_news(self) -> bool:
        """Something from the background waits for a FloorFree."""
        return background.can_tell(self._walk)

    @property
    def variables(self) -> Mapping[str, Json]:
        return dict(self._walk.memory.variables)

    def know(self, fetched: Mapping[str, Json]) -> None:
        """What was fetched before the answer; told before the first event."""
        self._walk.memory.variables.update(fetched)

    def likely_lines(self) -> tuple[str, ...]:
        """What may be said next in this call's own words; fixed lines are rendered already."""
        walk = self._walk
        if not walk.is_listening:
            return ()
        return foretold_lines(walk.flow, walk.step, walk.memory.variables, self._script.constants)

    def routes_taken(self) -> list[Route]:
        """The ways the flow took since this was last asked for."""
        taken, self._walk.took = self._walk.took, []
        return taken

    def handle(self, event: FlowEvent) -> list[FlowAction]:
        """The actions for one event, in order. Never raises for anything a call can bring."""
        walk = self._walk
        before = dict(walk.memory.variables)
        try:
            glance = Glance.at(walk)
            goto = self._dispatch(event)
            if route := route_taken(walk, glance, event, goto):
                walk.took.append(route)
            go(walk, goto)
        except (PromptError, FlowFault) as exc:
            walk.took.append(Route(walk.flow.agent.name, "", "flow_error"))
            self._recover(str(exc))
        actions = self._script.finish()
        if walk.memory.variables != before:
            actions.insert(0, SetVariables(dict(walk.memory.variables)))
        return actions

    def _recover(self, problem: str) -> None:
        walk = self._walk
        try:
            go(walk, walk.fail(problem))
        except (PromptError, FlowFault) as exc:
            walk.note(str(exc))
            walk.hang_up(HangUpReason.FLOW_ERROR)

    def _dispatch(self, event: FlowEvent) -> str | None:
        """The step that the event leads to, or None when the call stays where it is."""
        walk = self._walk
        match event:
            case CallAnswered():
                return walk.flow.start if walk.mode is Mode.UNSTARTED else None
            case EngineCalled():
                return self._on_engine_called(event)
            case EngineSpoke():
                return self._on_engine_spoke(event.text)
            case EngineFailed():
                return self._on_engine_failed()
            case DigitsEntered():
                return self._on_digits(event.digits)
            case CallerSilent():
                return self._on_silence()
            case CallerUnclear():
                return self._on_unclear()
            case ToolFinished():
                if walk.tool is None or walk.tool.run_id != event.run_id:
                    return None  # late: the flow has long gone on without it
                return tool_steps.finished(walk, event.outcome, event.result)
            case TransferFinished() | QueueFinished() | QueuePosition():
                return away.came_back(walk, event)
            case VoicemailDetected() | BeepHeard():
                return away.answered(walk, event)
            case ApprovalChanged():
                return waiting.changed(walk, event)
            case BackgroundFinished():
                background.finished(walk, event)
                return None
            case FloorFree():
                return background.tell(walk)
            case Escalated() | HandedBack():
                return looked_after.go_on(walk, event)
            case GuardStopped():
                return stopped.go_on(walk, event)
            case SayFinished():
                return None  # lines queue by themselves, and silence is counted by the call
            case _:
                assert_never(event)

    # ---- the engine ----------------------------------------------------------------------------

    def _on_engine_called(self, event: EngineCalled) -> str | None:
        walk = self._walk
        walk.patience.heard()
        is_repeated = event.call_id in self._answered
        self._answered.append(event.call_id)
        if walk.is_away or is_repeated:
            if walk.tool is None or walk.tool.call_id != event.call_id:  # that will have its own
                self._reply(event, {"status": "ignored"})
            if not walk.is_away:
                walk.listen()  # the report ended the call's waiting, whatever it was worth
            return None
        if event.fault:
            message = "give the function's arguments as JSON, and nothing that was not said"
            return self._refuse(event, "invalid_arguments", message, event.fault)
        confirmed = {CONFIRM_YES: True, CONFIRM_NO: False}.get(event.name)
        if confirmed is not None and walk.mode is Mode.CONFIRMING:
            self._reply(event, {"status": "ok"})
            return talk_steps.confirm(walk, confirmed)
        if event.name == HOW_IT_STANDS and walk.mode is Mode.APPROVAL:
            self._reply(event, dict(waiting.NOT_DONE))
            waiting.asked_about(walk)
            return None
        intents = intents_at(walk.flow, walk.step)
        name = event.name.removeprefix(INTENT_PREFIX)
        step = walk.step
        if event.name.startswith(INTENT_PREFIX) and name in intents:
            self._reply(event, {"status": "ok"})
            if intents[name] is not None:
                walk.told = self._told(walk.flow.intents[name].takes, event.arguments)
            return self._follow(intents[name])
        if isinstance(step, CollectStep) and event.name == collect_name(step.name):
            return self._on_collected(step, event)
        offer = offers_at(step, walk.withdrawn).get(event.name)
        if offer is not None and walk.mode is not Mode.CONFIRMING:
            return offered_tools.called(walk, event, offer)
        return self._refuse(event, "unknown_function", "no such function in this step", "name")

    def _told(self, slots: Iterable[Slot], arguments: Mapping[str, Json]) -> dict[str, SlotValue]:
        """What came along with a wish; what does not fit will be asked for."""
        told: dict[str, SlotValue] = {}
        for slot in slots:
            if slot.name in arguments:
                with suppress(BadValue):
                    told[slot.name] = check(slot, arguments[slot.name], self._walk.today)
        return told

    def _follow(self, goto: str | None) -> str | None:
        """Go where an intent or a key leads; None repeats. A running tool is waited for first."""
        walk = self._walk
        walk.patience.accepted()
        if goto is not None and walk.mode is Mode.APPROVAL:
            return waiting.leave(walk, goto)
        if goto is not None and walk.tool is None:
            return goto
        if goto is None:
            self._script.say_again()
        elif walk.tool is not None:
            walk.tool.after = goto
        walk.listen()
        return None

    def _on_collected(self, step: CollectStep, event: EngineCalled) -> str | None:
        walk = self._walk
        taken: dict[str, SlotValue] = {}
        for slot in open_slots(step, walk.filled):
            if slot.is_keypad_only:
                continue
            try:
                taken[slot.name] = check(slot, event.arguments.get(slot.name), walk.today)
            except BadValue as wanted:
                return self._refuse(
                    event, "invalid_arguments", f"{slot.name} must be {wanted}", slot.name
                )
        self._reply(event, {"status": "accepted"})
        walk.patience.accepted()
        return talk_steps.keep(walk, step, taken)

    def _refuse(self, event: EngineCalled, code: str, message: str, param: str) -> str | None:
        """Tell the engine what was wrong and let it try again, a bounded number of times."""
        self._reply(event, {"error": {"code": code, "message": message, "param": param}})
        walk = self._walk
        if not walk.is_listening:
            walk.listen()
            return None
        walk.patience.bad_calls += 1
        if walk.patience.bad_calls > MAX_BAD_CALLS:
            return walk.fall_back(walk.flow.policies.no_match.fallback, HangUpReason.NO_MATCH)
        slot = walk.open_slot()
        if slot is not None and slot.is_keypad_only:
            walk.listen()  # the flow itself has asked for it
        else:
            walk.ask_engine()
        return None

    def _reply(self, event: EngineCalled, output: Json) -> None:
        self._script.add(ReplyToEngine(event.call_id, output))

    def _on_engine_spoke(self, text: str) -> str | None:
        walk = self._walk
        if not walk.is_listening:
            if not walk.is_away:
                walk.listen()
            return None
        self._script.engine_said(text)
        was_asked, walk.engine_was_asked = walk.engine_was_asked, False
        if not was_asked:
            walk.caller_spoke()
            walk.patience.heard()
            walk.patience.engine_turns += 1
        policy = walk.flow.policies.no_match
        if walk.patience.engine_turns > policy.max_engine_turns and not walk.listening.program:
            return walk.fall_back(policy.fallback, HangUpReason.NO_MATCH)
        walk.listen()
        return None

    def _on_engine_failed(self) -> str | None:
        walk = self._walk
        if walk.mode in (Mode.TOOL, Mode.APPROVAL):
            walk.listen()  # the tool's end brings the flow on, and lines need no engine
        elif walk.is_listening:
            return walk.fall_back(walk.flow.policies.engine_failure, HangUpReason.ENGINE_ERROR)
        return None

    # ---- the caller ----------------------------------------------------------------------------

    def _on_digits(self, digits: str) -> str | None:
        walk = self._walk
        walk.patience.heard()
        key = keys_at(walk.flow, walk.step).get(digits)
        if walk.mode in (Mode.TOOL, Mode.APPROVAL):
            if key:
                walk.told.clear()
                return self._follow(key)
            walk.listen()
            return None
        if not walk.is_listening:
            return None
        if walk.mode is Mode.CONFIRMING and digits in _CONFIRM_KEYS:
            return talk_steps.confirm(walk, _CONFIRM_KEYS[digits])
        slot, step = walk.open_slot(), walk.step
        if slot is not None and isinstance(step, CollectStep):
            whole = walk.keyed_parts.get(slot.name, "") + digits
            try:
                value = from_keypad(slot, whole, walk.today)
            except BadValue:
                # It may be a key that leads elsewhere, or the part of a number.
                if not key and is_part(slot, whole):
                    return talk_steps.take_part(walk, step, slot, digits)
                walk.keyed_parts.pop(slot.name, None)
            else:
                return talk_steps.take_keyed(walk, step, slot, value)
        if key:
            walk.told.clear()
        return self._follow(key) if key else talk_steps.not_understood(walk)

    def _on_silence(self) -> str | None:
        walk = self._walk
        if walk.mode is Mode.TOOL:
            return tool_steps.tick(walk)
        if walk.mode is Mode.APPROVAL:
            return waiting.silent(walk)
        return talk_steps.silent(walk) if walk.is_listening else None

    def _on_unclear(self) -> str | None:
        walk = self._walk
        walk.patience.heard()
        if walk.mode in (Mode.TOOL, Mode.APPROVAL):
            walk.listen()
        elif walk.is_listening:
            return talk_steps.not_understood(walk)
        return None
