"""Which of two searches to believe, and how far: pure.

Measured on telephone audio (notes behind this package): where the n-gram and the grammar search say
the same, declared phrases are right in 99 of 100 turns and open chatter agrees in 1 of 42. The
n-gram's posterior separates the rest: 0.005 rejects 88 % of chatter at the price of 5 % of speech.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from trunkline.model.cascade.heard import Heard

SURE: Final = 0.95
SAME_MEANING: Final = 0.85
HEARD_TWICE: Final = 0.75
"""Doubtful by itself, but another hearing of the turn means the same."""
HEARD_LATE: Final = 0.65
"""Both searches agree, but only in a second hearing of a turn that was rejected in the first."""
DOUBTFUL: Final = 0.5
BARELY: Final = 0.45
"""Both searches mean the same, in unlike words and with little likelihood."""
FAINT: Final = 0.4
GUESSED: Final = 0.35
"""The likeliest meaning where no hearing is believed: worth asking about."""
REJECTED: Final = 0.1
ACCEPT_FROM: Final = 0.7
"""At or above it a caller need not be asked again."""

_MIN_PROBABILITY: Final = 0.002
_MIN_LIKENESS: Final = 0.6
_MIN_OTHER_LIKENESS: Final = 0.8
_HESITATIONS: Final = frozenset({"um", "uh", "er", "ah"})
_NOISES: Final = _HESITATIONS | {"well", "okay", "please", "thanks"}


class Does(Enum):
    ANSWER = auto()  # yes or no to what was read back
    FILL = auto()  # the slot that was asked for
    WISH = auto()  # one of the declared intents


@dataclass(frozen=True, slots=True)
class Meant:
    """What a text would do in this turn; two texts that mean the same compare equal."""

    does: Does
    what: str


Meaning = Callable[[str], Meant | None]


@dataclass(frozen=True, slots=True)
class Judgement:
    heard: Heard
    confidence: float
    is_rejected: bool = False
    alternatives: tuple[str, ...] = ()


def agree(ngram: Heard, grammar: Heard) -> bool:
    """Both heard the same words, hesitations aside."""
    return bool(ngram.text or grammar.text) and _bare(ngram.text) == _bare(grammar.text)


def judge(ngram: Heard, grammar: Heard, meaning: Meaning) -> Judgement:
    """The text to act on. A rejected one keeps the n-gram's words, for the transcript."""
    others = _alternatives(ngram, grammar)
    if not ngram.text and not grammar.text:
        return Judgement(Heard(), 0.0, is_rejected=True)
    if _HESITATIONS.issuperset(f"{ngram.text} {grammar.text}".split()):
        return Judgement(ngram, REJECTED, is_rejected=True)  # a breath, or somebody thinking
    if agree(ngram, grammar):
        return Judgement(ngram if ngram.text else grammar, SURE, alternatives=others)
    said, constrained = meaning(ngram.text), meaning(grammar.text)
    likeness = word_likeness(ngram.text.split(), grammar.text.split())
    is_clear = ngram.probability >= _MIN_PROBABILITY
    if said is not None and said == constrained:
        # Chatter too finds a declared word in both searches, but hardly the same words around it.
        signs = int(is_clear) + int(likeness >= _MIN_LIKENESS)
        confidence = (BARELY, DOUBTFUL, SAME_MEANING)[signs]
        return Judgement(ngram, confidence, alternatives=others)
    if said is None and constrained is not None and likeness >= _MIN_LIKENESS:
        return Judgement(grammar, DOUBTFUL, alternatives=(ngram.text, *others))
    rescued = _other_reading(ngram, grammar, meaning) if said is None else None
    if rescued is not None:
        return Judgement(rescued, DOUBTFUL, alternatives=(ngram.text, *others))
    if is_clear and ngram.text:
        return Judgement(ngram, DOUBTFUL if said is not None else FAINT, alternatives=others)
    if constrained is not None and likeness >= _MIN_LIKENESS:
        return Judgement(grammar, FAINT, alternatives=(ngram.text, *others))
    return Judgement(ngram, REJECTED, is_rejected=True, alternatives=others)


def judge_general(heard: Heard) -> Judgement:
    """One search with the general model: there is no second opinion, and it is often wrong."""
    if not heard.text:
        return Judgement(Heard(), 0.0, is_rejected=True)
    return Judgement(heard, max(FAINT, min(0.8, heard.probability)), alternatives=heard.others)


def _other_reading(ngram: Heard, grammar: Heard, meaning: Meaning) -> Heard | None:
    """The first of the n-gram's next best that fills the slot where neither best text does.

    A check digit makes that a good guess: one wrong number in ten passes. Only a little may differ
    from what was heard, and it is read back in any case.
    """
    if not ngram.text or meaning(grammar.text) is not None:
        return None
    for text in ngram.others:
        meant = meaning(text)
        is_value = meant is not None and meant.does is Does.FILL
        if is_value and word_likeness(text.split(), ngram.text.split()) >= _MIN_OTHER_LIKENESS:
            return Heard(text, ngram.probability)
    return None


def _bare(text: str) -> tuple[str, ...]:
    return tuple(word for word in text.split() if word not in _NOISES)


def _alternatives(ngram: Heard, grammar: Heard) -> tuple[str, ...]:
    texts = dict.fromkeys((grammar.text, *ngram.others))
    return tuple(text for text in texts if text and text != ngram.text)


def word_likeness(a: Sequence[str], b: Sequence[str]) -> float:
    """1 less the edit distance in words over the longer one."""
    longest = max(len(a), len(b))
    if not longest:
        return 0.0
    row = list(range(len(b) + 1))
    for i, word in enumerate(a, 1):
        before, row[0] = row[0], i
        for j, other in enumerate(b, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (word != other))
    return 1.0 - row[-1] / longest
