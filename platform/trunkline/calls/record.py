"""What one call leaves behind: its state, its facts, and the log of all it saw and did."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from trunkline.audio.recording import CallRecorder
from trunkline.calls.bridge import CallClock
from trunkline.calls.event_log import EventLog
from trunkline.calls.fact_json import encode_fact
from trunkline.calls.guard_masks import SpokenNumbers, masked_document
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
    ToolRan,
    TurnEnded,
)
from trunkline.domain.ids import CallId
from trunkline.domain.turn import Speaker, Turn
from trunkline.flows.guard.identity import masked_so_far
from trunkline.runtime.logging import get_logger

log = get_logger(__name__)

_WITH_WORDS: Final = ("realtime", "variables", "fact")


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
        self.recorder: CallRecorder | None = None
        self.hides_numbers = False  # card and identity numbers, wherever they would be written
        self._numbers = SpokenNumbers()

    def publish(self, fact: CallFact) -> None:
        if self.hides_numbers and isinstance(fact, ToolRan):
            arguments, result = masked_document(fact.arguments), masked_document(fact.result)
            fact = replace(fact, arguments=arguments, result=result)
        self._sink.publish(fact)
        if not isinstance(fact, CallerPartial):
            self.note("fact", document=encode_fact(fact))
        self.published(fact)

    def note(self, kind: str, **fields: Json) -> None:
        if self.hides_numbers and kind in _WITH_WORDS:
            fields = masked_document(fields)
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
        if not self.withholding.windows:
            return False
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
        if self.hides_numbers:
            turn = self._without_numbers(turn)
        self.publish(TurnEnded(self.call_id, self.clock.now(), turn))

    def _without_numbers(self, turn: Turn) -> Turn:
        """Text and recording hold none; one that began in turns before is taken out of them too."""
        kept, before, spans = self._numbers.take(turn)
        for begun in before:
            renewed = TurnEnded(self.call_id, self.clock.now(), begun)
            self._sink.publish(renewed)
            self.note("fact", document=encode_fact(renewed))
        for begin_ms, end_ms in spans:
            self._hide(turn.speaker, begin_ms, end_ms)
        return kept

    def _hide(self, speaker: Speaker, begin_ms: int, end_ms: int) -> None:
        """Comfort noise over what was recorded of them then."""
        if self.recorder is not None:
            clock, channel = self._call_clock, 0 if speaker is Speaker.CALLER else 1
            first, last = clock.samples_at(begin_ms), clock.samples_at(end_ms)
            self.recorder.hide(channel, first, last)
        self.note("number_hidden", speaker=speaker.value, begin_ms=begin_ms, end_ms=end_ms)

    def partial(self, text: str) -> None:
        if self.withholding.is_near(self._call_clock.now_ms):
            return
        if self.hides_numbers:
            text = masked_so_far(text)
        at_ms = self._call_clock.now_ms
        self.publish(CallerPartial(self.call_id, self.clock.now(), at_ms, text))
        self.note("partial", text=text)
