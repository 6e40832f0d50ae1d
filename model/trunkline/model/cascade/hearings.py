"""What a turn's hearings come to: one judgement, and that as the engine's event. Pure.

A turn is heard while it is spoken, and when its two searches disagree once or twice more as a
whole: as it came, and with its noise suppressed (``asr_worker``). Each hearing is judged by itself
(``triage``); here they are weighed against each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from trunkline.domain.audio import WordMark
from trunkline.domain.spoken.numerals import DIGIT_WORDS
from trunkline.model.cascade.asr_wire import heard_from_json
from trunkline.model.cascade.grammar_votes import outvoted
from trunkline.model.cascade.guesses import guessed
from trunkline.model.cascade.heard import Heard, HeardWord
from trunkline.model.cascade.triage import (
    DOUBTFUL,
    FAINT,
    HEARD_LATE,
    HEARD_TWICE,
    SURE,
    Judgement,
    Meaning,
    Meant,
    judge,
    judge_general,
)
from trunkline.model.engine import Transcribed

_PAUSE_MS: Final = 220
"""Between two digits: the caller begins another group of the number."""
_DIGITS: Final = frozenset({*DIGIT_WORDS, "oh", "double", "triple"})


def judgement_of(final: Mapping[str, Any], meaning: Meaning) -> Judgement:
    """What is believed of a turn's hearings, the streamed one first."""
    hearings = [
        (heard_from_json(ngram), heard_from_json(grammar) if grammar is not None else None)
        for ngram, grammar in final["hearings"]
    ]
    believed = weigh([_judged(ngram, grammar, meaning) for ngram, grammar in hearings], meaning)
    instead = outvoted(believed, hearings, meaning)
    if instead is not None:
        return instead
    is_understood = believed.confidence > FAINT and meaning(believed.heard.text) is not None
    if is_understood or all(grammar is None for _, grammar in hearings):
        return believed
    return guessed(hearings, meaning) or believed


def _judged(ngram: Heard, grammar: Heard | None, meaning: Meaning) -> Judgement:
    return judge_general(ngram) if grammar is None else judge(ngram, grammar, meaning)


def weigh(judgements: Sequence[Judgement], meaning: Meaning) -> Judgement:
    """The meaning that most hearings support, no surer than they are together.

    One that both searches of a hearing agree on wins, unless another hearing is as sure of
    something else. Where the stream was rejected a later agreement is asked about: chatter gets a
    chance to be mistaken in every hearing.
    """
    # The later hearings know the line better; the first wins only by being surer.
    best = max(reversed(judgements), key=lambda each: each.confidence)
    if len(judgements) == 1:
        return best
    meant = [meaning(each.heard.text) if not each.is_rejected else None for each in judgements]
    sure = {m for each, m in zip(judgements, meant, strict=True) if each.confidence >= SURE}
    if len(sure) > 1:
        return replace(best, confidence=DOUBTFUL)
    if sure:
        was_rejected = judgements[0].is_rejected
        return replace(best, confidence=HEARD_LATE) if was_rejected else best
    support: dict[Meant, float] = {}
    for each, what in zip(judgements, meant, strict=True):
        if what is not None:
            support[what] = support.get(what, 0.0) + each.confidence
    if not support:
        return best
    likeliest = max(support, key=lambda what: support[what])
    votes = [j for j, what in zip(judgements, meant, strict=True) if what == likeliest]
    chosen = max(reversed(votes), key=lambda each: each.confidence)
    if len(votes) > 1 and DOUBTFUL <= chosen.confidence < HEARD_TWICE:
        return replace(chosen, confidence=HEARD_TWICE)
    return chosen


def transcribed(item_id: str, judgement: Judgement) -> Transcribed:
    """Digits that were said in groups stand in groups, with a comma after each but the last."""
    words = judgement.heard.words
    return Transcribed(
        item_id,
        grouped_text(judgement.heard.text, words),
        confidence=round(judgement.confidence, 3),
        is_rejected=judgement.is_rejected,
        words=tuple(WordMark(word.text, word.start_ms, word.end_ms) for word in words),
        alternatives=judgement.alternatives,
        # A word of the grammar search is as sure as the whole.
        word_probabilities=tuple(
            judgement.confidence if word.probability is None else word.probability for word in words
        ),
    )


def grouped_text(text: str, words: Sequence[HeardWord]) -> str:
    """``text`` with commas where the caller paused between two digits."""
    if not words or " ".join(word.text for word in words) != text:
        return text  # the words are not the text's own: nothing is known of its pauses
    pieces = []
    for word, following in zip(words, [*words[1:], None], strict=True):
        is_group_end = (
            following is not None
            and following.start_ms - word.end_ms >= _PAUSE_MS
            and word.text in _DIGITS
            and following.text in _DIGITS
        )
        pieces.append(f"{word.text}," if is_group_end else word.text)
    return " ".join(pieces)
