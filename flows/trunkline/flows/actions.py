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

from trunkline.domain.events import Json, ToolOutcome

# ---- events: what happened ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CallAnswered:
    """The first event of every flow."""


@dataclass(frozen=True, slots=True)
class EngineCalled:
    """The engine reported by function call (an intent or a filled slot group)."""

    call_id: str
    name: str
    arguments: Mapping[str, Json]


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
class TransferFinished:
    is_connected: bool
    sip_status: int


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
)

# ---- actions: what to do -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class EnterStep:
    """Told first whenever the flow comes to a step; for the transcript and the live view."""

    step: str


@dataclass(frozen=True, slots=True)
class Say:
    """Speak a line verbatim, never by a language model; ``is_fixed`` lines are rendered ahead.

    Lines queue behind each other. SayFinished comes back for each.
    """

    say_id: str
    text: str
    is_fixed: bool
    is_interruptible: bool = True


@dataclass(frozen=True, slots=True)
class Configure:
    """One ``session.update``: what the engine may ask and report in this step.

    ``tools`` are Realtime function tools (flat JSON objects) with ``x-trunkline`` annotations;
    ``hangover_ms`` is the silence that ends the caller's turn in this step.
    """

    instructions: str
    tools: tuple[Mapping[str, Json], ...]
    tool_choice: str = "auto"
    hangover_ms: int = 500


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
    """Ends at ``max_digits``, at the terminator, or ``inter_digit_ms`` after the last digit."""

    min_digits: int
    max_digits: int
    terminator: str = "#"
    inter_digit_ms: int = 3000


@dataclass(frozen=True, slots=True)
class ReplyToEngine:
    """``function_call_output`` for an earlier EngineCalled; no response is asked by it."""

    call_id: str
    output: Json


@dataclass(frozen=True, slots=True)
class RunTool:
    """Validate, then run with the tool's own timeout and retries.

    ``idempotency_key`` stays the same when the flow tries the same call again; empty: the run_id.
    """

    run_id: str
    tool: str
    arguments: Mapping[str, Json]
    idempotency_key: str = ""


@dataclass(frozen=True, slots=True)
class ParkTool:
    """Record a high-risk call for approval, unexecuted; ToolFinished(PARKED) comes back."""

    run_id: str
    tool: str
    arguments: Mapping[str, Json]
    idempotency_key: str = ""


@dataclass(frozen=True, slots=True)
class SendDigits:
    digits: str


@dataclass(frozen=True, slots=True)
class Transfer:
    """Blind transfer to a SIP URI or a number; TransferFinished comes back on failure."""

    target: str


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
    | SendDigits
    | Transfer
    | HangUp
    | SetVariables
)
