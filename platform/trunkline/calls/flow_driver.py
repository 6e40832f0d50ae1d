"""The flow runner's hands: its actions are done in order, what comes of them goes back to it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, Protocol, assert_never

from trunkline.calls.digits import DigitEntry
from trunkline.calls.record import CallRecord
from trunkline.calls.tool_calls import ToolCalls
from trunkline.domain.agent import AgentSpec
from trunkline.domain.events import Json
from trunkline.flows.actions import (
    AskEngine,
    AwaitBeep,
    CallAnswered,
    Configure,
    DetectVoicemail,
    EngineFailed,
    Enqueue,
    EnterStep,
    FloorFree,
    FlowAction,
    FlowEvent,
    HangUp,
    HangUpReason,
    ListenForCaller,
    ParkTool,
    ReplyToEngine,
    RunTool,
    Say,
    SayFinished,
    SendDigits,
    SetVariables,
    Transfer,
    UseAgent,
    UseEngine,
    WithdrawApproval,
)
from trunkline.flows.flow import Flow
from trunkline.flows.routes import Route
from trunkline.runtime.logging import get_logger

log = get_logger(__name__)

_FREE_TICKS: Final = 8  # of 100 ms: a pause in which nobody is about to go on


class Runner(Protocol):
    """``flows.runner.FlowRunner`` is one."""

    @property
    def flow(self) -> Flow: ...

    @property
    def variables(self) -> Mapping[str, Json]: ...

    @property
    def has_news(self) -> bool: ...

    def likely_lines(self) -> Sequence[str]: ...

    def know(self, fetched: Mapping[str, Json]) -> None: ...

    def handle(self, event: FlowEvent) -> list[FlowAction]: ...

    def routes_taken(self) -> Iterable[Route]: ...


class Stage(Protocol):
    """Where a flow is played: the dialogue with one caller."""

    @property
    def is_idle(self) -> bool: ...

    def say(self, action: Say) -> None: ...

    def configure(self, action: Configure) -> None: ...

    def ask_engine(self) -> None: ...

    def listen(self, no_input_ms: int) -> None: ...

    def stop_listening(self) -> None: ...

    def reply_to_engine(self, call_id: str, output: Json) -> None: ...

    def hang_up(self, reason: HangUpReason) -> None: ...


class Acts(Protocol):
    """What a flow does with the call itself; ``calls.acts.CallActs`` is one."""

    def send_digits(self, digits: str) -> None: ...

    def transfer(self, action: Transfer) -> None: ...

    def enqueue(self, action: Enqueue) -> None: ...

    def detect_voicemail(self, wait_ms: int) -> None: ...

    def await_beep(self, max_ms: int) -> None: ...

    def use_agent(self, agent: AgentSpec) -> None: ...

    def use_engine(self, engine: str, fallback: str) -> None: ...


class FlowDriver:
    """Events in the order they happen; one is done with before the next is looked at."""

    def __init__(
        self,
        runner: Runner,
        stage: Stage,
        acts: Acts,
        record: CallRecord,
        tools: Callable[[], ToolCalls],
    ) -> None:
        self._runner = runner
        self._stage = stage
        self._acts = acts
        self._record = record
        self._tools = tools
        self._waiting: deque[FlowEvent] = deque()
        self._prepared: list[FlowAction] | None = None
        self._is_busy = False
        self._owes_failure: EngineFailed | None = None
        self._free_ticks = 0
        self.noticed: Callable[[FlowEvent, list[Route]], None] = lambda event, routes: None
        self.is_parked = False
        self.entry: DigitEntry | None = None
        self.no_input_ms: int | None = None
        self.is_over = False

    def know(self, fetched: Mapping[str, Json]) -> None:
        """What was fetched while the phone rang; before ``prepare``."""
        self._runner.know(fetched)

    @property
    def flow(self) -> Flow:
        """Of the agent that has the call now."""
        return self._runner.flow

    @property
    def variables(self) -> Mapping[str, Json]:
        return self._runner.variables

    def likely_lines(self) -> Sequence[str]:
        """What the flow may say, in this call's own words, once the caller has spoken."""
        return () if self.is_over or self.is_parked else self._runner.likely_lines()

    def prepare(self) -> list[FlowAction]:
        """What the flow does first, before the call is answered; ``start`` then does it."""
        if self._prepared is None:
            self._prepared = self._runner.handle(CallAnswered())
        return self._prepared

    def start(self) -> None:
        actions = self.prepare()
        self._is_busy = True
        self._perform(CallAnswered(), actions)
        self._is_busy = False
        self._drain()

    def handle(self, event: FlowEvent) -> None:
        """Queue an event and work the queue, unless that is being done already."""
        self._waiting.append(event)
        if not (self._is_busy or self.is_parked):
            self._drain()

    def park(self) -> None:
        """Somebody else talks to the caller: what happens meanwhile waits until ``unpark``."""
        self.is_parked = True

    def unpark(self, first: FlowEvent) -> None:
        """``first``, and then all that has happened meanwhile."""
        self.is_parked = False
        self._waiting.appendleft(first)
        if not self._is_busy:
            self._drain()

    def tick(self) -> None:
        """Every 100 ms: whether the floor has been free for long enough to tell what came back."""
        is_free = (
            not (self.is_over or self.is_parked)
            and self._runner.has_news
            and self._stage.is_idle
            and not (self.entry is not None and self.entry.digits)
        )
        self._free_ticks = self._free_ticks + 1 if is_free else 0
        if self._free_ticks >= _FREE_TICKS:
            self._free_ticks = 0
            self.handle(FloorFree())

    def _drain(self) -> None:
        self._is_busy = True
        try:
            while self._waiting and not (self.is_over or self.is_parked):
                event = self._waiting.popleft()
                if not isinstance(event, SayFinished):
                    self._record.note("flow_event", name=type(event).__name__)
                self._perform(event, self._runner.handle(event))
        finally:
            self._is_busy = False

    def _perform(self, event: FlowEvent, actions: list[FlowAction]) -> None:
        routes = list(self._runner.routes_taken())
        for route in routes:
            self._record.note("route", agent=route.agent, step=route.step, route=route.name)
        entry = self.entry if _only_listens_on(actions) else None
        if _acts(actions):
            self._stop_listening()
        for action in actions:
            self._do(action)
        if entry and self.entry and entry.gathering == self.entry.gathering:
            self.entry = entry  # the caller was keying while the engine spoke: the digits count
        if isinstance(event, EngineFailed) and not any(_moves(action) for action in actions):
            # A flow that is busy with a tool looks away; it is told again when it listens next.
            self._owes_failure = event
        self.noticed(event, routes)

    def _stop_listening(self) -> None:
        self.entry = None
        self.no_input_ms = None
        self._stage.stop_listening()

    def _do(self, action: FlowAction) -> None:
        stage = self._stage
        match action:
            case EnterStep(step):
                self._record.entered(step)
            case Say():
                stage.say(action)
            case Configure():
                stage.configure(action)
            case AskEngine():
                stage.ask_engine()
            case ListenForCaller():
                self._listen(action)
            case ReplyToEngine(call_id, output):
                stage.reply_to_engine(call_id, output)
            case RunTool():
                self._tools().run(action, self._runner.variables)
            case ParkTool():
                self._tools().park(action, self._runner.variables)
            case WithdrawApproval(run_id):
                self._tools().withdraw(run_id)
            case SendDigits(digits):
                self._acts.send_digits(digits)
            case Transfer():
                self._acts.transfer(action)
            case Enqueue():
                self._acts.enqueue(action)
            case DetectVoicemail(wait_ms):
                self._acts.detect_voicemail(wait_ms)
            case AwaitBeep(max_ms):
                self._acts.await_beep(max_ms)
            case UseEngine(engine, fallback):
                self._acts.use_engine(engine, fallback)
            case UseAgent(agent):
                self._acts.use_agent(agent)
            case HangUp(reason):
                self.is_over = True
                stage.hang_up(reason)
            case SetVariables(variables):
                self._record.note("variables", variables=dict(variables))
            case _:
                assert_never(action)

    def _listen(self, action: ListenForCaller) -> None:
        self.entry = DigitEntry(action.digits) if action.digits else None
        self.no_input_ms = action.no_input_ms
        self._stage.listen(action.no_input_ms)
        if self._owes_failure is not None:
            owed, self._owes_failure = self._owes_failure, None
            self._waiting.append(owed)


def _acts(actions: list[FlowAction]) -> bool:
    """Whether the flow took the event up: an event it ignores must not make it deaf."""
    return any(not isinstance(action, SetVariables | ReplyToEngine) for action in actions)


def _only_listens_on(actions: list[FlowAction]) -> bool:
    return all(
        isinstance(action, ListenForCaller | Configure | SetVariables | ReplyToEngine)
        for action in actions
    )


def _moves(action: FlowAction) -> bool:
    return not isinstance(action, SetVariables | ReplyToEngine | ListenForCaller)
