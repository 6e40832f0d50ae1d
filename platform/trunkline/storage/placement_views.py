"""What is known of an ordered call, and what an edge is given to carry it out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from trunkline.domain.call import CallState, Direction, EndCause
from trunkline.domain.events import Json
from trunkline.domain.ids import CallId
from trunkline.domain.outbound import OutboundRoute
from trunkline.domain.placement import PlacementOutcome, PlacementState, RetryPolicy
from trunkline.storage.views import HOUSE, CallDetail, CallSummary


@dataclass(frozen=True, slots=True)
class NewPlacement:
    """An order as it is asked for; ``due_at`` lies in the past for a call that is to be made now.

    ``valid_s``: how long after it is due an attempt may still be begun. ``digest`` tells two
    requests with one idempotency key apart.
    """

    target: str
    agent: str
    due_at: datetime
    trunk: str = ""
    caller_id: str = ""
    variables: Mapping[str, Json] = field(default_factory=dict)
    details: Mapping[str, Json] = field(default_factory=dict)
    ring_s: int = 30
    longest_s: int = 3600
    valid_s: int = 3600
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    key_id: str = ""
    idempotency_key: str | None = None
    digest: str = ""
    owner: str = HOUSE


@dataclass(frozen=True, slots=True)
class AttemptView:
    """``cost`` in millionths of ``currency``; while it lasts, what is granted to it."""

    call_id: CallId
    number: int
    at: datetime
    edge_id: str
    ended_at: datetime | None
    cause: EndCause | None
    duration_ms: int | None
    cost: int
    currency: str


@dataclass(frozen=True, slots=True)
class PlacementView:
    """``due_at`` is when the next attempt is due; it tells nothing any more once it has ended."""

    placement_id: CallId
    state: PlacementState
    target: str
    trunk: str
    caller_id: str
    agent: str
    variables: Mapping[str, Json]
    details: Mapping[str, Json]
    ring_s: int
    longest_s: int
    created_at: datetime
    due_at: datetime
    expires_at: datetime
    retry: RetryPolicy
    attempts: tuple[AttemptView, ...]
    ended_at: datetime | None
    outcome: PlacementOutcome | None
    cause: EndCause | None
    reason: str
    owner: str

    @property
    def current(self) -> AttemptView | None:
        """The attempt that is under way."""
        return next((attempt for attempt in self.attempts if attempt.ended_at is None), None)

    def as_call(self) -> CallDetail:
        """An order of which there is no call (yet), for those who ask for the call."""
        summary = CallSummary(
            call_id=self.placement_id,
            state=CallState.INITIATED if self.ended_at is None else CallState.ENDED,
            direction=Direction.OUTBOUND,
            trunk=self.trunk,
            caller_number=self.caller_id,
            called_number=self.target,
            agent=self.agent,
            flow_version="",
            engine="",
            edge_id="",
            codec="",
            step="",
            started_at=self.created_at,
            answered_at=None,
            ended_at=self.ended_at,
            duration_ms=None,
            setup_ms=None,
            end_cause=None,
            turn_count=0,
            has_recording=False,
            owner=self.owner,
        )
        return CallDetail(summary, sip_status=None, end_reason=self.reason)


@dataclass(frozen=True, slots=True)
class ClaimedPlacement:
    """An attempt that is this edge's alone: dial it, once."""

    placement_id: CallId
    call_id: CallId
    number: int
    route: OutboundRoute
    agent: str
    variables: Mapping[str, Json]
    ring_s: int
    longest_s: int
    granted_s: int
    is_metered: bool


def state_of(state: str, call: CallState | None) -> PlacementState:
    """What people are told: the order's state, or its call's."""
    if state != "calling":
        return PlacementState(state)
    match call:
        case None | CallState.INITIATED:
            return PlacementState.DIALLING
        case CallState.RINGING:
            return PlacementState.RINGING
        case _:
            return PlacementState.ANSWERED
