"""Facts of a call: what storage writes, the live view shows and the event log keeps.

Every fact carries the call's id and the wall time it was noted; ``at_ms`` is the call's own clock,
milliseconds since the answer (negative before it), counted in samples.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, TypeAlias

from trunkline.domain.call import CallState, Direction, EndCause
from trunkline.domain.ids import ApprovalId, CallId, LegId, ToolRunId
from trunkline.domain.leg import SipStep
from trunkline.domain.turn import Turn

Json: TypeAlias = Any
"""A JSON value as orjson reads it: the one place where the inside of a document is opaque."""


@dataclass(frozen=True, slots=True)
class CallStarted:
    call_id: CallId
    at: datetime
    leg_id: LegId
    direction: Direction
    trunk: str
    caller_number: str
    called_number: str
    agent: str
    flow_version: str
    engine: str
    edge_id: str
    sip_call_id: str = ""


@dataclass(frozen=True, slots=True)
class CallStateChanged:
    call_id: CallId
    at: datetime
    state: CallState


@dataclass(frozen=True, slots=True)
class CallAnswered:
    """``setup_ms``: INVITE to 200 OK."""

    call_id: CallId
    at: datetime
    codec: str
    setup_ms: int


@dataclass(frozen=True, slots=True)
class StepEntered:
    call_id: CallId
    at: datetime
    at_ms: int
    step: str


@dataclass(frozen=True, slots=True)
class TurnEnded:
    """A turn is final: its text is what was heard."""

    call_id: CallId
    at: datetime
    turn: Turn


@dataclass(frozen=True, slots=True)
class CallerPartial:
    """What the caller has been understood to say so far; live view only, never stored as a turn."""

    call_id: CallId
    at: datetime
    at_ms: int
    text: str


class ToolOutcome(StrEnum):
    OK = "ok"
    FAILED = "failed"  # the service answered with an error, or nonsense
    TIMED_OUT = "timed_out"
    INVALID = "invalid"  # arguments did not satisfy the schema; never executed
    PARKED = "parked"  # high risk: waits for an approval; never executed
    UNKNOWN = "unknown"  # the call ended while it ran: it may have had its effect
    RUNNING = "running"  # in the background: its end is told by itself


@dataclass(frozen=True, slots=True)
class ToolRan:
    """``result`` is the tool's answer or the typed error the engine was given."""

    call_id: CallId
    at: datetime
    at_ms: int
    run_id: ToolRunId
    tool: str
    arguments: Mapping[str, Json]
    outcome: ToolOutcome
    result: Json
    duration_ms: int
    attempts: int
    step: str = ""
    is_background: bool = False


@dataclass(frozen=True, slots=True)
class ToolQueued:
    """A tool is to be run whatever becomes of the call; written down before it is run.

    ``slip`` is the tool as its flow's version has it (``flows.tool_slip``), ``variables`` are those
    that its templates read. ``may_repeat``: the service knows a repetition by ``idempotency_key``.
    """

    call_id: CallId
    at: datetime
    at_ms: int
    run_id: ToolRunId
    tool: str
    arguments: Mapping[str, Json]
    idempotency_key: str
    slip: Mapping[str, Json]
    variables: Mapping[str, Json]
    may_repeat: bool
    worst_case_ms: int
    within_ms: int


@dataclass(frozen=True, slots=True)
class ApprovalParked:
    """A high-risk tool call that waits for a human; bound to the hash of its exact arguments.

    ``policy``: as ``approval_json`` writes it, empty for the default one. ``question``: the ask in
    one sentence. ``slip``, ``variables``, ``may_repeat`` and ``worst_case_ms`` as in ToolQueued.
    """

    call_id: CallId
    at: datetime
    at_ms: int
    approval_id: ApprovalId
    run_id: ToolRunId
    tool: str
    arguments: Mapping[str, Json]
    arguments_hash: str
    flow_version: str
    step: str = ""
    question: str = ""
    is_verified: bool = False
    policy: Mapping[str, Json] = field(default_factory=dict)
    slip: Mapping[str, Json] = field(default_factory=dict)
    variables: Mapping[str, Json] = field(default_factory=dict)
    may_repeat: bool = False
    worst_case_ms: int = 0


@dataclass(frozen=True, slots=True)
class ApprovalHeard:
    """The call knows what has become of its question, as it was at ``revision``."""

    call_id: CallId
    at: datetime
    at_ms: int
    approval_id: ApprovalId
    run_id: ToolRunId
    revision: int
    state: str


@dataclass(frozen=True, slots=True)
class ApprovalWithdrawn:
    """The caller wants something else: what nobody has decided is not to be decided any more."""

    call_id: CallId
    at: datetime
    at_ms: int
    approval_id: ApprovalId
    run_id: ToolRunId


@dataclass(frozen=True, slots=True)
class TransferAttempted:
    call_id: CallId
    at: datetime
    at_ms: int
    target: str
    is_final: bool
    sip_status: int | None = None


@dataclass(frozen=True, slots=True)
class QueuePlaced:
    """Where a caller stands in a hold queue, 1 is next; live view only, never stored.

    ``position`` 0: they have left it. ``estimated_wait_ms`` None: nobody can tell.
    """

    call_id: CallId
    at: datetime
    at_ms: int
    queue: str
    position: int
    estimated_wait_ms: int | None = None


@dataclass(frozen=True, slots=True)
class CallbackRequested:
    """A caller left a hold queue and wants to be called; ``number`` is empty when withheld."""

    call_id: CallId
    at: datetime
    at_ms: int
    queue: str
    number: str
    position: int
    waited_ms: int


@dataclass(frozen=True, slots=True)
class EscalationRaised:
    """A rule of the flow has come true: a person is to know. ``why`` in one sentence.

    ``to`` is one of ``domain.escalation.EscalatesTo``, ``urgency`` and ``kind`` likewise; ``goto``
    the step that leads the caller to a person, empty for none.
    """

    call_id: CallId
    at: datetime
    at_ms: int
    escalation_id: str
    rule: str
    kind: str
    urgency: str
    to: str
    step: str
    why: str
    goto: str = ""


@dataclass(frozen=True, slots=True)
class TakeOverChanged:
    """How a person fares who takes the call over; ``stage`` is one of ``domain.take_over``'s.

    ``cause``: why it came to nothing, empty otherwise.
    """

    call_id: CallId
    at: datetime
    at_ms: int
    take_over_id: str
    by: str
    stage: str
    cause: str = ""


@dataclass(frozen=True, slots=True)
class GuardActed:
    """The guardrails found something; ``action`` is what was done about it.

    ``side``: ``input`` for the caller's words, ``output`` for the agent's. ``by``: ``pattern``,
    ``number``, ``classifier``, or ``unknown`` for speech whose words never came. ``text``: the
    words, numbers left out; of an agent's that were stopped nobody has heard them.
    """

    call_id: CallId
    at: datetime
    at_ms: int
    side: str
    category: str
    action: str
    by: str
    score: float
    text: str
    step: str = ""


class RecordingState(StrEnum):
    COMPLETE = "complete"
    INCOMPLETE = "incomplete"  # the disk refused a part; what could be written is there


@dataclass(frozen=True, slots=True)
class RecordingClosed:
    """Two channels, caller left and agent right; ``path`` is relative to the data directory."""

    call_id: CallId
    at: datetime
    path: str
    state: RecordingState
    duration_ms: int
    sample_rate_hz: int
    lost_ms: int = 0


@dataclass(frozen=True, slots=True)
class CallEnded:
    """``stats``: media and ring counters; ``receipts``: latency figures of the call, in ms.

    ``signalling``: the caller's leg's ladder; ``media_problem``: why no audio came, if it did not.
    """

    call_id: CallId
    at: datetime
    cause: EndCause
    sip_status: int | None
    reason: str
    duration_ms: int
    stats: Mapping[str, float] = field(default_factory=dict)
    receipts: Mapping[str, float] = field(default_factory=dict)
    usage: Mapping[str, int] = field(default_factory=dict)
    signalling: tuple[SipStep, ...] = ()
    media_problem: str = ""


CallFact: TypeAlias = (
    CallStarted
    | CallStateChanged
    | CallAnswered
    | StepEntered
    | TurnEnded
    | CallerPartial
    | ToolRan
    | ToolQueued
    | ApprovalParked
    | ApprovalHeard
    | ApprovalWithdrawn
    | TransferAttempted
    | QueuePlaced
    | CallbackRequested
    | GuardActed
    | EscalationRaised
    | TakeOverChanged
    | RecordingClosed
    | CallEnded
)

LIVE_ONLY: Final = (CallerPartial, QueuePlaced)
"""Facts that only matter while they are true; never stored."""
