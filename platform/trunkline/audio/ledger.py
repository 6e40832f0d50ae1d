"""The heard-truth ledger: what became of every word that the agent was going to say.

Conversation history, transcript and audit all read this one account. Pure; times come in and go out
in milliseconds, counted in samples by the playout queue.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

from trunkline.domain.audio import WordMark
from trunkline.domain.turn import SpokenWord, WordFate

# Telephone speech runs at about 15 characters a second; used only until the audio is complete.
_MS_PER_CHARACTER: Final = 65
# Jitter buffer and playout of an ordinary telephone, beyond half the round trip.
_FAR_END_BUFFER_MS: Final = 40


def far_end_ms(rtt_ms: float) -> int:
    """How long what we played takes to be heard at the far end."""
    return round(max(rtt_ms, 0.0) / 2) + _FAR_END_BUFFER_MS


def account(
    marks: Sequence[WordMark],
    *,
    sent_ms: float,
    heard_ms: float,
    is_cut: bool,
    clock_ms: Callable[[int], int],
) -> tuple[SpokenWord, ...]:
    """The words of one segment with their fates.

    ``sent_ms`` and ``heard_ms`` are how much of the segment was written to the ring, and how much
    the caller has heard; ``clock_ms`` puts a time of the segment on the call's clock.
    """
    return tuple(
        SpokenWord(
            text=mark.text,
            start_ms=clock_ms(mark.start_ms),
            end_ms=clock_ms(mark.end_ms),
            fate=_fate(mark, sent_ms, heard_ms, is_cut),
            is_estimated=mark.is_estimated,
        )
        for mark in marks
    )


def _fate(mark: WordMark, sent_ms: float, heard_ms: float, is_cut: bool) -> WordFate:
    if mark.end_ms <= heard_ms:
        return WordFate.HEARD
    if mark.start_ms >= sent_ms:
        return WordFate.GENERATED
    return WordFate.CUT if is_cut else WordFate.SENT


def estimated_marks(text: str, received_ms: int, *, is_complete: bool) -> list[WordMark]:
    """Marks for an engine that gives no word times: its text spread over its audio by length."""
    words = text.split()
    weights = [len(word) + 1 for word in words]
    total = sum(weights)
    if total == 0:
        return []
    span_ms = received_ms if is_complete else max(received_ms, total * _MS_PER_CHARACTER)
    marks = []
    seen = 0
    for word, weight in zip(words, weights, strict=True):
        start = seen * span_ms // total
        seen += weight
        marks.append(WordMark(word, start, seen * span_ms // total, is_estimated=True))
    return marks


def heard_text(text: str, words: Sequence[SpokenWord]) -> str:
    """As much of ``text`` as was heard, in its own spelling.

    The engine's words may be spelled as they are spoken ("one hundred" for ``100``): then the words
    themselves are given.
    """
    heard = sum(word.fate is WordFate.HEARD for word in words)
    if heard == len(words):
        return text if words else ""
    written = text.split()
    spoken = [word.text for word in words]
    if len(written) == len(spoken) and all(map(_same, written, spoken)):
        return " ".join(written[:heard])
    return " ".join(word.text for word in words if word.fate is WordFate.HEARD)


def _same(written: str, spoken: str) -> bool:
    return _bare(written) == _bare(spoken)


def _bare(word: str) -> str:
    return re.sub(r"[^\w']", "", word).casefold()
