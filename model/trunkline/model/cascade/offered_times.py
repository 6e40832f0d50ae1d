"""Which of the times that were offered a caller chose: "the second one", "the last one, please".

The offer is whatever the agent said before the answer ("nine thirty, eleven o'clock and a quarter
past three"). Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import time
from typing import Final

from trunkline.domain.spoken.times import parse_time
from trunkline.domain.spoken.words import FILLERS, spoken_words

WHICH: Final[Mapping[str, int]] = {
    "first": 0, "second": 1, "third": 2, "fourth": 3, "last": -1,
    "earliest": 0, "earlier": 0, "latest": -1, "later": -1, "middle": 1,
}  # fmt: skip
_AROUND: Final = FILLERS | {
    "one", "time", "at", "with", "go", "i'll", "could", "how", "of", "works", "for", "me", "fine",
    "good", "great", "if", "possible",
}  # fmt: skip
_PARTS: Final = re.compile(r"[,;?!]|[.:](?!\d)|\bor\b|\band\b|\bhas\b|\bhave\b|\bat\b|\bis\b", re.I)
_LONGEST: Final = 6
_LEAST_WORDS: Final = 2  # "one" and "free at two" are no offers


def chosen_time(said: str, offer: str) -> str | None:
    """The time in words that the parser reads, or None when none was chosen so."""
    words = [word for word in spoken_words(said) if word not in _AROUND]
    if len(words) != 1 or words[0] not in WHICH:
        return None
    times = offered(offer)
    place = WHICH[words[0]]
    if len(times) < 2 or place >= len(times):
        return None
    if words[0] == "middle" and len(times) != 3:
        return None
    return f"{times[place]:%H:%M}"


def offered(text: str) -> Sequence[time]:
    """The times that ``text`` names, each once, in its order."""
    found: dict[time, None] = {}
    for part in _PARTS.split(text):
        words = part.split()[-_LONGEST:]
        for start in range(len(words)):
            stretch = " ".join(words[start:])
            named = parse_time(stretch)
            if named and (len(words) - start >= _LEAST_WORDS or re.search(r"\d|noon", stretch)):
                found[named] = None
                break
    return tuple(found)
