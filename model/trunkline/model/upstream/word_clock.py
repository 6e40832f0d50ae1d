"""Where the words of a far end's speech lie, when it does not say: estimated by its pace. Pure.

Its transcript runs ahead of its audio, so a word's arrival says nothing about when it is heard.
"""

from __future__ import annotations

import re
from typing import Final

from trunkline.domain.audio import WordMark

CHARS_PER_S: Final = 15.0
_LEARNING: Final = 0.3


class Pace:
    """Characters a second, learnt from finished items; one of an engine's sessions."""

    def __init__(self) -> None:
        self.chars_per_s = CHARS_PER_S

    def learn(self, chars: int, audio_ms: float) -> None:
        if chars >= 10 and audio_ms >= 500:
            found = min(max(chars * 1000 / audio_ms, 5.0), 40.0)
            self.chars_per_s += _LEARNING * (found - self.chars_per_s)


class WordClock:
    """One item's transcript; ``feed`` gives back whole words with their estimated times."""

    def __init__(self, pace: Pace) -> None:
        self._per_s = pace.chars_per_s
        self._held = ""
        self._chars = 0

    def feed(self, delta: str, *, is_last: bool = False) -> tuple[str, tuple[WordMark, ...]]:
        self._held += delta
        # A word is whole once something follows it.
        cut = len(self._held) if is_last else _last_word_start(self._held)
        text, self._held = self._held[:cut], self._held[cut:]
        marks = []
        for word in re.finditer(r"\S+", text):
            start, end = self._chars + word.start(), self._chars + word.end()
            marks.append(
                WordMark(
                    word[0],
                    round(start * 1000 / self._per_s),
                    round(end * 1000 / self._per_s),
                    is_estimated=True,
                )
            )
        self._chars += len(text)
        return text, tuple(marks)


def _last_word_start(text: str) -> int:
    found = re.search(r"\S+$", text)
    if found is None:
        # Blanks at the end belong to the word that follows.
        return len(text.rstrip())
    before = text[: found.start()]
    return len(before.rstrip())
