"""Rows of a call to views: plain text gets its types."""

from __future__ import annotations

from collections.abc import Sequence

from trunkline.domain.approval import ApprovalState
from trunkline.domain.call import Direction
from trunkline.domain.events import RecordingState, ToolOutcome
from trunkline.domain.ids import ApprovalId, CallId, LegId, ToolRunId, TurnId
from trunkline.domain.turn import Speaker, TurnKind, WordFate
from trunkline.storage.approval_views import PastDeed
from trunkline.storage.row_views import view_of
from trunkline.storage.rows import (
    ApprovalRow,
    GuardActionRow,
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
    GuardActionView,
    LegView,
    RecordingView,
    StepView,
    ToolRunView,
    TransferView,
    TurnView,
    WordView,
)


def leg(row: LegRow) -> LegView:
    return view_of(LegView, row, leg_id=LegId(row.id), direction=Direction(row.direction))


def word(row: WordRow) -> WordView:
    return view_of(WordView, row, fate=WordFate(row.fate))


def turn(row: TurnRow, words: Sequence[WordRow]) -> TurnView:
    return view_of(
        TurnView,
        row,
        turn_id=TurnId(row.id),
        speaker=Speaker(row.speaker),
        kind=TurnKind(row.kind),
        words=tuple(map(word, words)),
    )


def step(row: StepRow) -> StepView:
    return view_of(StepView, row)


def tool_run(row: ToolRunRow) -> ToolRunView:
    return view_of(ToolRunView, row, run_id=ToolRunId(row.id), outcome=ToolOutcome(row.outcome))


def approval(row: ApprovalRow, deeds: tuple[PastDeed, ...] = ()) -> ApprovalView:
    return view_of(
        ApprovalView,
        row,
        approval_id=ApprovalId(row.id),
        call_id=CallId(row.call_id),
        run_id=ToolRunId(row.run_id),
        state=ApprovalState(row.state),
        deeds=deeds,
    )


def transfer(row: TransferRow) -> TransferView:
    return view_of(TransferView, row)


def guard_action(row: GuardActionRow) -> GuardActionView:
    return view_of(GuardActionView, row)


def recording(row: RecordingRow) -> RecordingView:
    return view_of(RecordingView, row, call_id=CallId(row.call_id), state=RecordingState(row.state))
