"""What ordering a call takes and answers."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Annotated, Any, Final, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from trunkline.api.schemas import CallDetailOut, UtcTime
from trunkline.domain.call import EndCause
from trunkline.domain.placement import (
    MOST_ATTEMPTS,
    RETRIED_AFTER_S,
    PlacementOutcome,
    PlacementState,
    RetryPolicy,
)
from trunkline.domain.tariff import as_amount
from trunkline.flows.schema.document import NAME_PATTERN
from trunkline.storage.placement_views import AttemptView, PlacementView

IDEMPOTENCY_PATTERN: Final = r"^[\x21-\x7e]{1,255}$"
IdempotencyKey: TypeAlias = Annotated[str, Field(pattern=IDEMPOTENCY_PATTERN)]


class Retry(BaseModel):
    """``attempts`` in all; ``after_s``: seconds to wait, by the cause of the attempt before."""

    model_config = ConfigDict(extra="forbid")

    attempts: int = Field(default=1, ge=1, le=MOST_ATTEMPTS)
    after_s: dict[EndCause, int] = Field(
        default_factory=lambda: dict(RETRIED_AFTER_S),
        examples=[{"busy": 120, "no_answer": 900}],
        max_length=20,
    )

    def policy(self) -> RetryPolicy:
        return RetryPolicy(self.attempts, dict(self.after_s))


class NewCall(BaseModel):
    """A call to be made. ``to`` is a number or a ``sip:`` URI; ``from`` a caller id of the trunk.

    ``variables`` are the flow's, by name; ``metadata`` comes back with webhooks and answers.
    """

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    to: str = Field(min_length=1, max_length=200, examples=["+441632960100"])
    agent: str = Field(pattern=NAME_PATTERN, examples=["energy"])
    from_: str = Field(default="", alias="from", max_length=40)
    trunk: str = Field(default="", max_length=100)
    variables: dict[str, JsonValue] = Field(default_factory=dict, max_length=100)
    metadata: dict[str, JsonValue] = Field(default_factory=dict, max_length=100)
    schedule_at: UtcTime | None = None
    valid_s: int = Field(
        default=3600, ge=10, le=604_800, description="How late an attempt may begin."
    )
    ring_s: int = Field(default=30, ge=5, le=120)
    max_duration_s: int = Field(default=3600, ge=10, le=14_400)
    retry: Retry = Field(default_factory=Retry)
    idempotency_key: IdempotencyKey | None = None

    def digest(self) -> str:
        """Of all that was asked for; equal for two requests that ask for the same."""
        document = self.model_dump(mode="json", exclude={"idempotency_key"})
        text = json.dumps(document, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


class AttemptOut(BaseModel):
    """One time that the phone was made to ring. ``cost`` is an amount of ``currency``."""

    model_config = ConfigDict(from_attributes=True)

    call_id: str
    number: int
    at: datetime
    ended_at: datetime | None
    cause: EndCause | None
    duration_ms: int | None
    cost: str
    currency: str

    @classmethod
    def of(cls, attempt: AttemptView) -> AttemptOut:
        names = set(cls.model_fields) - {"cost"}
        fields: dict[str, Any] = {name: getattr(attempt, name) for name in names}
        return cls(cost=as_amount(attempt.cost), **fields)


class PlacementOut(BaseModel):
    """An ordered call. ``call_id`` is its own id and its first attempt's.

    ``due_at`` is when it is dialled (again) while it is queued.
    """

    model_config = ConfigDict(populate_by_name=True)

    call_id: str
    state: PlacementState
    to: str
    from_: str = Field(serialization_alias="from")
    trunk: str
    agent: str
    created_at: datetime
    due_at: datetime
    expires_at: datetime
    ring_s: int
    max_duration_s: int
    retry: Retry
    attempts: list[AttemptOut]
    outcome: PlacementOutcome | None
    cause: EndCause | None
    reason: str
    ended_at: datetime | None
    metadata: dict[str, Any]

    @classmethod
    def of(cls, placement: PlacementView) -> PlacementOut:
        policy = placement.retry
        return cls(
            call_id=placement.placement_id,
            state=placement.state,
            to=placement.target,
            from_=placement.caller_id,
            trunk=placement.trunk,
            agent=placement.agent,
            created_at=placement.created_at,
            due_at=placement.due_at,
            expires_at=placement.expires_at,
            ring_s=placement.ring_s,
            max_duration_s=placement.longest_s,
            retry=Retry(attempts=policy.attempts, after_s=dict(policy.after_s)),
            attempts=[AttemptOut.of(attempt) for attempt in placement.attempts],
            outcome=placement.outcome,
            cause=placement.cause,
            reason=placement.reason,
            ended_at=placement.ended_at,
            metadata=dict(placement.details),
        )


class OneCallOut(CallDetailOut):
    """``placement`` is the order that it was made for."""

    placement: PlacementOut | None = None


class SpendOut(BaseModel):
    """Amounts of ``currency`` since midnight UTC, what is granted to calls that are up included."""

    since: datetime
    spent: str
    cap: str | None
    currency: str
    live: int
    max_live: int
