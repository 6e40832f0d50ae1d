"""What was said, as plain words: the tokens every spoken-value parser works on."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Final

_APOSTROPHES: Final = str.maketrans({"\u2019": "'", "\u2018": "'", "\u02bc": "'"})
_TOKEN: Final = re.compile(r"\d+(?:st|nd|rd|th)\b|\d+|[a-z]+(?:'[a-z]+)*")

# Said around a value without changing it. "oh" is missing: it is a digit.
FILLERS: Final = frozenset({
    "meant", "said", "sorry", "actually", "um", "uh", "er", "erm", "ah", "hmm", "mm", "well",
    "so", "okay", "ok", "alright", "right", "now", "please", "thanks", "thank", "you", "like",
    "just", "it", "it's", "its", "is", "that", "that's", "this", "i", "i'm", "am", "have", "got",
    "think", "would", "say", "believe", "guess", "my", "the", "a", "be", "will", "should", "yes",
    "yeah", "yep", "sure", "hi", "hello", "sir", "madam", "there", "here", "then", "about",
    "around", "make", "let's", "rather", "take", "better", "can", "could", "we", "do", "i'd",
    "i'll", "want", "need",
})  # fmt: skip


def spoken_words(text: str) -> tuple[str, ...]:
    """Lower-case words without punctuation; numerals and ordinals such as ``3rd`` stay tokens."""
    lowered = text.lower().translate(_APOSTROPHES)
    lowered = re.sub(r"\bo\s*'\s*clock\b|\boclock\b", " o'clock ", lowered)
    lowered = re.sub(r"\b([ap])\.\s?m\b\.?", r" \1m ", lowered)
    return tuple(_TOKEN.findall(lowered))


def without_fillers(
    words: Iterable[str], extra: Collection[str] = (), keep: Collection[str] = ()
) -> tuple[str, ...]:
    """The words that must be accounted for; ``extra`` are a slot's own words ("account number")."""
    return tuple(
        word for word in words if word in keep or (word not in FILLERS and word not in extra)
    )
