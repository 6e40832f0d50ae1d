"""The flow runner: what happened in, what to do out. No clock, no loop, no socket.

After every event the call has something definite to wait for: the caller (with a no-input time),
a tool (with a tick that watches over it), a transfer, or nothing more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final, assert_never

from trunkline.domain.events import Json, ToolOutcome
from trunkline.domain.ids import new_tool_run_id
from trunkline.flows.actions import (
    BeepHeard,
    CallAnswered,
    CallerSilent,
    CallerUnclear,
    DigitsEntered,
    EngineCalled,
    EngineFailed,
    EngineSpoke,
    FlowAction,
    FlowEvent,
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
    COLLECT_PREFIX,
    CONFIRM_NO,
    CONFIRM_YES,
    INTENT_PREFIX,
    configure_confirmation,
    intents_at,
    keys_at,
    open_slots,
)
from trunkline.flows.flow import CollectStep, Flow, Line, TransferStep
from trunkline.flows.prompts import PromptError
from trunkline.flows.script import Script
from trunkline.flows.slots import BadValue, Confirm, Slot, SlotValue, check, from_keypad, in_words
from trunkline.flows.tools import error_code
from trunkline.flows.walk import FlowFault, Mode, Walk

MAX_BAD_CALLS: Final = 2
"""How often in a step the engine may report what cannot be taken before the flow moves on."""
_CONFIRM_KEYS: Final = {"1": True, "2": False}


class FlowRunner:
    """One call's way through a flow. ``variables`` are the call's own and win over the flow's.

    ``now`` is the call's start, aware; ``mint_run_id`` makes ids that are unique in the whole
    installation.
    """

    def __init__(
        self,
        flow: Flow,
        variables: Mapping[str, Json],
        now: datetime,
        *,
        mint_run_id: Callable[[], str] = new_tool_run_id,
    ) -> None:
        local = now.astimezone(flow.timezone)
        known: dict[str, Json] = {
            "call_id": "",
            "caller_number": "",
            "called_number": "",
            "today": local.date().isoformat(),
            "time_of_day": local.strftime("%H:%M"),
            **flow.variables,
            **variables,
        }
        overridden = {name for name in variables if variables[name] != flow.variables.get(name)}
        self._flow = flow
        self._script = Script(flow.constants - overridden)
        self._walk = Walk(flow, known, self._script, mint_run_id)

    @property
    def step(self) -> str:
        """The name of the step the flow is in."""
        return self._walk.step.name

    @property
    def is_over(self) -> bool:
        """Nothing more will be said or asked: hung up, or transferred."""
        return self._walk.mode is Mode.OVER

    @property
    def variables(self) -> Mapping[str, Json]:
        return dict(self._walk.variables)

    def handle(self, event: FlowEvent) -> list[FlowAction]:
        """The actions for one event, in order. Never raises for anything a call can bring."""
        before = dict(self._walk.variables)
        self._walk.begin_event()
        try:
            self._dispatch(event)
        except (PromptError, FlowFault) as exc:
            self._walk.fail(str(exc))
        actions = self._script.finish()
        if self._walk.variables != before:
            actions.insert(0, SetVariables(dict(self._walk.variables)))
        return actions

    def _dispatch(self, event: FlowEvent) -> None:
        walk = self._walk
        match event:
            case CallAnswered():
                if walk.mode is Mode.UNSTARTED:
                    walk.enter(self._flow.start)
            case EngineCalled():
                self._on_engine_called(event)
            case EngineSpoke():
                self._on_engine_spoke(event.text)
            case EngineFailed():
                self._on_engine_failed()
            case DigitsEntered():
                self._on_digits(event.digits)
            case CallerSilent():
                self._on_silence()
            case CallerUnclear():
                self._on_unclear()
            case ToolFinished():
                self._on_tool_finished(event)
            case TransferFinished():
                self._on_transfer_finished(event)
            case QueueFinished() | QueuePosition() | VoicemailDetected() | BeepHeard():
                pass  # no step asks for these yet
            case SayFinished():
                pass  # lines queue by themselves, and silence is counted by the call
            case _:
                assert_never(event)

    # ---- the engine ----------------------------------------------------------------------------

    def _on_engine_called(self, event: EngineCalled) -> None:
        walk = self._walk
        walk.patience.heard()
        if walk.mode in (Mode.UNSTARTED, Mode.TRANSFER, Mode.OVER):
            self._reply(event, {"status": "ignored"})
            return
        confirmed = {CONFIRM_YES: True, CONFIRM_NO: False}.get(event.name)
        if confirmed is not None and walk.mode is Mode.CONFIRMING:
            self._reply(event, {"status": "ok"})
            self._confirm(confirmed)
            return
        intents = intents_at(self._flow, walk.step)
        name = event.name.removeprefix(INTENT_PREFIX)
        step = walk.step
        if event.name.startswith(INTENT_PREFIX) and name in intents:
            self._reply(event, {"status": "ok"})
            self._follow(intents[name])
        elif isinstance(step, CollectStep) and event.name == COLLECT_PREFIX + step.name:
            self._on_collected(step, event)
        else:
            self._refuse(event, "unknown_function", "no such function in this step", "name")

    def _follow(self, goto: str | None) -> None:
        """Go where an intent or a key leads; None repeats. A running tool is waited for first."""
        walk = self._walk
        walk.patience.accepted()
        if goto is None:
            self._script.say_again()
            walk.listen()
        elif walk.tool is not None:
            walk.tool.after = goto
            walk.listen()
        else:
            walk.enter(goto)

    def _on_collected(self, step: CollectStep, event: EngineCalled) -> None:
        taken: dict[str, SlotValue] = {}
        for slot in open_slots(step, self._walk.filled):
            try:
                taken[slot.name] = check(slot, event.arguments.get(slot.name))
            except BadValue as wanted:
                self._refuse(event, "invalid_arguments", f"{slot.name} must be {wanted}", slot.name)
                return
        self._reply(event, {"status": "accepted"})
        self._walk.patience.accepted()
        self._walk.keep(step, taken)

    def _refuse(self, event: EngineCalled, code: str, message: str, param: str) -> None:
        """Tell the engine what was wrong and let it try again, a bounded number of times."""
        self._reply(event, {"error": {"code": code, "message": message, "param": param}})
        walk = self._walk
        if walk.mode is Mode.TOOL:
            walk.listen()
            return
        walk.patience.bad_calls += 1
        if walk.patience.bad_calls > MAX_BAD_CALLS:
            walk.fall_back(self._flow.policies.no_match.fallback, HangUpReason.NO_MATCH)
        else:
            walk.ask_engine()

    def _reply(self, event: EngineCalled, output: Json) -> None:
        self._script.add(ReplyToEngine(event.call_id, output))

    def _on_engine_spoke(self, text: str) -> None:
        walk = self._walk
        if walk.mode is Mode.TOOL:
            walk.listen()
        if not walk.is_listening:
            return
        self._script.engine_said(text)
        was_asked, walk.engine_was_asked = walk.engine_was_asked, False
        if not was_asked:
            walk.patience.heard()
            walk.patience.engine_turns += 1
        policy = self._flow.policies.no_match
        if walk.patience.engine_turns > policy.max_engine_turns:
            walk.fall_back(policy.fallback, HangUpReason.NO_MATCH)
        else:
            walk.listen()

    def _on_engine_failed(self) -> None:
        walk = self._walk
        if walk.mode is Mode.TOOL:
            walk.listen()  # the tool's end brings the flow on, and lines need no engine
        elif walk.is_listening:
            walk.fall_back(self._flow.policies.engine_failure, HangUpReason.ENGINE_ERROR)

    # ---- the keypad ----------------------------------------------------------------------------

    def _on_digits(self, digits: str) -> None:
        walk = self._walk
        walk.patience.heard()
        key = keys_at(self._flow, walk.step).get(digits)
        if walk.mode is Mode.TOOL:
            self._follow(key) if key else walk.listen()
            return
        if not walk.is_listening:
            return
        if walk.mode is Mode.CONFIRMING and digits in _CONFIRM_KEYS:
            self._confirm(_CONFIRM_KEYS[digits])
            return
        slot = walk.open_slot()
        value = _keyed_value(slot, digits)
        if slot is not None and value is not None:
            self._on_keyed(slot, value)
        elif key:
            self._follow(key)
        else:
            self._not_understood()

    def _on_keyed(self, slot: Slot, value: SlotValue) -> None:
        walk, step = self._walk, self._walk.step
        if not isinstance(step, CollectStep):
            raise FlowFault("digits for a step that collects nothing")
        walk.patience.accepted()
        if slot.confirm is not Confirm.ALWAYS or slot.read_back is None:
            walk.keep(step, {slot.name: value})
            return
        walk.mode, walk.keyed = Mode.CONFIRMING, (slot, value)
        self._script.add(configure_confirmation(self._flow, step))
        question = slot.read_back.render(walk.variables)
        self._script.say_text(question.replace("{value}", in_words(slot, value)), is_fixed=False)
        walk.listen()

    def _confirm(self, is_right: bool) -> None:
        walk, step = self._walk, self._walk.step
        keyed = walk.keyed
        if keyed is None or not isinstance(step, CollectStep):
            raise FlowFault("nothing was waiting to be confirmed")
        walk.patience.accepted()
        if is_right:
            walk.keep(step, {keyed[0].name: keyed[1]})
        else:
            walk.keep(step, {})

    # ---- silence and noise ---------------------------------------------------------------------

    def _on_silence(self) -> None:
        walk, policy = self._walk, self._flow.policies.no_input
        if walk.mode is Mode.TOOL:
            walk.tick_tool()
            return
        if not walk.is_listening:
            return
        count = walk.patience.silences
        if count >= len(policy.reprompts):
            walk.fall_back(policy.fallback, HangUpReason.NO_INPUT)
            return
        walk.patience.silences += 1
        lines = [policy.reprompts[count]]
        slot = walk.open_slot()
        if slot is not None:
            lines.append(Line(slot.ask))
        self._script.say(lines, walk.variables, remembers=False)
        walk.listen()

    def _on_unclear(self) -> None:
        walk = self._walk
        walk.patience.heard()
        if walk.mode is Mode.TOOL:
            walk.listen()
        elif walk.is_listening:
            self._not_understood()

    def _not_understood(self) -> None:
        walk, policy = self._walk, self._flow.policies.no_match
        slot = walk.open_slot()
        own = tuple(Line(prompt) for prompt in slot.reprompts) if slot else ()
        reprompts = own or policy.reprompts
        count = walk.patience.unclear
        if count >= len(reprompts):
            walk.fall_back(policy.fallback, HangUpReason.NO_MATCH)
            return
        walk.patience.unclear += 1
        self._script.say((reprompts[count],), walk.variables, remembers=False)
        walk.listen()

    # ---- tools and transfers -------------------------------------------------------------------

    def _on_tool_finished(self, event: ToolFinished) -> None:
        walk = self._walk
        if walk.tool is None or walk.tool.run_id != event.run_id:
            return  # late: the flow has long gone on without it
        match event.outcome:
            case ToolOutcome.OK:
                walk.tool_worked(event.result)
            case ToolOutcome.PARKED:
                walk.tool_parked()
            case ToolOutcome.TIMED_OUT:
                walk.tool_failed("timed_out")
            case ToolOutcome.FAILED | ToolOutcome.INVALID | ToolOutcome.UNKNOWN:
                walk.tool_failed(error_code(event.result))
            case _:
                assert_never(event.outcome)

    def _on_transfer_finished(self, event: TransferFinished) -> None:
        walk, step = self._walk, self._walk.step
        if walk.mode is not Mode.TRANSFER or not isinstance(step, TransferStep):
            return
        if event.is_connected:
            walk.mode = Mode.OVER
        else:
            walk.transfer_failed(step)


def _keyed_value(slot: Slot | None, digits: str) -> SlotValue | None:
    if slot is None:
        return None
    try:
        return from_keypad(slot, digits)
    except BadValue:
        return None
