"""Moving through a flow from step to step: entering, waiting, falling back, ending.

``Walk`` is the state of one call in its flow; ``runner`` turns events into calls on it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, assert_never

from trunkline.domain.events import Json
from trunkline.flows.actions import (
    AskEngine,
    EnterStep,
    HangUp,
    HangUpReason,
    ListenForCaller,
    ParkTool,
    RunTool,
    Transfer,
)
from trunkline.flows.compile import configure, gathering, listening_of, open_slots
from trunkline.flows.flow import (
    BranchStep,
    CollectStep,
    FailureRoute,
    Fallback,
    Flow,
    HangUpStep,
    Line,
    SayStep,
    Step,
    ToolStep,
    TransferStep,
)
from trunkline.flows.patience import Patience
from trunkline.flows.prompts import Expression, PromptError
from trunkline.flows.script import Script
from trunkline.flows.slots import Slot, SlotValue
from trunkline.flows.tools import RiskClass

MAX_CHAIN: Final = 50
"""Steps entered within one event; more means a circle that never waits."""
TOOL_FIRST_TICK_MS: Final = 600
"""A tool that is quicker than this is answered at once; a slower one is talked over."""
TOOL_TICK_MS: Final = 3500
TOOL_GRACE_MS: Final = 10_000
"""A tool whose end is not reported this long after its worst case counts as timed out."""
OTHERWISE: Final = "otherwise"
PARKED: Final = "parked"
_TARGET: Final = re.compile(r"(?:sips?:|tel:)[^\s<>\"\x00-\x1f]{1,250}|\+?[0-9*#]{1,32}", re.I)


class FlowFault(Exception):
    """The flow itself is wrong, in a way that only running it shows."""


class Mode(Enum):
    """What the call is waiting for."""

    UNSTARTED = auto()
    LISTENING = auto()  # the caller, or the engine on the caller's behalf
    CONFIRMING = auto()  # the caller's yes or no to a keyed value
    TOOL = auto()
    TRANSFER = auto()
    OVER = auto()


@dataclass(slots=True)
class ToolTurn:
    """A tool that runs. ``after``: where the caller wants to go meanwhile, once it is done."""

    step: ToolStep
    run_id: str
    ticks: int = 0
    after: str | None = None

    @property
    def is_overdue(self) -> bool:
        waited_ms = TOOL_FIRST_TICK_MS + (self.ticks - 1) * TOOL_TICK_MS
        return waited_ms > self.step.tool.worst_case_ms + TOOL_GRACE_MS


class Walk:
    """Where one call is in its flow, with its variables, its patience and its script."""

    def __init__(
        self, flow: Flow, variables: dict[str, Json], script: Script, mint: Callable[[], str]
    ) -> None:
        self.flow = flow
        self.variables = variables
        self.script = script
        self.patience = Patience()
        self.mode = Mode.UNSTARTED
        self.step: Step = flow.steps[flow.start]
        self.filled: set[str] = set()
        self.keyed: tuple[Slot, SlotValue] | None = None
        self.engine_was_asked = False
        self.tool: ToolTurn | None = None
        self._mint = mint
        self._chain = 0
        self._keys: dict[str, str] = {}  # tool step to idempotency key, while it is retried

    @property
    def is_listening(self) -> bool:
        return self.mode in (Mode.LISTENING, Mode.CONFIRMING)

    def begin_event(self) -> None:
        self._chain = 0

    # ---- entering ------------------------------------------------------------------------------

    def enter(self, name: str) -> None:
        """Come to a step and do what it does, through to where the call has to wait."""
        self._chain += 1
        if self._chain > MAX_CHAIN:
            raise FlowFault(f"{MAX_CHAIN} steps in a row without waiting for anything")
        step = self.flow.steps[name]
        self.step, self.mode, self.tool, self.keyed = step, Mode.LISTENING, None, None
        self.patience.entered()
        self.script.add(EnterStep(name))
        match step:
            case SayStep():
                self._enter_say(step)
            case CollectStep():
                self._enter_collect(step)
            case ToolStep():
                self._enter_tool(step)
            case BranchStep():
                holding = (case.goto for case in step.cases if case.when.holds(self.variables))
                self.enter(next(holding, step.otherwise))
            case TransferStep():
                self._enter_transfer(step)
            case HangUpStep():
                self.script.say(step.lines, self.variables)
                self.hang_up(step.reason)
            case _:
                assert_never(step)

    def _enter_say(self, step: SayStep) -> None:
        if step.next is not None:
            self.script.say(step.lines, self.variables)
            self.enter(step.next)
            return
        self.script.add(configure(self.flow, step, self.variables))
        self.script.say(step.lines, self.variables)
        self.listen()

    def _enter_collect(self, step: CollectStep) -> None:
        names = {slot.name for slot in step.slots}
        self.filled = names & set(self.variables) if step.reuses else set()
        if not open_slots(step, self.filled):
            self.enter(step.next)
            return
        self.script.say(step.lines, self.variables)
        self.ask_for_rest(step)

    def ask_for_rest(self, step: CollectStep) -> None:
        """Have the engine ask for the slots that are still open."""
        self.script.add(configure(self.flow, step, self.variables, self.filled))
        self.ask_engine()

    def keep(self, step: CollectStep, values: Mapping[str, SlotValue]) -> None:
        """Take slot values; go on, or ask for what is still missing."""
        self.mode, self.keyed = Mode.LISTENING, None
        self.variables |= values
        self.filled |= set(values)
        if open_slots(step, self.filled):
            self.ask_for_rest(step)
        else:
            self.enter(step.next)

    def open_slot(self) -> Slot | None:
        """The slot the caller is being asked for."""
        if self.mode is not Mode.LISTENING or not isinstance(self.step, CollectStep):
            return None
        return next(iter(open_slots(self.step, self.filled)), None)

    # ---- waiting -------------------------------------------------------------------------------

    def listen(self) -> None:
        """The caller's turn; while a tool runs, also the tick that watches over it."""
        if self.tool is not None:
            tick_ms = TOOL_TICK_MS if self.tool.ticks else TOOL_FIRST_TICK_MS
            self.script.add(ListenForCaller(tick_ms, gathering(self.flow, self.step, None)))
            return
        listening = listening_of(self.step)
        no_input_ms = listening.no_input_ms if listening else None
        if no_input_ms is None:
            no_input_ms = self.flow.policies.no_input.after_ms
        digits = gathering(self.flow, self.step, self.open_slot(), self.mode is Mode.CONFIRMING)
        self.script.add(ListenForCaller(no_input_ms, digits))

    def ask_engine(self) -> None:
        """The engine speaks first; digits count from now on, silence from the end of its words."""
        self.engine_was_asked = True
        self.script.add(AskEngine())
        self.listen()

    # ---- falling back and ending ---------------------------------------------------------------

    def fall_back(self, fallback: Fallback, reason: HangUpReason) -> None:
        """Patience has ended: the fallback's step, or the end; always the end when it circles."""
        self.patience.fallbacks += 1
        if self.patience.fallbacks > self.flow.policies.max_fallbacks:
            self.script.say(self.flow.policies.goodbye, self.variables)
            self.hang_up(reason)
        elif fallback.goto is None:
            self.script.say(fallback.lines or self.flow.policies.goodbye, self.variables)
            self.hang_up(reason)
        else:
            self.script.say(fallback.lines, self.variables)
            self.enter(fallback.goto)

    def fail(self, problem: str) -> None:
        """The flow is wrong (a template, a condition, a circle): apologise and fall back, once."""
        self._note(problem)
        self.patience.flow_errors += 1
        self._chain = 0
        policy = self.flow.policies.flow_error
        try:
            if self.patience.flow_errors == 1:
                self.fall_back(policy, HangUpReason.FLOW_ERROR)
                return
            self.script.say(policy.lines or self.flow.policies.goodbye, self.variables)
        except (PromptError, FlowFault) as exc:
            self._note(str(exc))
        self.hang_up(HangUpReason.FLOW_ERROR)

    def _note(self, problem: str) -> None:
        """Problems of the flow reach the event log as a variable of their own."""
        self.variables["flow_error"] = f"{self.step.name}: {problem}"

    def hang_up(self, reason: HangUpReason) -> None:
        self.mode, self.tool = Mode.OVER, None
        self.script.add(HangUp(reason))

    # ---- tools ---------------------------------------------------------------------------------

    def _enter_tool(self, step: ToolStep) -> None:
        arguments = {
            name: value.evaluate(self.variables)
            if isinstance(value, Expression)
            else value.render(self.variables)
            for name, value in step.arguments.items()
        }
        tool, run_id = step.tool, self._mint()
        key = self._keys.setdefault(step.name, run_id)
        self.script.say(step.lines, self.variables)
        act = ParkTool if tool.risk is RiskClass.HIGH else RunTool
        self.script.add(configure(self.flow, step, self.variables))
        self.script.add(act(run_id, tool.name, arguments, idempotency_key=key))
        self.mode, self.tool = Mode.TOOL, ToolTurn(step, run_id)
        self.listen()

    def tick_tool(self) -> None:
        """Silence while a tool runs: a word now and then, and an end when none is reported."""
        turn = self.tool
        if turn is None:
            raise FlowFault("no tool is running")
        turn.ticks += 1
        if turn.is_overdue:
            self.tool_failed("timed_out")
            return
        tool = turn.step.tool
        line = tool.still_running if turn.ticks % 2 == 0 else None
        if turn.ticks == 1 and not turn.step.lines:
            line = tool.while_running
        if line is not None:
            self.script.say((Line(line),), self.variables, remembers=False)
        self.listen()

    def tool_worked(self, result: Json) -> None:
        turn = self._end_tool()
        self._settle(turn.step)
        if turn.step.save_as:
            self.variables[turn.step.save_as] = result
        self.enter(turn.after or turn.step.next)

    def tool_parked(self) -> None:
        """Waits for a human: say that, and nothing that sounds like done."""
        turn = self._end_tool()
        if not turn.step.parked_lines:
            self._route_failure(turn, PARKED)
            return
        self._settle(turn.step)
        self.script.say(turn.step.parked_lines, self.variables)
        goto = turn.after or turn.step.parked_next
        if goto is None:
            raise FlowFault(f"{turn.step.name} does not say where to go once parked")
        self.enter(goto)

    def tool_failed(self, code: str) -> None:
        self._route_failure(self._end_tool(), code)

    def _end_tool(self) -> ToolTurn:
        turn, self.tool = self.tool, None
        if turn is None:
            raise FlowFault("no tool is running")
        self.mode = Mode.LISTENING
        return turn

    def _settle(self, step: ToolStep) -> None:
        self.patience.tool_settled(step.name)
        self._keys.pop(step.name, None)

    def _route_failure(self, turn: ToolTurn, code: str) -> None:
        step = turn.step
        if turn.after is not None:
            self._settle(step)
            self.enter(turn.after)
            return
        general = step.failures.get(OTHERWISE, self.flow.policies.tool_failure)
        route: FailureRoute = step.failures.get(code, general)
        for name in route.forget:
            self.variables.pop(name, None)
        if self.patience.tool_failed(step.name, code) > route.limit:
            self._settle(step)
            self.fall_back(route.fallback, HangUpReason.FLOW_ERROR)
            return
        if route.goto is not None:
            self._keys.pop(step.name, None)  # other arguments are another effect
        self.script.say(route.lines, self.variables)
        self.enter(route.goto or step.name)

    # ---- transfers -----------------------------------------------------------------------------

    def _enter_transfer(self, step: TransferStep) -> None:
        target = step.target.render(self.variables)
        if not _TARGET.fullmatch(target):
            self._note("the transfer target is no SIP URI")
            self.transfer_failed(step)
            return
        self.script.say(step.lines, self.variables)
        self.mode = Mode.TRANSFER
        self.script.add(Transfer(target))

    def transfer_failed(self, step: TransferStep) -> None:
        self.script.say(step.failure_lines, self.variables)
        self.enter(step.on_failure)
