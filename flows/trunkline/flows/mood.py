"""How a caller seems to feel, by the words they use: a small signed lexicon and a sum that fades.

English only, and no more than words: what is not in the list weighs nothing. Every score tells
which words made it, so that whoever is called can judge for themselves.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

FADES: Final = 0.7
"""What is left of the sum at the caller's next turn."""
MOST_A_TURN: Final = 6.0

_WORD: Final = re.compile(r"[a-z]+(?:'[a-z]+)?")
_SCORES: Final = {
    -3: "furious disgusting disgraceful outrageous scandal scandalous pathetic scam fraud hate "
        "appalling idiots idiot liars useless incompetent criminal shameful nightmare sickening",
    -2: "angry terrible awful horrible ridiculous unacceptable worst complaint complain absurd "
        "rubbish nonsense joke insane livid lied lying cheated unfair rude mad shocking hopeless "
        "sick livid stupid damn upset crying desperate hell",
    -1: "annoyed annoying frustrated frustrating disappointed disappointing bad wrong again still "
        "waiting waited late problem confusing confused worried slow unhappy useless tired broken "
        "already nobody",
    1: "okay fine good nice helpful better sorted clear quick sure",
    2: "great thanks thank happy perfect lovely brilliant wonderful excellent appreciate pleased",
    3: "amazing fantastic delighted superb",
}  # fmt: skip
LEXICON: Final[Mapping[str, float]] = MappingProxyType(
    {word: float(score) for score, words in _SCORES.items() for word in words.split()}
)
_PHRASES: Final[Mapping[str, float]] = MappingProxyType(
    {
        "fed up": -3.0, "sick of": -2.0, "sick and tired": -3.0, "waste of time": -3.0,
        "how many times": -2.0, "what is wrong with you": -3.0, "not good enough": -3.0,
        "this is a joke": -3.0, "had enough": -3.0, "no one helps": -2.0, "makes me": -1.0,
        "no thank you": 0.0, "no thanks": 0.0,
    }
)  # fmt: skip
_TURNING: Final = frozenset(
    {"not", "no", "never", "hardly", "isn't", "wasn't", "aren't", "don't", "didn't", "doesn't",
     "can't", "couldn't", "won't"}
)  # fmt: skip
_MORE: Final = frozenset({"very", "so", "really", "absolutely", "completely", "totally", "such"})
_REACH: Final = 3  # words behind which "not" and "very" still count
_TURNED: Final = -0.8


@dataclass(frozen=True, slots=True)
class Mood:
    """``score``: 0 is even, below it unhappy. ``words``: what the last turns weighed, signed."""

    score: float = 0.0
    words: tuple[tuple[str, float], ...] = ()

    def after(self, text: str) -> Mood:
        """The mood after the caller's next turn."""
        weighed = weigh(text)
        total = sum(weight for _, weight in weighed)
        total = max(-MOST_A_TURN, min(MOST_A_TURN, total))
        return Mood(round(self.score * FADES + total, 3), (*self.words, *weighed)[-8:])

    def explained(self) -> str:
        """``-5.1: terrible -2, waiting -1``."""
        bad = [f"{word} {weight:g}" for word, weight in self.words if weight < 0]
        return f"{self.score:.1f}" + (f": {', '.join(bad)}" if bad else "")


def weigh(text: str) -> tuple[tuple[str, float], ...]:
    """The words of a text that weigh something, in order, each with its weight as it stands."""
    words = _WORD.findall(text.lower().replace("\u2019", "'"))
    found: list[tuple[int, str, float]] = []
    taken: set[int] = set()
    for phrase, weight in _PHRASES.items():
        parts = phrase.split()
        for at in range(len(words) - len(parts) + 1):
            if words[at : at + len(parts)] == parts and at not in taken:
                taken |= set(range(at, at + len(parts)))
                found.append((at, phrase, weight))
    for at, word in enumerate(words):
        if at in taken or word not in LEXICON:
            continue
        weight, before = LEXICON[word], words[max(0, at - _REACH) : at]
        if any(one in _MORE for one in before):
            weight *= 1.5
        if any(one in _TURNING for one in before):
            weight *= _TURNED
        found.append((at, word, weight))
    return tuple((word, round(weight, 2)) for _, word, weight in sorted(found) if weight)
