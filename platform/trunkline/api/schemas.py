"""What the API answers: the storage views as JSON, flattened where that reads better."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Self, TypeAlias

from fastapi import Path
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict

from trunkline.domain.call import ANSWERABLE, Answerable, CallState, Direction, EndCause
from trunkline.domain.events import RecordingState, ToolOutcome
from trunkline.domain.turn import Speaker, TurnKind, WordFate
from trunkline.storage.views import CallDetail, CallSummary

_NUMBER: Final = re.compile(r"[+-]?[0-9.]+([eE][+-]?[0-9]+)?")


def _as_text(value: object) -> object:
    """A bare number is no time: whether it counts seconds or milliseconds is anybody's guess."""
    if isinstance(value, str) and not _NUMBER.fullmatch(value.strip()):
        return value
    if isinstance(value, datetime):
        return value
    raise ValueError("a time is written as 2026-11-21T12:00:00Z")


def _utc(at: datetime) -> datetime:
    """A time without a zone is meant in UTC."""
    try:
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except OverflowError:
        raise ValueError("the time lies outside the calendar") from None


UtcTime: TypeAlias = Annotated[datetime, BeforeValidator(_as_text), AfterValidator(_utc)]
Id: TypeAlias = Annotated[str, Path(pattern=r"^[A-Za-z0-9_]{1,64}$")]


class HangingUp(BaseModel):
    """The edge was told; the call's end shows in its state."""

    call_id: str
    state: CallState = CallState.ENDING


class _Answer(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class CallOut(_Answer):
    """Times are ISO 8601 in UTC; ``duration_ms`` counts from the answer."""

    call_id: str
    state: CallState
    direction: Direction
    trunk: str
    caller_number: str
    called_number: str
    agent: str
    flow_version: str
    engine: str
    codec: str
    step: str
    started_at: datetime
    answered_at: datetime | None
    ended_at: datetime | None
    duration_ms: int | None
    setup_ms: int | None
    cause: EndCause | None
    answerable: Answerable | None
    turn_count: int
    has_recording: bool

    @classmethod
    def of(cls, call: CallSummary) -> CallOut:
        return cls(**_call_fields(call))


def _call_fields(call: CallSummary) -> dict[str, Any]:
    names = set(CallOut.model_fields) - {"cause", "answerable"}
    fields = {name: getattr(call, name) for name in names}
    fields["cause"] = call.end_cause
    fields["answerable"] = ANSWERABLE[call.end_cause] if call.end_cause else None
    return fields


class CallPageOut(BaseModel):
    """Newest first; pass ``next_cursor`` as ``cursor`` for the next page."""

    calls: list[CallOut]
    next_cursor: str | None


class WordOut(_Answer):
    text: str
    start_ms: int
    end_ms: int
    fate: WordFate
    is_estimated: bool


class TurnOut(_Answer):
    """``text`` is what was heard, ``generated_text`` what the agent would have said."""

    turn_id: str
    seq: int
    speaker: Speaker
    kind: TurnKind
    text: str
    generated_text: str
    started_ms: int
    ended_ms: int
    is_interrupted: bool
    confidence: float | None
    step: str
    response_ms: int | None
    stop_to_silence_ms: int | None
    words: list[WordOut]


class StepOut(_Answer):
    step: str
    at_ms: int


class ToolRunOut(_Answer):
    run_id: str
    tool: str
    arguments: dict[str, Any]
    outcome: ToolOutcome
    result: Any
    at_ms: int
    duration_ms: int
    attempts: int
    step: str
    is_background: bool


class ApprovalOut(_Answer):
    approval_id: str
    run_id: str
    tool: str
    arguments: dict[str, Any]
    arguments_hash: str
    state: str
    at_ms: int


class TransferOut(_Answer):
    target: str
    is_final: bool
    sip_status: int | None
    at_ms: int


class GuardActionOut(_Answer):
    side: str
    category: str
    action: str
    by: str
    score: float
    text: str
    at_ms: int
    step: str


class RecordingOut(_Answer):
    """Two channels, caller left and agent right; ``url`` serves it with ranges."""

    url: str
    state: RecordingState
    duration_ms: int
    sample_rate_hz: int
    lost_ms: int


class SipStepOut(_Answer):
    """A SIP message of the call; ``at_ms`` counts from the first, ``peer`` is the far end."""

    at_ms: int
    is_ours: bool
    text: str
    peer: str


class CallDetailOut(CallOut):
    """``media_problem`` says why no audio came from the far end; empty when it did."""

    sip_status: int | None
    end_reason: str
    turns: list[TurnOut]
    steps: list[StepOut]
    tool_runs: list[ToolRunOut]
    approvals: list[ApprovalOut]
    transfers: list[TransferOut]
    guard_actions: list[GuardActionOut]
    recording: RecordingOut | None
    receipts: dict[str, float | None]
    stats: dict[str, float | None]
    usage: dict[str, int]
    signalling: list[SipStepOut]
    media_problem: str

    @classmethod
    def of_detail(cls, detail: CallDetail) -> Self:
        kept = detail.recording
        recording = None
        if kept is not None and kept.removed_at is None:
            recording = RecordingOut(
                url=f"/api/v1/calls/{detail.summary.call_id}/recording",
                state=kept.state,
                duration_ms=kept.duration_ms,
                sample_rate_hz=kept.sample_rate_hz,
                lost_ms=kept.lost_ms,
            )
        return cls(
            **_call_fields(detail.summary),
            sip_status=detail.sip_status,
            end_reason=detail.end_reason,
            turns=[TurnOut.model_validate(turn) for turn in detail.turns],
            steps=[StepOut.model_validate(step) for step in detail.steps],
            tool_runs=[ToolRunOut.model_validate(run) for run in detail.tool_runs],
            approvals=[ApprovalOut.model_validate(one) for one in detail.approvals],
            transfers=[TransferOut.model_validate(one) for one in detail.transfers],
            guard_actions=[GuardActionOut.model_validate(one) for one in detail.guard_actions],
            recording=recording,
            receipts=dict(detail.receipts),
            stats=dict(detail.stats),
            usage=dict(detail.usage),
            signalling=[SipStepOut.model_validate(step) for step in detail.signalling],
            media_problem=detail.media_problem,
        )
