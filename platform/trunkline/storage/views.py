"""What repositories return: frozen values that pages and API schemas are built on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from trunkline.domain.approval import ApprovalState
from trunkline.domain.call import CallState, Direction, EndCause
from trunkline.domain.events import Json, RecordingState, ToolOutcome
from trunkline.domain.ids import ApprovalId, CallId, LegId, ToolRunId, TurnId
from trunkline.domain.leg import SipStep
from trunkline.domain.turn import Speaker, TurnKind, WordFate
from trunkline.storage.approval_views import PastDeed

HOUSE: Final = "house"
"""The owner of every row of an installation that has no tenants."""


@dataclass(frozen=True, slots=True)
class CallFilter:
    """Which calls a list shows; every field narrows. ``to`` is exclusive.

    ``number`` matches the caller's or the called number as a substring; ``text`` is looked for in
    what was heard, whatever its case.
    """

    states: tuple[CallState, ...] = ()
    agent: str = ""
    number: str = ""
    since: datetime | None = None
    to: datetime | None = None
    text: str = ""
    end_causes: tuple[EndCause, ...] = ()
    flow_version: str = ""
    owner: str = HOUSE


@dataclass(frozen=True, slots=True)
class EndTally:
    """How many calls of a flow version ended for ``end_cause``; None: those still up."""

    flow_version: str
    end_cause: EndCause | None
    calls: int


@dataclass(frozen=True, slots=True)
class CallSummary:
    """One line of a call list. ``step`` is where its flow is, or was when it ended."""

    call_id: CallId
    state: CallState
    direction: Direction
    trunk: str
    caller_number: str
    called_number: str
    agent: str
    flow_version: str
    engine: str
    edge_id: str
    codec: str
    step: str
    started_at: datetime
    answered_at: datetime | None
    ended_at: datetime | None
    duration_ms: int | None
    setup_ms: int | None
    end_cause: EndCause | None
    turn_count: int
    has_recording: bool
    owner: str

    @property
    def is_live(self) -> bool:
        return self.state is not CallState.ENDED


@dataclass(frozen=True, slots=True)
class CallPage:
    """Calls, newest first; ``next_cursor`` is None on the last page."""

    calls: tuple[CallSummary, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class WordView:
    """A word and how far it came; times in milliseconds since the answer."""

    text: str
    start_ms: int
    end_ms: int
    fate: WordFate
    is_estimated: bool


@dataclass(frozen=True, slots=True)
class TurnView:
    """``text`` is what was heard; ``generated_text`` what the agent would have said."""

    turn_id: TurnId
    seq: int
    speaker: Speaker
    kind: TurnKind
    text: str
    generated_text: str
    started_ms: int
    ended_ms: int
    at: datetime
    is_interrupted: bool
    confidence: float | None
    step: str
    response_ms: int | None
    stop_to_silence_ms: int | None
    words: tuple[WordView, ...] = ()


@dataclass(frozen=True, slots=True)
class StepView:
    step: str
    at_ms: int
    at: datetime


@dataclass(frozen=True, slots=True)
class LegView:
    leg_id: LegId
    direction: Direction
    trunk: str
    sip_call_id: str
    codec: str
    started_at: datetime


@dataclass(frozen=True, slots=True)
class ToolRunView:
    run_id: ToolRunId
    tool: str
    arguments: Mapping[str, Json]
    outcome: ToolOutcome
    result: Json
    at_ms: int
    at: datetime
    duration_ms: int
    attempts: int
    step: str
    is_background: bool = False


@dataclass(frozen=True, slots=True)
class ApprovalView:
    """A parked tool call; ``state`` is ``asked`` until somebody decides.

    ``asked_arguments``: before any edit; ``result``: the receipt, or the service's answer.
    """

    approval_id: ApprovalId
    call_id: CallId
    run_id: ToolRunId
    tool: str
    arguments: Mapping[str, Json]
    arguments_hash: str
    flow_version: str
    state: ApprovalState
    at_ms: int
    at: datetime
    asked_arguments: Mapping[str, Json] = field(default_factory=dict)
    result: Json = None
    deeds: tuple[PastDeed, ...] = ()


@dataclass(frozen=True, slots=True)
class TransferView:
    target: str
    is_final: bool
    sip_status: int | None
    at_ms: int
    at: datetime


@dataclass(frozen=True, slots=True)
class GuardActionView:
    """``side``: ``input``, the caller's words, or ``output``, the agent's."""

    side: str
    category: str
    action: str
    by: str
    score: float
    text: str
    at_ms: int
    at: datetime
    step: str = ""


@dataclass(frozen=True, slots=True)
class RecordingView:
    """Two channels, caller left and agent right; ``path`` is relative to the data directory."""

    call_id: CallId
    path: str
    state: RecordingState
    duration_ms: int
    sample_rate_hz: int
    lost_ms: int
    at: datetime
    removed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CallDetail:
    """Everything that is kept of one call. Turns are in order; receipts and stats by name."""

    summary: CallSummary
    sip_status: int | None
    end_reason: str
    legs: tuple[LegView, ...] = ()
    turns: tuple[TurnView, ...] = ()
    steps: tuple[StepView, ...] = ()
    tool_runs: tuple[ToolRunView, ...] = ()
    approvals: tuple[ApprovalView, ...] = ()
    transfers: tuple[TransferView, ...] = ()
    guard_actions: tuple[GuardActionView, ...] = ()
    recording: RecordingView | None = None
    stats: Mapping[str, float] = field(default_factory=dict)
    receipts: Mapping[str, float] = field(default_factory=dict)
    usage: Mapping[str, int] = field(default_factory=dict)
    signalling: tuple[SipStep, ...] = ()
    media_problem: str = ""


@dataclass(frozen=True, slots=True)
class UserView:
    """An operator who may log in; ``role`` is one of ``storage.users.ROLES``."""

    user_id: str
    username: str
    role: str
    is_active: bool
    created_at: datetime
    last_login_at: datetime | None
    owner: str
    email: str = ""
    session_version: int = 0
    phone: str = ""


@dataclass(frozen=True, slots=True)
class KeyQuota:
    """What a key may use of the model server, and order of calls; zero means no limit."""

    sessions: int = 0
    requests_per_minute: int = 0
    tokens_per_day: int = 0
    calls_at_once: int = 0  # ordered over REST and not over
    calls_per_day: int = 0


@dataclass(frozen=True, slots=True)
class ApiKeyView:
    """A key without its secret; ``hint`` is how it begins."""

    key_id: str
    name: str
    hint: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None
    owner: str
    quota: KeyQuota | None = None


@dataclass(frozen=True, slots=True)
class AuditView:
    """One link of the audit chain: who did what to which subject."""

    seq: int
    at: datetime
    actor: str
    action: str
    subject: str
    details: Mapping[str, Json]
    hash: str


@dataclass(frozen=True, slots=True)
class WebhookView:
    """Where events are posted; ``events`` such as ``call.ended``."""

    webhook_id: str
    url: str
    events: tuple[str, ...]
    created_at: datetime
    owner: str
    has_links: bool = False
