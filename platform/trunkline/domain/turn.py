"""What was said and what was heard."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from trunkline.domain.ids import TurnId


class Speaker(StrEnum):
    CALLER = "caller"
    AGENT = "agent"


class WordFate(StrEnum):
    """How far an agent's word came (heard-truth ledger)."""

    GENERATED = "generated"  # the engine produced it; no sample was written to the ring
    SENT = "sent"  # some of it was written to the ring
    HEARD = "heard"  # played to its end, less the far-end estimate
    CUT = "cut"  # flushed before its end was heard


@dataclass(frozen=True, slots=True)
class SpokenWord:
    """A word on the call's clock: milliseconds since the answer, counted in samples."""

    text: str
    start_ms: int
    end_ms: int
    fate: WordFate = WordFate.HEARD
    is_estimated: bool = False


class TurnKind(StrEnum):
    SPEECH = "speech"
    BACKCHANNEL = "backchannel"  # caller's "uh huh": heard, not answered
    DIGITS = "digits"  # caller's DTMF
    SAY = "say"  # verbatim flow line
    REPLY = "reply"  # engine's own words
    FILLER = "filler"  # a word to who waits for an engine or a tool: heard, and no answer


@dataclass(frozen=True, slots=True)
class Turn:
    """All that one party says until the floor passes.

    ``text`` is what was heard; ``generated_text`` is what the agent would have said. Times are
    milliseconds since the answer.
    """

    turn_id: TurnId
    seq: int
    speaker: Speaker
    kind: TurnKind
    text: str
    started_ms: int
    ended_ms: int
    generated_text: str = ""
    is_interrupted: bool = False
    words: tuple[SpokenWord, ...] = ()
    confidence: float | None = None
    step: str = ""
    # Receipts of this turn, in milliseconds; absent ones were not measured.
    response_ms: int | None = None  # agent: end of the caller's speech to first agent audio
    stop_to_silence_ms: int | None = None  # interrupted agent turn: onset to the pause
