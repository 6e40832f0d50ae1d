"""What goes into a flow runner and what comes out: the whole contract between flow and call.

The runner is pure: ``FlowRunner.handle(event) -> list[FlowAction]``. It owns steps, limits,
reprompt counts and branches. The call session performs the actions, in order, and feeds back what
happened.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from trunkline.domain.agent import AgentSpec
from trunkline.domain.approval import ApprovalPolicy
from trunkline.domain.events import Json, ToolOutcome
from trunkline.flows.approval_events import ApprovalChanged as ApprovalChanged
from trunkline.flows.approval_events import WithdrawApproval as WithdrawApproval
from trunkline.flows.away_events import Answerer as Answerer
from trunkline.flows.away_events import AwaitBeep as AwaitBeep
from trunkline.flows.away_events import BeepHeard as BeepHeard
from trunkline.flows.away_events import DetectVoicemail as DetectVoicemail
from trunkline.flows.away_events import QueueFinished as QueueFinished
from trunkline.flows.away_events import QueueOutcome as QueueOutcome
from trunkline.flows.away_events import QueuePosition as QueuePosition
from trunkline.flows.away_events import TransferCause as TransferCause
from trunkline.flows.away_events import TransferFinished as TransferFinished
from trunkline.flows.away_events import VoicemailDetected as VoicemailDetected
from trunkline.flows.escalation_events import Escalated as Escalated
from trunkline.flows.escalation_events import HandedBack as HandedBack
from trunkline.flows.guard_events import GuardStopped as GuardStopped
from trunkline.flows.program import ProgramPlan as ProgramPlan

# ---- events: what happened ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CallAnswered:
    """The first event of every flow."""


@dataclass(frozen=True, slots=True)
class EngineCalled:
    """The engine called a function: an intent, a filled slot group, or a tool it was offered.

    ``place`` counts from 0 among the calls of one response. ``fault``: why its arguments cannot be
    used at all (``bad_json``, or ``not_said`` for values that nobody said); then there are none.
    """

    call_id: str
    name: str
    arguments: Mapping[str, Json]
    place: int = 0
    fault: str = ""


@dataclass(frozen=True, slots=True)
class EngineSpoke:
    """The engine answered in words (asked, read back, re-prompted) and called nothing."""

    text: str


@dataclass(frozen=True, slots=True)
class EngineFailed:
    """The engine could not answer, after the session's own retry."""

    code: str


@dataclass(frozen=True, slots=True)
class SayFinished:
    """A line ended; ``was_heard`` is False when the caller cut it."""

    say_id: str
    was_heard: bool


@dataclass(frozen=True, slots=True)
class ToolFinished:
    """``result`` is the mapped result when the outcome is OK, else a typed error object."""

    run_id: str
    outcome: ToolOutcome
    result: Json


@dataclass(frozen=True, slots=True)
class DigitsEntered:
    """DTMF, complete: terminated by #, by length, or by the inter-digit timeout."""

    digits: str


@dataclass(frozen=True, slots=True)
class CallerSilent:
    """Nobody spoke for the step's no-input time after the agent finished."""


@dataclass(frozen=True, slots=True)
class CallerUnclear:
    """The caller spoke, and nothing could be made of it (empty or rejected transcript)."""


@dataclass(frozen=True, slots=True)
class BackgroundFinished:
    """A tool that ran in the background has come back, after whatever time; told once.

    ``result`` as in ToolFinished. What it leads to is left for FloorFree.
    """

    run_id: str
    outcome: ToolOutcome
    result: Json


@dataclass(frozen=True, slots=True)
class FloorFree:
    """Nobody is speaking and nothing is queued: the moment for what came from the background.

    Told while ``FlowRunner.has_news`` holds.
    """


FlowEvent: TypeAlias = (
    CallAnswered
    | EngineCalled
    | EngineSpoke
    | EngineFailed
    | SayFinished
    | ToolFinished
    | DigitsEntered
    | CallerSilent
    | CallerUnclear
    | TransferFinished
    | QueueFinished
    | QueuePosition
    | VoicemailDetected
    | BeepHeard
    | BackgroundFinished
    | ApprovalChanged
    | FloorFree
    | Escalated
    | HandedBack
    | GuardStopped
)

# ---- actions: what to do -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class EnterStep:
    """Told first whenever the flow comes to a step; for the transcript and the live view."""

    step: str


@dataclass(frozen=True, slots=True)
class Say:
    """Speak a line verbatim, never by a language model; ``is_fixed`` lines are rendered ahead.

    Lines queue behind each other. SayFinished comes back for each. ``own``: what the flow's author
    wrote of it, values left out.
    """

    say_id: str
    text: str
    is_fixed: bool
    is_interruptible: bool = True
    own: str = ""


class TurnTaking(StrEnum):
    """How soon the agent takes the floor, and how soon it gives it up."""

    CALM = "calm"  # lets people think, and takes more to be interrupted
    BALANCED = "balanced"
    EAGER = "eager"


@dataclass(frozen=True, slots=True)
class Configure:
    """One ``session.update``: what the engine may ask and report in this step.

    ``tools`` are Realtime function tools (flat JSON objects) with ``x-trunkline`` annotations;
    ``hangover_ms`` is the silence that ends the caller's turn in this step, the preset included.
    ``max_turn_ms``: a turn of the caller's that is longer is taken as it is. ``is_secret``: nothing
    of what the caller says or keys in this step may be kept. ``program``: who answers here."""

    instructions: str
    tools: tuple[Mapping[str, Json], ...]
    tool_choice: str = "auto"
    hangover_ms: int = 500
    turn_taking: TurnTaking = TurnTaking.BALANCED
    max_turn_ms: int | None = None
    is_secret: bool = False
    program: ProgramPlan | None = None


@dataclass(frozen=True, slots=True)
class AskEngine:
    """``response.create``: let the engine speak or report now (e.g. ask for the first slot)."""


@dataclass(frozen=True, slots=True)
class ListenForCaller:
    """It is the caller's turn; CallerSilent after ``no_input_ms`` without speech or digits.

    ``digits``: how DTMF is gathered meanwhile, at once, also under the agent's speech; None means
    digits are ignored. Silence counts from the end of everything the agent has to say: lines that
    queue, and the engine's answer when AskEngine came just before. While a tool runs it is the
    tick by which the flow watches over it. A later one replaces an earlier one.
    """

    no_input_ms: int
    digits: DigitGathering | None = None


@dataclass(frozen=True, slots=True)
class DigitGathering:
    """Ends at ``max_digits``, at the terminator, or ``inter_digit_ms`` after the last digit.

    ``is_secret``: the digits may be kept nowhere.
    """

    min_digits: int
    max_digits: int
    terminator: str = "#"
    inter_digit_ms: int = 3000
    is_secret: bool = False


@dataclass(frozen=True, slots=True)
class ReplyToEngine:
    """``function_call_output`` for an earlier EngineCalled; no response is asked by it."""

    call_id: str
    output: Json


@dataclass(frozen=True, slots=True)
class Background:
    """A run that outlives the step, the call and the process that asked for it.

    ``within_ms``: how long it may take, waiting and trying again included.
    """

    within_ms: int = 600_000


@dataclass(frozen=True, slots=True)
class RunTool:
    """Validate, then run with the tool's own timeout and retries.

    ``idempotency_key`` stays the same when the flow tries the same call again; empty: the run_id.
    ``arguments`` may hold tokens where ``secrets`` has the value: they go on record as they are,
    and ``secrecy.reveal(arguments, secrets)`` is what the tool is run with and nothing else sees.
    ``background``: the call does not wait; BackgroundFinished comes back if it lives so long.
    """

    run_id: str
    tool: str
    arguments: Mapping[str, Json]
    idempotency_key: str = ""
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    background: Background | None = None


@dataclass(frozen=True, slots=True)
class ParkTool:
    """Ask a person before a high-risk tool is run; ToolFinished(PARKED) comes back at once.

    ``question``: the ask in one sentence; ``is_verified``: the caller has been identified.
    """

    run_id: str
    tool: str
    arguments: Mapping[str, Json]
    idempotency_key: str = ""
    question: str = ""
    is_verified: bool = False
    policy: ApprovalPolicy = ApprovalPolicy()


@dataclass(frozen=True, slots=True)
class SendDigits:
    """DTMF to the other end, after everything queued has been said; ``w`` waits half a second."""

    digits: str


class TransferMode(StrEnum):
    BLIND = "blind"  # REFER: the target's own network puts the call through
    WARM = "warm"  # our own bridge: the human is called, briefed, and joined to the caller


@dataclass(frozen=True, slots=True)
class Transfer:
    """To a SIP URI or a number; TransferFinished comes back when it has failed, or is joined.

    ``briefing`` is spoken to the human before the caller is joined; ``ring_ms`` is how long they
    have to answer. ``needs_key``: they take the caller by pressing 1, not by staying.
    ``detects_machine``: a recording that answers is no answer.
    """

    target: str
    mode: TransferMode = TransferMode.BLIND
    briefing: str = ""
    ring_ms: int = 25_000
    needs_key: bool = False
    detects_machine: bool = False


@dataclass(frozen=True, slots=True)
class Enqueue:
    """Hold the caller until one of ``targets`` answers; QueueFinished comes back, once.

    QueuePosition comes back at the beginning and every ``announce_every_ms`` (0: never); the flow
    says it. ``callback_key``: the DTMF digit that asks to be called back. A target is rung for
    ``ring_ms``, hears ``briefing``, and with ``needs_key`` takes the caller by pressing 1.
    """

    queue: str
    targets: tuple[str, ...]
    announce_every_ms: int = 45_000
    callback_key: str = ""
    max_wait_ms: int = 600_000
    ring_ms: int = 20_000
    briefing: str = ""
    needs_key: bool = False
    detects_machine: bool = False


@dataclass(frozen=True, slots=True)
class UseEngine:
    """The engine that answers from here on; empty names mean the installation's own."""

    engine: str
    fallback: str


@dataclass(frozen=True, slots=True)
class UseAgent:
    """Another agent has the call from here on: its name, voice, speed and language."""

    agent: AgentSpec


class HangUpReason(StrEnum):
    DONE = "done"
    NO_INPUT = "no_input"
    NO_MATCH = "no_match"
    FLOW_ERROR = "flow_error"
    ENGINE_ERROR = "engine_error"


@dataclass(frozen=True, slots=True)
class HangUp:
    """End the call after everything queued has been said."""

    reason: HangUpReason = HangUpReason.DONE


@dataclass(frozen=True, slots=True)
class SetVariables:
    """The flow's variables after this event; for the event log (values are sensitive)."""

    variables: Mapping[str, Json] = field(default_factory=dict)


FlowAction: TypeAlias = (
    EnterStep
    | Say
    | Configure
    | AskEngine
    | ListenForCaller
    | ReplyToEngine
    | RunTool
    | ParkTool
    | WithdrawApproval
    | SendDigits
    | Transfer
    | Enqueue
    | DetectVoicemail
    | AwaitBeep
    | UseEngine
    | UseAgent
    | HangUp
    | SetVariables
)
