"""Words and their pronunciations: CMUdict first, then espeak-ng for what it lacks."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from trunkline.model.cascade.g2p import pronounce

_VARIANT: Final = re.compile(r"\(\d+\)$")


class Lexicon:
    """The dictionary of the acoustic model, and a cache of guessed pronunciations."""

    def __init__(self, dictionary: Path) -> None:
        self._known: dict[str, tuple[str, ...]] = {}
        self._guessed: dict[str, tuple[str, ...]] = {}
        with dictionary.open(encoding="utf-8") as lines:
            for line in lines:
                word, _, phones = line.rstrip().partition(" ")
                word = _VARIANT.sub("", word)
                self._known[word] = (*self._known.get(word, ()), phones.strip())

    def look_up(self, words: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """Word to its pronunciations; a word nobody can pronounce is missing."""
        wanted = sorted(set(words))
        unknown = [w for w in wanted if w not in self._known and w not in self._guessed]
        for word, phones in pronounce(unknown).items():
            self._guessed[word] = (phones,)
        found = {word: self._known.get(word) or self._guessed.get(word, ()) for word in wanted}
        return {word: phones for word, phones in found.items() if phones}


def dictionary_text(pronunciations: dict[str, tuple[str, ...]]) -> str:
    """In the form pocketsphinx reads: ``word(2) PH ON ES``."""
    lines = []
    for word, variants in sorted(pronunciations.items()):
        for number, phones in enumerate(variants, 1):
            lines.append(f"{word}{f'({number})' if number > 1 else ''} {phones}")
    return "\n".join(lines) + "\n"
