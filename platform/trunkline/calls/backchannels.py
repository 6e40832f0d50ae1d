"""Word classes: what a few words said over the agent are worth.

A backchannel ("uh huh") keeps the agent talking; an answer ("yes", "okay") does so too, unless a
question was just asked; particles ("for my") are what a recogniser hears in either, and take the
floor only when the speech is long; anything else takes it. Pure; English, a table per language.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import IntEnum
from functools import lru_cache
from types import MappingProxyType
from typing import Final


class WordClass(IntEnum):
    """In rising order of weight: a text is as heavy as its heaviest word."""

    NOTHING = 0
    FILLER = 1  # hesitation: says that more may come
    PARTICLE = 2  # means nothing alone: a word begun, or a murmur misheard
    BACKCHANNEL = 3  # "go on, I am here"
    ANSWER = 4  # agreement: an answer after a question, a backchannel otherwise
    CONTENT = 5


_PARTICLES: Final = (
    "a", "an", "the", "i", "i'm", "i'd", "i've", "i'll", "it", "it's", "its", "is", "was", "be",
    "been", "am", "are", "to", "of", "for", "and", "or", "as", "at", "in", "on", "by", "my",
    "your", "his", "her", "he", "she", "we", "they", "them", "this", "that", "that's", "these",
    "have", "has", "had", "did", "do", "with", "from",
)  # fmt: skip
_PHRASES: Final[Mapping[str, Mapping[WordClass, tuple[str, ...]]]] = {
    "en": {
        WordClass.FILLER: ("um", "umm", "uh", "uhm", "er", "erm", "ah", "eh", "hm", "hmm", "mm"),
        WordClass.PARTICLE: _PARTICLES,
        WordClass.BACKCHANNEL: (
            "uh huh",
            "uhhuh",
            "mm hmm",
            "mm hm",
            "mhm",
            "mmhm",
            "hm mm",
            "oh",
            "aha",
            "ah ha",
            "i see",
            "go on",
            "got it",
            "gotcha",
            "i understand",
            "understood",
            "oh okay",
            "oh i see",
        ),
        WordClass.ANSWER: (
            "yes",
            "yeah",
            "yep",
            "yup",
            "ya",
            "okay",
            "ok",
            "right",
            "alright",
            "all right",
            "sure",
            "fine",
            "correct",
            "exactly",
            "absolutely",
            "of course",
            "good",
            "great",
            "perfect",
            "cool",
            "thanks",
            "thank you",
            "that's right",
        ),
    }
}
# What a recogniser is told to expect over the agent besides the flow's own phrases: what lets it
# go on, and what stops it.
_KEYWORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "en": (
        "uh huh",
        "mm hmm",
        "mhm",
        "yeah",
        "yep",
        "okay",
        "right",
        "i see",
        "go on",
        "got it",
        "stop",
        "wait",
        "hold on",
    )
}
_NOT_WORD: Final = re.compile(r"[^\w' ]+")


def _by_length(language: str) -> Mapping[int, Mapping[tuple[str, ...], WordClass]]:
    table: dict[int, dict[tuple[str, ...], WordClass]] = {}
    for word_class, phrases in _PHRASES[language].items():
        for phrase in phrases:
            words = tuple(phrase.split())
            table.setdefault(len(words), {})[words] = word_class
    return MappingProxyType(dict(sorted(table.items(), reverse=True)))


_TABLES: Final = {language: _by_length(language) for language in _PHRASES}


def keywords(language: str = "en") -> tuple[str, ...]:
    """What is said over an agent, for the session's transcription keywords."""
    return _KEYWORDS.get(language.partition("-")[0].casefold(), ())


@lru_cache(maxsize=512)
def classify(text: str, language: str = "en") -> WordClass:
    """The class of a whole transcript, longest phrases first; an unknown language knows nothing
    but content, so that there every word takes the floor."""
    words = tuple(_NOT_WORD.sub(" ", text.casefold().replace("-", " ")).split())
    table = _TABLES.get(language.partition("-")[0].casefold())
    if table is None:
        return WordClass.CONTENT if words else WordClass.NOTHING
    heaviest = WordClass.NOTHING
    at = 0
    while at < len(words):
        for length, phrases in table.items():
            found = phrases.get(words[at : at + length])
            if found is not None:
                heaviest = max(heaviest, found)
                at += length
                break
        else:
            return WordClass.CONTENT
    return heaviest
