"""Text to speakable chunks: the first one short, so that the first audio comes early."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final

_WORD: Final = re.compile(r"\S+")
_SENTENCE_END: Final = re.compile(r"[.!?\u2026][\"')\]\u201d\u2019]*$")
_CLAUSE_END: Final = re.compile(r"[,;:\u2013\u2014][\"')\]\u201d\u2019]*$")
_ABBREVIATIONS: Final = frozenset(
    {"mr.", "mrs.", "ms.", "dr.", "st.", "e.g.", "i.e.", "vs.", "no.", "a.m.", "p.m.", "approx."}
)
# Below this a first clause is no gain: the voice needs about 3 ms for each second it speaks.
_FIRST_CLAUSE_CHARS: Final = 24
# A sentence of this length is cut at its clauses even later on, to bound what a cancel wastes.
_LONG_CHARS: Final = 160
_HARD_LIMIT_CHARS: Final = 400


class Break(Enum):
    """How a chunk ends; each has its own pause."""

    CLAUSE = 140
    SENTENCE = 320
    END = 0

    @property
    def pause_ms(self) -> int:
        return self.value


@dataclass(frozen=True, slots=True)
class Chunk:
    """A stretch ``[start, end)`` of the text: whole words and the white space after them."""

    start: int
    end: int
    ends_with: Break


def split_text(text: str) -> Iterator[Chunk]:
    """The chunks cover ``text`` without gap or overlap; a text without words has none."""
    words = list(_WORD.finditer(text))
    start = 0
    for index, word in enumerate(words):
        is_last = index == len(words) - 1
        end = len(text) if is_last else words[index + 1].start()
        if is_last:
            yield Chunk(start, end, Break.END)
            return
        ends_with = _break_after(word[0], words[index + 1][0])
        length = word.end() - start
        threshold = _FIRST_CLAUSE_CHARS if start == 0 else _LONG_CHARS
        wants = ends_with is Break.SENTENCE or (ends_with is Break.CLAUSE and length >= threshold)
        if wants or length >= _HARD_LIMIT_CHARS:
            yield Chunk(start, end, ends_with or Break.CLAUSE)
            start = end


def _break_after(word: str, following: str) -> Break | None:
    if _SENTENCE_END.search(word):
        lowered = word.lower()
        if lowered in _ABBREVIATIONS and not (lowered.endswith("m.") and following[:1].isupper()):
            return None
        if len(word) == 2 and word[0].isupper():
            return None  # an initial: "J. Smith"
        return Break.SENTENCE
    return Break.CLAUSE if _CLAUSE_END.search(word) else None
