"""What approvals take and answer."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from trunkline.calls.approval_desk import MAX_REASON_CHARS, Shown
from trunkline.domain.approval import ApprovalState, Deed
from trunkline.storage.approval_views import Parked


class _Wanted(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Granting(_Wanted):
    """``seen_hash``: the ``arguments_hash`` of what you looked at."""

    seen_hash: str = Field(min_length=1, max_length=64)


class Refusing(Granting):
    reason: str = Field(min_length=1, max_length=MAX_REASON_CHARS)


class Editing(Granting):
    """``arguments``: all of them, as they are to be."""

    arguments: dict[str, JsonValue] = Field(max_length=100)


class Escalating(_Wanted):
    reason: str = Field(default="", max_length=MAX_REASON_CHARS)


class Settling(_Wanted):
    """What became of an approval whose outcome was unknown, and how you know."""

    settled_as: Literal["done", "failed"]
    reason: str = Field(min_length=1, max_length=MAX_REASON_CHARS)


class GrantOut(BaseModel):
    person_id: str
    role: str
    at: datetime


class AskedApproval(BaseModel):
    """``arguments`` is what is asked now, ``asked_arguments`` what the call asked first.

    Times are the database's, in UTC; ``now`` is its clock when this was read.
    """

    approval_id: str
    call_id: str
    run_id: str
    tool: str
    question: str
    step: str
    flow_version: str
    state: ApprovalState
    arguments: dict[str, Any]
    asked_arguments: dict[str, Any]
    arguments_hash: str
    editable: list[str]
    amount: str | None
    is_verified: bool
    asked_role: str
    grants_needed: int
    grants: list[GrantOut]
    claimed_by: str | None
    claimed_until: datetime | None
    asked_at: datetime
    sla_at: datetime
    expires_at: datetime
    decided_at: datetime | None
    closed_at: datetime | None
    reason: str
    result: JsonValue
    revision: int
    now: datetime

    @classmethod
    def of(cls, parked: Parked, now: datetime) -> AskedApproval:
        one = parked.approval
        return cls(
            approval_id=one.approval_id,
            call_id=parked.call_id,
            run_id=parked.run_id,
            tool=one.tool,
            question=parked.question,
            step=parked.step,
            flow_version=parked.flow_version,
            state=one.state,
            arguments=dict(one.arguments),
            asked_arguments=dict(parked.asked_arguments),
            arguments_hash=one.arguments_hash,
            editable=sorted(one.policy.editable),
            amount=None if one.amount is None else str(one.amount),
            is_verified=parked.is_verified,
            asked_role=one.asked_role.name.lower(),
            grants_needed=one.grants_needed,
            grants=[
                GrantOut(person_id=grant.person_id, role=grant.role.name.lower(), at=grant.at)
                for grant in one.grants
            ],
            claimed_by=one.claimed_by,
            claimed_until=one.claimed_until,
            asked_at=one.asked_at,
            sla_at=one.sla_at,
            expires_at=one.expires_at,
            decided_at=one.decided_at,
            closed_at=one.closed_at,
            reason=one.reason,
            result=one.result,
            revision=one.revision,
            now=now,
        )


class DeedOut(BaseModel):
    """``via``: dashboard, api, link, clock, worker or call."""

    revision: int
    at: datetime
    deed: Deed
    state: ApprovalState
    person_id: str | None
    role: str | None
    via: str
    arguments_hash: str
    arguments: dict[str, Any] | None
    reason: str


class AskedApprovalDetail(AskedApproval):
    deeds: list[DeedOut]

    @classmethod
    def shown(cls, shown: Shown) -> AskedApprovalDetail:
        deeds = [DeedOut.model_validate(deed, from_attributes=True) for deed in shown.deeds]
        head = AskedApproval.of(shown.parked, shown.now)
        return cls(**{**head.model_dump(), "deeds": deeds})
