"""A call's conversation as one ordered list: turns, steps, tools, approvals, guardrails, its end.

The same entries come from storage (a finished call) and from facts (one that is live), under the
same keys, so that a page can be brought up to date entry by entry.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

from trunkline.dashboard.looked_after import EscalationMoment, TakeOverMoment
from trunkline.domain.approval import ApprovalState
from trunkline.domain.events import (
    ApprovalParked,
    CallFact,
    EscalationRaised,
    GuardActed,
    StepEntered,
    TakeOverChanged,
    ToolRan,
    TransferAttempted,
    TurnEnded,
)
from trunkline.domain.turn import WordFate
from trunkline.storage.views import (
    ApprovalView,
    CallDetail,
    GuardActionView,
    StepView,
    ToolRunView,
    TransferView,
    TurnView,
    WordView,
)

Subject: TypeAlias = (
    TurnView
    | StepView
    | ToolRunView
    | ApprovalView
    | TransferView
    | GuardActionView
    | EscalationMoment
    | TakeOverMoment
)

# Within one millisecond a step is entered before anything happens in it.
_RANK: Final = {
    "step": 0,
    "turn": 1,
    "tool": 2,
    "approval": 3,
    "transfer": 4,
    "guard": 5,
    "escalation": 6,
    "take_over": 7,
}


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """``key`` is stable for the life of the call; ``kind`` names the subject."""

    key: str
    kind: str
    at_ms: int
    subject: Subject

    @property
    def order(self) -> int:
        """Sorts entries as one integer, so that a page can place a late one."""
        return self.at_ms * 10 + _RANK[self.kind]


@dataclass(frozen=True, slots=True)
class WordRun:
    """Neighbouring words of one fate; ``words`` is empty when only the text is known."""

    fate: WordFate
    words: tuple[WordView, ...]
    text: str


def entry_of(subject: Subject) -> TimelineEntry:
    match subject:
        case TurnView():
            return TimelineEntry(subject.turn_id, "turn", subject.started_ms, subject)
        case StepView():
            key = f"step_{subject.at_ms}_{subject.step}"
            return TimelineEntry(key, "step", subject.at_ms, subject)
        case ToolRunView():
            return TimelineEntry(subject.run_id, "tool", subject.at_ms, subject)
        case ApprovalView():
            return TimelineEntry(subject.approval_id, "approval", subject.at_ms, subject)
        case TransferView():
            key = f"transfer_{subject.at_ms}_{subject.target}"
            return TimelineEntry(key, "transfer", subject.at_ms, subject)
        case EscalationMoment():
            return TimelineEntry(subject.escalation_id, "escalation", subject.at_ms, subject)
        case TakeOverMoment():
            return TimelineEntry(subject.take_over_id, "take_over", subject.at_ms, subject)
        case GuardActionView():
            key = f"guard_{subject.at_ms}_{subject.side}_{subject.category}"
            return TimelineEntry(key, "guard", subject.at_ms, subject)


def entry_of_fact(fact: CallFact) -> TimelineEntry | None:
    """The entry a fact adds or renews; None when it shows elsewhere on the page."""
    match fact:
        case TurnEnded():
            return entry_of(_turn(fact))
        case StepEntered():
            return entry_of(StepView(step=fact.step, at_ms=fact.at_ms, at=fact.at))
        case ToolRan():
            return entry_of(
                ToolRunView(
                    run_id=fact.run_id,
                    tool=fact.tool,
                    arguments=fact.arguments,
                    outcome=fact.outcome,
                    result=fact.result,
                    at_ms=fact.at_ms,
                    at=fact.at,
                    duration_ms=fact.duration_ms,
                    attempts=fact.attempts,
                    step=fact.step,
                )
            )
        case ApprovalParked():
            return entry_of(
                ApprovalView(
                    approval_id=fact.approval_id,
                    call_id=fact.call_id,
                    run_id=fact.run_id,
                    tool=fact.tool,
                    arguments=fact.arguments,
                    arguments_hash=fact.arguments_hash,
                    flow_version=fact.flow_version,
                    state=ApprovalState.ASKED,
                    at_ms=fact.at_ms,
                    at=fact.at,
                    asked_arguments=fact.arguments,
                )
            )
        case TransferAttempted():
            return entry_of(
                TransferView(
                    target=fact.target,
                    is_final=fact.is_final,
                    sip_status=fact.sip_status,
                    at_ms=fact.at_ms,
                    at=fact.at,
                )
            )
        case GuardActed():
            return entry_of(
                GuardActionView(
                    side=fact.side,
                    category=fact.category,
                    action=fact.action,
                    by=fact.by,
                    score=fact.score,
                    text=fact.text,
                    at_ms=fact.at_ms,
                    at=fact.at,
                    step=fact.step,
                )
            )
        case EscalationRaised():
            return entry_of(EscalationMoment.told(fact))
        case TakeOverChanged():
            return entry_of(TakeOverMoment.told(fact))
        case _:
            return None


def _turn(fact: TurnEnded) -> TurnView:
    turn = fact.turn
    return TurnView(
        turn_id=turn.turn_id,
        seq=turn.seq,
        speaker=turn.speaker,
        kind=turn.kind,
        text=turn.text,
        generated_text=turn.generated_text,
        started_ms=turn.started_ms,
        ended_ms=turn.ended_ms,
        at=fact.at,
        is_interrupted=turn.is_interrupted,
        confidence=turn.confidence,
        step=turn.step,
        response_ms=turn.response_ms,
        stop_to_silence_ms=turn.stop_to_silence_ms,
        words=tuple(
            WordView(word.text, word.start_ms, word.end_ms, word.fate, word.is_estimated)
            for word in turn.words
        ),
    )


def timeline(detail: CallDetail, *more: Subject) -> tuple[TimelineEntry, ...]:
    """Everything that happened, in the order it happened; ``more``: what is stored beside it."""
    subjects: list[Subject] = [
        *detail.steps,
        *detail.turns,
        *detail.tool_runs,
        *detail.approvals,
        *detail.transfers,
        *detail.guard_actions,
        *more,
    ]
    return tuple(sorted(map(entry_of, subjects), key=lambda entry: entry.order))


def word_runs(turn: TurnView) -> tuple[WordRun, ...]:
    """The turn's words in runs of one fate, so that what was never heard stands out as one piece.

    Without words, what the agent would have said beyond what was heard becomes a last, cut run.
    """
    if not turn.words:
        return _runs_of_text(turn)
    runs: list[list[WordView]] = []
    for word in turn.words:
        if runs and runs[-1][-1].fate is word.fate:
            runs[-1].append(word)
        else:
            runs.append([word])
    return tuple(
        WordRun(run[0].fate, tuple(run), " ".join(word.text for word in run)) for run in runs
    )


def _runs_of_text(turn: TurnView) -> tuple[WordRun, ...]:
    runs: list[WordRun] = []
    if turn.text:
        runs.append(WordRun(WordFate.HEARD, (), turn.text))
    if turn.is_interrupted and turn.generated_text.startswith(turn.text):
        unheard = turn.generated_text[len(turn.text) :].strip()
        if unheard:
            runs.append(WordRun(WordFate.CUT, (), unheard))
    return tuple(runs)
