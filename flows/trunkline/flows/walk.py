"""Where one call is in its flow, and what it waits for.

``Walk`` is state and the few things every step does: speak, listen, fall back, end. The modules
``talk_steps``, ``tool_steps`` and ``call_steps`` hold what each kind of step does; they return the
step to go on to, or None when the call has to wait, and ``stepping`` follows.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from trunkline.domain.approval import ApprovalPolicy, ApprovalState
from trunkline.domain.events import Json
from trunkline.flows.actions import (
    AskEngine,
    HangUp,
    HangUpReason,
    ListenForCaller,
    ReplyToEngine,
    UseEngine,
)
from trunkline.flows.compile import gathering
from trunkline.flows.flow import Flow
from trunkline.flows.memory import Memory
from trunkline.flows.patience import Patience
from trunkline.flows.prompts import Expression, Prompt
from trunkline.flows.script import Script
from trunkline.flows.slots import Slot, SlotValue
from trunkline.flows.steps import (
    CollectStep,
    EngineChoice,
    Fallback,
    Line,
    Listening,
    Offer,
    Step,
    ToolStep,
    listening_of,
)
from trunkline.flows.tools import ToolSpec

if TYPE_CHECKING:
    from trunkline.flows.routes import Route

TOOL_FIRST_TICK_MS: Final = 600
"""A tool that is quicker than this is answered at once; a slower one is talked over."""
TOOL_TICK_MS: Final = 3500
TAKEN_BACK_MS: Final = 2500
"""A question that is taken back is so within this time, or it is gone on without knowing."""
TOOL_GRACE_MS: Final = 10_000
"""A tool whose end is not reported this long after its worst case counts as timed out."""


MAX_NEWS: Final = 16
"""Results that wait to be told; of more, the oldest are only kept as variables."""


class FlowFault(Exception):
    """The flow itself is wrong, in a way that only running it shows."""


class Mode(Enum):
    """What the call is waiting for."""

    UNSTARTED = auto()
    LISTENING = auto()  # the caller, or the engine on the caller's behalf
    CONFIRMING = auto()  # the caller's yes or no to a keyed value
    TOOL = auto()
    APPROVAL = auto()  # a person who was asked
    TRANSFER = auto()
    QUEUE = auto()
    DETECTING = auto()  # who answered: a human or a machine
    BEEP = auto()
    OVER = auto()


@dataclass(frozen=True, slots=True)
class OfferedCall:
    """A function call of the engine's that waits for its output."""

    call_id: str
    offer: Offer


@dataclass(slots=True)
class ToolTurn:
    """A tool that runs: a tool step's, or one that the engine called where a step listens.

    ``after``: where the caller wants to go meanwhile, once it is done.
    """

    tool: ToolSpec
    run_id: str
    arguments_key: str = ""
    ticks: int = 0
    after: str | None = None
    step: ToolStep | None = None
    offered: OfferedCall | None = None
    is_answered: bool = False  # the engine has its output

    @property
    def call_id(self) -> str:
        """The engine's function call; empty for a tool step's."""
        return self.offered.call_id if self.offered is not None else ""

    @property
    def is_overdue(self) -> bool:
        waited_ms = TOOL_FIRST_TICK_MS + (self.ticks - 1) * TOOL_TICK_MS
        return waited_ms > self.tool.worst_case_ms + TOOL_GRACE_MS


@dataclass(frozen=True, slots=True)
class BackgroundRun:
    """A run that nobody waits for; ``variables`` are those of where its step stood."""

    step: ToolStep
    arguments_key: str
    flow: Flow
    variables: dict[str, Json]


@dataclass(frozen=True, slots=True)
class News:
    """What is to be told of a run in the background."""

    step: str
    what: Fallback
    variables: Mapping[str, Json]


@dataclass(slots=True)
class Question:
    """A tool that a person is asked about; ``arguments`` and ``state`` are the newest known.

    ``after``: where the caller wants to go once it is taken back.
    """

    turn: ToolTurn
    policy: ApprovalPolicy
    arguments: Mapping[str, Json]
    flow: Flow
    variables: dict[str, Json]
    overdue_at: datetime
    state: ApprovalState = ApprovalState.ASKED
    revision: int = 0
    idles: int = 0
    waits: int = 0
    after: str | None = None


class Walk:
    """One call's state in its flow. ``find_agent`` gives the flow of another agent by name."""

    def __init__(
        self,
        flow: Flow,
        memory: Memory,
        script: Script,
        mint: Callable[[], str],
        find_agent: Callable[[str], Flow],
        now: Callable[[], datetime],
    ) -> None:
        self.flow = flow
        self.memory = memory
        self.script = script
        self.mint = mint
        self.find_agent = find_agent
        self.now = now
        self.patience = Patience()
        self.mode = Mode.UNSTARTED
        self.step: Step = flow.steps[flow.start]
        self.filled: set[str] = set()
        self.told: dict[str, SlotValue] = {}  # along with the last wish, not yet asked for
        self.keyed: tuple[Slot, SlotValue] | None = None
        self.keyed_parts: dict[str, str] = {}  # slot to digits that are too few for it
        self.engine_was_asked = False
        self.engine = EngineChoice(flow.agent.model, flow.agent.fallback_model)
        self.tool: ToolTurn | None = None
        self.keys: dict[str, str] = {}  # tool step to idempotency key, while it is retried
        self.background: dict[str, BackgroundRun] = {}  # by run id
        self.news: deque[News] = deque(maxlen=MAX_NEWS)
        self.engine_calls = 0  # of tools, in a row, nothing heard from the caller between
        self.engine_results: dict[str, Json] = {}  # of those calls, by tool and arguments
        self.engine_failures: dict[str, int] = {}  # in this step, by tool
        self.withdrawn: set[str] = set()  # tools that failed too often in this step
        self.parked: set[str] = set()  # high-risk calls of this call, by tool and arguments
        self.questions: dict[str, Question] = {}  # to people, by run id, until they are settled
        self.waiting: str | None = None  # the run whose question the call waits for in its step
        self.answers: dict[str, Json] = {}  # what came of them, by tool and arguments
        self.tries: dict[str, int] = {}  # how often a person was asked, by tool
        self.identified: list[dict[str, Json]] = []  # what each check that was passed looked at
        self.took: list[Route] = []  # since it was last asked for

    @property
    def is_listening(self) -> bool:
        return self.mode in (Mode.LISTENING, Mode.CONFIRMING)

    @property
    def is_away(self) -> bool:
        """The caller is not with the engine: nothing that it reports means anything."""
        return not self.is_listening and self.mode not in (Mode.TOOL, Mode.APPROVAL)

    @property
    def today(self) -> date | None:
        try:
            return date.fromisoformat(str(self.memory.variables.get("today", "")))
        except ValueError:
            return None

    @property
    def listening(self) -> Listening:
        return listening_of(self.step) or Listening()

    # ---- what the engine was offered -----------------------------------------------------------

    def caller_spoke(self) -> None:
        """What the engine did before is done; the same again is wanted again."""
        self.engine_calls = 0
        self.engine_results.clear()

    def answer_engine(self, turn: ToolTurn, output: Json) -> None:
        """The output of a function call; once."""
        if turn.offered is not None and not turn.is_answered:
            turn.is_answered = True
            self.script.add(ReplyToEngine(turn.offered.call_id, output))

    def leave_tool(self) -> None:
        """The flow goes on without the tool that runs; an engine that waits for it is told so."""
        if self.tool is not None:
            message = "the call went on without it"
            self.answer_engine(self.tool, {"error": {"code": "abandoned", "message": message}})
            self.tool = None

    # ---- speaking and values -------------------------------------------------------------------

    def say(self, lines: Iterable[Line], *, remembers: bool = True) -> None:
        self.script.say(lines, self.memory.scope, remembers=remembers)

    def render(self, prompt: Prompt) -> str:
        return prompt.render(self.memory.scope)

    def evaluate(self, value: Expression | Prompt) -> Json:
        if isinstance(value, Prompt):
            return self.render(value)
        return value.evaluate(self.memory.scope)

    def note(self, problem: str) -> None:
        """Problems of the flow reach the event log as a variable of their own."""
        self.memory.variables["flow_error"] = f"{self.step.name}: {problem}"

    # ---- waiting -------------------------------------------------------------------------------

    def open_slot(self) -> Slot | None:
        """The slot the caller is being asked for."""
        if self.mode is not Mode.LISTENING or not isinstance(self.step, CollectStep):
            return None
        return next((slot for slot in self.step.slots if slot.name not in self.filled), None)

    def listen(self) -> None:
        """The caller's turn; while a tool runs, also the tick that watches over it."""
        if self.tool is not None:
            tick_ms = TOOL_TICK_MS if self.tool.ticks else TOOL_FIRST_TICK_MS
            self.script.add(ListenForCaller(tick_ms, gathering(self.flow, self.step, None)))
            return
        digits = gathering(self.flow, self.step, self.open_slot(), self.mode is Mode.CONFIRMING)
        is_asked = self.mode is Mode.APPROVAL
        self.script.add(
            ListenForCaller(self._patience_ms() if is_asked else self._silence_ms(), digits)
        )

    def _patience_ms(self) -> int:
        """How long until the next word to a caller who waits for a person."""
        question = self.questions.get(self.waiting or "")
        if question is not None and question.after is not None:
            return TAKEN_BACK_MS
        wait = self.step.wait if isinstance(self.step, ToolStep) else None
        return wait.every_ms if wait is not None else self._silence_ms()

    def _silence_ms(self) -> int:
        """How long the caller may be silent now: until the next idle prompt, or what follows."""
        listening = self.listening
        if self.patience.idles < len(listening.idle):
            return listening.idle[self.patience.idles].after_ms
        if listening.silence is not None:
            return listening.silence.after_ms
        return listening.no_input_ms or self.flow.policies.no_input.after_ms

    def ask_engine(self) -> None:
        """The engine speaks first; digits count from now on, silence from the end of its words."""
        self.engine_was_asked = True
        self.script.add(AskEngine())
        self.listen()

    def use_engine(self, choice: EngineChoice | None) -> None:
        """The engine of a step, or the agent's own again."""
        agent = self.flow.agent
        wanted = EngineChoice(
            (choice and choice.engine) or agent.model,
            (choice and choice.fallback) or agent.fallback_model,
        )
        if wanted != self.engine:
            self.engine = wanted
            self.script.add(UseEngine(wanted.engine, wanted.fallback))

    # ---- falling back and ending ---------------------------------------------------------------

    def fall_back(self, fallback: Fallback, reason: HangUpReason) -> str | None:
        """Patience has ended: the fallback's step, or the end; always the end when it circles."""
        self.patience.fallbacks += 1
        if self.patience.fallbacks > self.flow.policies.max_fallbacks:
            self.say(self.flow.policies.goodbye)
            self.hang_up(reason)
            return None
        return self.take(fallback, reason)

    def take(self, fallback: Fallback, reason: HangUpReason = HangUpReason.DONE) -> str | None:
        """A fallback's lines, then its step, or the end of the call."""
        if fallback.goto is None:
            self.say(fallback.lines or self.flow.policies.goodbye)
            self.hang_up(reason)
            return None
        self.say(fallback.lines)
        return fallback.goto

    def fail(self, problem: str) -> str | None:
        """The flow is wrong (a template, a condition, a circle): apologise and fall back, once."""
        self.note(problem)
        self.patience.flow_errors += 1
        policy = self.flow.policies.flow_error
        if self.patience.flow_errors == 1:
            return self.fall_back(policy, HangUpReason.FLOW_ERROR)
        self.say(policy.lines or self.flow.policies.goodbye)
        self.hang_up(HangUpReason.FLOW_ERROR)
        return None

    def hang_up(self, reason: HangUpReason) -> None:
        self.leave_tool()
        self.mode = Mode.OVER
        self.script.add(HangUp(reason))
