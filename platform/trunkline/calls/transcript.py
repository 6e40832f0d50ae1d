"""Turns of a call from the ledger: what was heard, with its words and its timings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from trunkline.audio.ledger import account, estimated_marks, heard_text
from trunkline.audio.playout import Segment
from trunkline.domain.audio import WordMark
from trunkline.domain.ids import new_turn_id
from trunkline.domain.turn import Speaker, SpokenWord, Turn, TurnKind


@dataclass(slots=True, eq=False)
class Speech:
    """One thing the agent says: a line of the flow or an item of the engine.

    ``item_id`` names it in the conversation, ``say_id`` in the flow (empty for a reply).
    """

    segment: Segment
    kind: TurnKind
    item_id: str
    text: str = ""
    say_id: str = ""
    step: str = ""
    is_interruptible: bool = True
    started_ms: int | None = None
    response_ms: int | None = None
    stop_to_silence_ms: int | None = None
    error_code: str = ""
    is_stopped: bool = False  # by the guardrails: what would have followed is gone
    question_ends_ms: list[int] = field(default_factory=list)

    def add_words(self, text: str, marks: Sequence[WordMark]) -> None:
        """Text as the engine gives it, with the marks of its words when it knows them."""
        self.text += text
        self.segment.marks.extend(marks)
        self.question_ends_ms += [mark.end_ms for mark in marks if mark.text.rstrip().endswith("?")]

    def stop_at(self, fine_text: str, until_ms: int) -> None:
        """No more of it than this will be heard, whatever the engine meant to say."""
        self.is_stopped = True
        self.text = fine_text
        self.segment.marks[:] = [mark for mark in self.segment.marks if mark.end_ms <= until_ms]

    def marks(self, rate_hz: int) -> Sequence[WordMark]:
        segment = self.segment
        if segment.marks or not self.text:
            return segment.marks
        received_ms = segment.received_samples * 1000 // rate_hz
        return estimated_marks(self.text, received_ms, is_complete=segment.is_closed)

    def asks_at(self, played_ms: int, rate_hz: int) -> bool:
        """A question ends about where playing has come to."""
        ends = self.question_ends_ms
        if not ends and self.text.rstrip().endswith("?"):
            ends = [self.segment.received_samples * 1000 // rate_hz]
        return any(-1500 <= end - played_ms <= 1500 or 0 < played_ms - end <= 2500 for end in ends)


@dataclass(frozen=True, slots=True)
class CallerUtterance:
    """One committed item of the caller's, in call time."""

    item_id: str
    text: str
    started_ms: int
    ended_ms: int
    words: tuple[SpokenWord, ...] = ()
    confidence: float | None = None


class Transcript:
    """Numbers the turns of a call in the order in which they ended."""

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._seq = 0

    def agent_turn(
        self, speech: Speech, *, far_end_ms: int, now_ms: int, zero_samples: int
    ) -> Turn | None:
        """The turn of a speech that is over; None when nothing of it was ever said.

        ``zero_samples``: the call clock's zero, in samples of the leg.
        """
        segment = speech.segment
        rate = self._rate_hz
        is_cut = segment.is_flushed and segment.played_samples < segment.received_samples
        played_ms = segment.played_samples * 1000 / rate
        heard_ms = max(played_ms - far_end_ms, 0.0) if is_cut else played_ms
        if speech.started_ms is None:
            return None

        def clock_ms(ms: int) -> int:
            samples = segment.clock_of(ms * rate // 1000)
            return ms + (speech.started_ms or 0) if samples is None else _ms(samples)

        def _ms(samples: int) -> int:
            return (samples - zero_samples) * 1000 // rate

        words = account(
            speech.marks(rate),
            sent_ms=segment.written_samples * 1000 / rate,
            # Marks may end a rounding error behind the audio; a line that was played was heard.
            heard_ms=heard_ms if is_cut else float("inf"),
            is_cut=is_cut,
            clock_ms=clock_ms,
        )
        ended_ms = clock_ms(int(played_ms)) if segment.played_samples else now_ms
        return self._number(
            speaker=Speaker.AGENT,
            kind=speech.kind,
            text=heard_text(speech.text, words) if words else ("" if is_cut else speech.text),
            started_ms=speech.started_ms,
            ended_ms=max(ended_ms, speech.started_ms),
            generated_text=speech.text,
            is_interrupted=is_cut,
            words=words,
            step=speech.step,
            response_ms=speech.response_ms,
            stop_to_silence_ms=speech.stop_to_silence_ms if is_cut else None,
        )

    def caller_turn(self, utterance: CallerUtterance, kind: TurnKind, step: str) -> Turn:
        return self._number(
            speaker=Speaker.CALLER,
            kind=kind,
            text=utterance.text,
            started_ms=utterance.started_ms,
            ended_ms=utterance.ended_ms,
            words=utterance.words,
            confidence=utterance.confidence,
            step=step,
        )

    def digits_turn(self, digits: str, started_ms: int, ended_ms: int, step: str) -> Turn:
        return self._number(
            speaker=Speaker.CALLER,
            kind=TurnKind.DIGITS,
            text=digits,
            started_ms=started_ms,
            ended_ms=ended_ms,
            step=step,
        )

    def _number(self, **fields: object) -> Turn:
        self._seq += 1
        return Turn(turn_id=new_turn_id(), seq=self._seq, **fields)  # type: ignore[arg-type]
