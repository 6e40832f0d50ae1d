"""What is told of a turn that was understood, as events."""

from __future__ import annotations

from math import log
from typing import Final

from trunkline.model.engine import Transcribed
from trunkline.realtime import server_events as ev
from trunkline.realtime.items import WordTime

_LEAST_PROBABILITY: Final = 1e-9


def transcription_events(
    event: Transcribed, seconds: float, *, wants_logprobs: bool
) -> list[ev.ServerEvent]:
    """``seconds``: of audio that was understood, for which it is charged."""
    events: list[ev.ServerEvent] = []
    if event.text:
        events.append(ev.TranscriptionDelta(item_id=event.item_id, delta=event.text))
    events.append(
        ev.TranscriptionCompleted(
            item_id=event.item_id,
            transcript=event.text,
            usage=ev.TranscriptionUsage(seconds=seconds),
            logprobs=_logprobs(event) if wants_logprobs else None,
            x_confidence=event.confidence,
            x_rejected=event.is_rejected,
            x_words=tuple(WordTime.of(word) for word in event.words) or None,
            x_alternatives=event.alternatives or None,
        )
    )
    return events


def _logprobs(event: Transcribed) -> tuple[ev.TokenLogprob, ...]:
    return tuple(
        ev.TokenLogprob(
            token=word.text,
            logprob=round(log(max(probability, _LEAST_PROBABILITY)), 4),
            bytes=tuple(word.text.encode()),
        )
        for word, probability in zip(event.words, event.word_probabilities, strict=False)
    )
