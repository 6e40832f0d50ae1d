"""Rows to views, field by field."""

from __future__ import annotations

from collections.abc import Sequence

from trunkline.domain.call import Direction
from trunkline.domain.events import RecordingState, ToolOutcome
from trunkline.domain.ids import ApprovalId, CallId, LegId, ToolRunId, TurnId
from trunkline.domain.turn import Speaker, TurnKind, WordFate
from trunkline.storage.rows import (
    ApprovalRow,
    LegRow,
    RecordingRow,
    StepRow,
    ToolRunRow,
    TransferRow,
    TurnRow,
    WordRow,
)
from trunkline.storage.views import (
    ApprovalView,
    LegView,
    RecordingView,
    StepView,
    ToolRunView,
    TransferView,
    TurnView,
    WordView,
)


def leg(row: LegRow) -> LegView:
    return LegView(
        leg_id=LegId(row.id),
        direction=Direction(row.direction),
        trunk=row.trunk,
        sip_call_id=row.sip_call_id,
        codec=row.codec,
        started_at=row.started_at,
    )


def word(row: WordRow) -> WordView:
    return WordView(
        text=row.text,
        start_ms=row.start_ms,
        end_ms=row.end_ms,
        fate=WordFate(row.fate),
        is_estimated=row.is_estimated,
    )


def turn(row: TurnRow, words: Sequence[WordRow]) -> TurnView:
    return TurnView(
        turn_id=TurnId(row.id),
        seq=row.seq,
        speaker=Speaker(row.speaker),
        kind=TurnKind(row.kind),
        text=row.text,
        generated_text=row.generated_text,
        started_ms=row.started_ms,
        ended_ms=row.ended_ms,
        at=row.at,
        is_interrupted=row.is_interrupted,
        confidence=row.confidence,
        step=row.step,
        response_ms=row.response_ms,
        stop_to_silence_ms=row.stop_to_silence_ms,
        words=tuple(map(word, words)),
    )


def step(row: StepRow) -> StepView:
    return StepView(step=row.step, at_ms=row.at_ms, at=row.at)


def tool_run(row: ToolRunRow) -> ToolRunView:
    return ToolRunView(
        run_id=ToolRunId(row.id),
        tool=row.tool,
        arguments=row.arguments,
        outcome=ToolOutcome(row.outcome),
        result=row.result,
        at_ms=row.at_ms,
        at=row.at,
        duration_ms=row.duration_ms,
        attempts=row.attempts,
        step=row.step,
        is_background=row.is_background,
    )


def approval(row: ApprovalRow) -> ApprovalView:
    return ApprovalView(
        approval_id=ApprovalId(row.id),
        call_id=CallId(row.call_id),
        run_id=ToolRunId(row.run_id),
        tool=row.tool,
        arguments=row.arguments,
        arguments_hash=row.arguments_hash,
        flow_version=row.flow_version,
        state=row.state,
        at_ms=row.at_ms,
        at=row.at,
    )


def transfer(row: TransferRow) -> TransferView:
    return TransferView(
        target=row.target,
        is_final=row.is_final,
        sip_status=row.sip_status,
        at_ms=row.at_ms,
        at=row.at,
    )


def recording(row: RecordingRow) -> RecordingView:
    return RecordingView(
        call_id=CallId(row.call_id),
        path=row.path,
        state=RecordingState(row.state),
        duration_ms=row.duration_ms,
        sample_rate_hz=row.sample_rate_hz,
        lost_ms=row.lost_ms,
        at=row.at,
        removed_at=row.removed_at,
    )
