"""What one call leaves behind: its state, its facts, and the log of all it saw and did."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from trunkline.calls.bridge import CallClock
from trunkline.calls.event_log import EventLog
from trunkline.calls.fact_json import encode_fact
from trunkline.calls.publish import FactSink
from trunkline.calls.withholding import WITHHELD, Withholding
from trunkline.domain.call import CallEvent, CallState, IllegalTransition, next_state
from trunkline.domain.clock import Clock
from trunkline.domain.events import (
    CallerPartial,
    CallFact,
    CallStateChanged,
    Json,
    StepEntered,
    TurnEnded,
)
from trunkline.domain.ids import CallId
from trunkline.domain.turn import Speaker, Turn
from trunkline.runtime.logging import get_logger

log = get_logger(__name__)


class CallRecord:
    """Publishes facts with the call's id and the time, and notes everything in the event log."""

    def __init__(
        self,
        call_id: CallId,
        clock: Clock,
        call_clock: CallClock,
        sink: FactSink,
        events: EventLog,
    ) -> None:
        self.call_id = call_id
        self.clock = clock
        self._call_clock = call_clock
        self._sink = sink
        self._events = events
        self.state = CallState.INITIATED
        self.step = ""
        self.withholding = Withholding()
        self.published: Callable[[CallFact], None] = lambda fact: None

    def publish(self, fact: CallFact) -> None:
        self._sink.publish(fact)
        if not isinstance(fact, CallerPartial):
            self.note("fact", document=encode_fact(fact))
        self.published(fact)

    def note(self, kind: str, **fields: Json) -> None:
        self._events.note(self._call_clock.now_ms, kind, **fields)

    def withhold(self, is_secret: bool) -> None:
        """From here on nothing of the caller's is kept, or all of it is again (after a moment)."""
        if is_secret == self.withholding.is_open:
            return
        now_ms = self._call_clock.now_ms
        if is_secret:
            self.withholding.begin(now_ms)
        else:
            self.withholding.end(now_ms)
        self.note("caller_masked", is_masked=is_secret)

    @property
    def is_withheld(self) -> bool:
        """Whether the caller's audio is, at this moment."""
        now_ms = self._call_clock.now_ms
        return self.withholding.covers(now_ms, now_ms)

    def flush(self) -> None:
        self._events.flush()

    def close(self) -> None:
        """The event log's last lines are on their way to the disk."""
        self._events.close()

    def advance(self, event: CallEvent) -> bool:
        """Apply an event to the call's state; False when the table has no such row."""
        try:
            state = next_state(self.state, event)
        except IllegalTransition as exc:
            self.note("illegal_transition", state=exc.state, transition=type(event).__name__)
            return False
        self.state = state
        self.publish(CallStateChanged(self.call_id, self.clock.now(), state))
        return True

    def entered(self, step: str) -> None:
        self.withhold(False)  # until the step says otherwise
        self.step = step
        at_ms = self._call_clock.now_ms
        self.publish(StepEntered(self.call_id, self.clock.now(), at_ms, step))

    def turn(self, turn: Turn) -> None:
        if turn.speaker is Speaker.CALLER and self.withholding.covers(
            turn.started_ms, turn.ended_ms
        ):
            turn = replace(turn, text=WITHHELD, words=())
        self.publish(TurnEnded(self.call_id, self.clock.now(), turn))

    def partial(self, text: str) -> None:
        if self.withholding.is_near(self._call_clock.now_ms):
            return
        at_ms = self._call_clock.now_ms
        self.publish(CallerPartial(self.call_id, self.clock.now(), at_ms, text))
        self.note("partial", text=text)
