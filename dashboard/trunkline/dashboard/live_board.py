"""What is known of the calls that are up, folded from facts. Pure: no clock, no Redis, no loop."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from trunkline.dashboard.looked_after import EscalationMoment, TakeOverMoment
from trunkline.dashboard.timeline import TimelineEntry, entry_of, entry_of_fact
from trunkline.domain.approval import OPEN, ApprovalState
from trunkline.domain.call import CallState, Direction, EndCause
from trunkline.domain.events import (
    ApprovalHeard,
    CallAnswered,
    CallEnded,
    CallerPartial,
    CallFact,
    CallStarted,
    CallStateChanged,
    EscalationRaised,
    QueuePlaced,
    RecordingClosed,
    StepEntered,
    TakeOverChanged,
    TurnEnded,
)
from trunkline.domain.ids import CallId
from trunkline.domain.turn import Speaker, TurnKind
from trunkline.storage.views import ApprovalView, CallSummary

StreamId: TypeAlias = tuple[int, int]
"""A Redis stream id: milliseconds and sequence."""

MAX_ENTRIES: Final = 2000
ENDED_SHOWN_S: Final = 12
ENDED_KEPT_S: Final = 120
_UNCONFIRMED_S: Final = 10


def parse_stream_id(text: str) -> StreamId | None:
    """``1763716800000-3``; None when it is no stream id."""
    ms, dash, seq = text.strip().partition("-")
    if not (dash and ms.isdigit() and seq.isdigit() and len(text) <= 40):
        return None
    return int(ms), int(seq)


def format_stream_id(stream_id: StreamId) -> str:
    return f"{stream_id[0]}-{stream_id[1]}"


@dataclass(slots=True)
class LiveCall:
    """One call as the live pages show it; ``version`` is the id of the last fact that changed it.

    ``entries`` keeps the timeline by key, each with the fact that brought it, at most MAX_ENTRIES.
    """

    call_id: CallId
    started_at: datetime
    seen_at: datetime
    version: StreamId = (0, 0)
    is_known: bool = False
    caller_number: str = ""
    called_number: str = ""
    agent: str = ""
    engine: str = ""
    trunk: str = ""
    codec: str = ""
    edge_id: str = ""
    direction: Direction = Direction.INBOUND
    state: CallState = CallState.INITIATED
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    end_cause: EndCause | None = None
    duration_ms: int | None = None
    step: str = ""
    partial: str = ""
    caller_text: str = ""
    agent_text: str = ""
    agent_was_cut: bool = False
    last_speaker: Speaker | None = None
    waiting_approvals: int = 0
    escalation: EscalationMoment | None = None  # the last
    take_over: TakeOverMoment | None = None  # likewise
    queue: str = ""
    position: int = 0  # in that queue; 0: in none
    has_recording: bool = False
    entries: dict[str, tuple[StreamId, TimelineEntry]] = field(default_factory=dict)

    @property
    def is_live(self) -> bool:
        return self.state is not CallState.ENDED

    def entries_after(self, seen: StreamId | None) -> Iterator[tuple[StreamId, TimelineEntry]]:
        for stream_id, entry in self.entries.values():
            if seen is None or stream_id > seen:
                yield stream_id, entry

    def note(self, stream_id: StreamId, entry: TimelineEntry) -> None:
        self.entries.pop(entry.key, None)
        self.entries[entry.key] = (stream_id, entry)
        while len(self.entries) > MAX_ENTRIES:
            del self.entries[next(iter(self.entries))]


class LiveBoard:
    """Every live call, and for a while those that just ended."""

    def __init__(self) -> None:
        self.calls: dict[CallId, LiveCall] = {}
        self.version: StreamId = (0, 0)

    def apply(self, stream_id: StreamId, fact: CallFact) -> CallId | None:
        """Fold one fact; returns the call it changed, or None when it was seen before."""
        if stream_id <= self.version:
            return None
        self.version = stream_id
        call = self.calls.get(fact.call_id)
        if call is None:
            call = LiveCall(fact.call_id, started_at=fact.at, seen_at=fact.at)
            self.calls[fact.call_id] = call
        call.version = stream_id
        call.seen_at = max(call.seen_at, fact.at)
        _fold(call, fact)
        entry = _heard(call, fact) if isinstance(fact, ApprovalHeard) else entry_of_fact(fact)
        if entry is not None:
            call.note(stream_id, entry)
            if entry.kind == "approval":
                call.waiting_approvals = sum(map(_is_waiting, call.entries.values()))
        return fact.call_id

    def reconcile(self, stored: Iterable[CallSummary], now: datetime) -> set[CallId]:
        """Bring the board in line with storage; returns the calls that changed.

        Storage names who the calls are and closes those whose edge was lost; it may lag behind the
        stream by a moment, so a call seen within the last seconds is never taken off for its sake.
        """
        changed: set[CallId] = set()
        live = {summary.call_id: summary for summary in stored}
        for call_id, summary in live.items():
            call = self.calls.get(call_id)
            if call is None:
                call = LiveCall(call_id, started_at=summary.started_at, seen_at=now)
                call.state, call.step = summary.state, summary.step
                self.calls[call_id] = call
            if not call.is_known:
                _identify(call, summary)
                changed.add(call_id)
        for call in self.calls.values():
            unconfirmed = now - call.seen_at > timedelta(seconds=_UNCONFIRMED_S)
            if call.is_live and call.call_id not in live and unconfirmed:
                call.state, call.ended_at = CallState.ENDED, now
                changed.add(call.call_id)
        return changed

    def refresh(self, stored: Iterable[CallSummary]) -> set[CallId]:
        """Take states and steps from storage, for while there is no stream to tell them."""
        changed: set[CallId] = set()
        for summary in stored:
            call = self.calls.get(summary.call_id)
            if call is None or (call.state, call.step) == (summary.state, summary.step):
                continue
            call.state, call.step = summary.state, summary.step
            call.answered_at = summary.answered_at
            changed.add(summary.call_id)
        return changed

    def forget(self, now: datetime) -> None:
        """Drop calls that ended a while ago."""
        old = now - timedelta(seconds=ENDED_KEPT_S)
        for call_id in [
            call.call_id
            for call in self.calls.values()
            if call.ended_at is not None and call.ended_at < old
        ]:
            del self.calls[call_id]

    def shown(self, now: datetime) -> list[LiveCall]:
        """Live calls and those that ended a moment ago, oldest first."""
        just_now = now - timedelta(seconds=ENDED_SHOWN_S)
        calls = [
            call
            for call in self.calls.values()
            if call.is_live or (call.ended_at is not None and call.ended_at >= just_now)
        ]
        return sorted(calls, key=lambda call: (call.started_at, call.call_id))

    @property
    def live_count(self) -> int:
        return sum(call.is_live for call in self.calls.values())


def _heard(call: LiveCall, fact: ApprovalHeard) -> TimelineEntry | None:
    """The request as the call knows it now; None when the board has not seen it being made."""
    _, entry = call.entries.get(fact.approval_id, (None, None))
    if entry is None or not isinstance(entry.subject, ApprovalView):
        return None
    return entry_of(replace(entry.subject, state=ApprovalState(fact.state)))


def _is_waiting(kept: tuple[StreamId, TimelineEntry]) -> bool:
    """A request that nobody has decided yet."""
    subject = kept[1].subject
    return isinstance(subject, ApprovalView) and subject.state in OPEN


def _identify(call: LiveCall, summary: CallSummary) -> None:
    call.is_known = True
    call.started_at = summary.started_at
    call.answered_at = call.answered_at or summary.answered_at
    call.caller_number, call.called_number = summary.caller_number, summary.called_number
    call.agent, call.engine, call.trunk = summary.agent, summary.engine, summary.trunk
    call.edge_id, call.direction = summary.edge_id, summary.direction
    call.codec = call.codec or summary.codec


def _fold(call: LiveCall, fact: CallFact) -> None:
    match fact:
        case CallStarted():
            call.is_known = True
            call.started_at = fact.at
            call.caller_number, call.called_number = fact.caller_number, fact.called_number
            call.agent, call.engine, call.trunk = fact.agent, fact.engine, fact.trunk
            call.edge_id, call.direction = fact.edge_id, fact.direction
        case CallStateChanged():
            if call.is_live:
                call.state = fact.state
            if fact.state is CallState.ENDED:
                call.ended_at = call.ended_at or fact.at
        case CallAnswered():
            call.answered_at, call.codec = fact.at, fact.codec
            if call.state in (CallState.INITIATED, CallState.RINGING):
                call.state = CallState.ANSWERED
        case StepEntered():
            call.step = fact.step
        case EscalationRaised():
            call.escalation = EscalationMoment.told(fact)
        case TakeOverChanged():
            call.take_over = TakeOverMoment.told(fact)
        case QueuePlaced():
            call.queue, call.position = fact.queue, fact.position
        case CallerPartial():
            call.partial, call.last_speaker = fact.text, Speaker.CALLER
        case TurnEnded():
            _fold_turn(call, fact)
        case RecordingClosed():
            call.has_recording = True
        case CallEnded():
            call.state, call.ended_at = CallState.ENDED, fact.at
            call.end_cause, call.duration_ms = fact.cause, fact.duration_ms
            call.partial = ""
        case _:
            pass


def _fold_turn(call: LiveCall, fact: TurnEnded) -> None:
    turn = fact.turn
    if turn.speaker is Speaker.AGENT:
        call.agent_text, call.agent_was_cut = turn.text, turn.is_interrupted
        call.last_speaker = Speaker.AGENT
        return
    call.partial = ""
    if turn.kind is not TurnKind.BACKCHANNEL:
        call.caller_text, call.last_speaker = turn.text, Speaker.CALLER
