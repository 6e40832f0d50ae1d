"""Which declared wish a caller's words express: rare words count, common ones hardly."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from trunkline.domain.spoken.words import spoken_words
from trunkline.model.cascade.tool_annotations import Intent

_COMMON: Final = frozenset({
    "i", "i'd", "i'm", "to", "the", "a", "an", "my", "is", "that", "do", "you", "it", "of", "on",
    "and", "um", "uh", "hi", "hello", "please", "want", "would", "like", "can", "could", "am",
    "be", "so", "well", "me", "need", "what", "what's", "have", "with", "for", "in", "this",
    "some", "get", "yes", "okay", "it's", "let", "are", "will", "just", "at", "your", "tell",
    "know", "about", "calling", "speak", "talk", "how", "does", "there", "thank", "thanks",
})  # fmt: skip
_COMMON_WEIGHT: Final = 0.12
_UNKNOWN_WEIGHT: Final = 0.6
_RECALL, _PRECISION = 0.7, 0.3
THRESHOLD: Final = 0.5
_MARGIN: Final = 0.03


@dataclass(frozen=True, slots=True)
class Match:
    """``score`` 1 is a declared phrase word for word; ``has_rival``: another is as likely."""

    name: str
    score: float
    has_rival: bool = False

    @property
    def is_exact(self) -> bool:
        return self.score >= 1.0


def match_intent(text: str, intents: Sequence[Intent]) -> Match | None:
    """The likeliest intent above the threshold, the first declared of two that are alike."""
    heard = tuple(word for word in spoken_words(text) if word not in ("um", "uh", "er"))
    if not heard or not intents:
        return None
    stems = _stems(heard)
    weights = _weights(intents)
    scores: list[Match] = []
    for intent in intents:
        best = 0.0
        for example in (*intent.examples, intent.label):
            words = spoken_words(example)
            if not words:
                continue
            if words == heard:
                best = 1.0
                break
            best = max(best, min(0.99, _score(_stems(words), stems, weights)))
        scores.append(Match(intent.name, best))
    scores.sort(key=lambda match: -match.score)
    first = scores[0]
    if first.score < THRESHOLD:
        return None
    has_rival = len(scores) > 1 and first.score - scores[1].score < _MARGIN
    return replace(first, has_rival=has_rival and not first.is_exact)


def _score(example: frozenset[str], heard: frozenset[str], weights: dict[str, float]) -> float:
    shared = _mass(example & heard, weights)
    if not shared:
        return 0.0
    recall = shared / _mass(example, weights)
    precision = shared / _mass(heard, weights)
    return recall * _RECALL + precision * _PRECISION


def _mass(stems: frozenset[str], weights: dict[str, float]) -> float:
    return sum(weights.get(stem, _weight_of_unknown(stem)) for stem in stems)


def _weight_of_unknown(stem: str) -> float:
    return _COMMON_WEIGHT if stem in _COMMON_STEMS else _UNKNOWN_WEIGHT


def _weights(intents: Sequence[Intent]) -> dict[str, float]:
    """Inverse document frequency over the intents, each intent one document."""
    counts: Counter[str] = Counter()
    for intent in intents:
        counts.update({s for example in intent.examples for s in _stems(spoken_words(example))})
    total = len(intents) + 1
    return {
        stem: _COMMON_WEIGHT if stem in _COMMON_STEMS else math.log(total / count) + 0.1
        for stem, count in counts.items()
    }


def _stems(words: Sequence[str]) -> frozenset[str]:
    return frozenset(_stem(word) for word in words)


def _stem(word: str) -> str:
    word = word.removesuffix("'s")
    for ending in ("ing", "ed", "es", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)].rstrip("e")
    return word.rstrip("e") if len(word) > 3 else word


_COMMON_STEMS: Final = _stems(tuple(_COMMON))
