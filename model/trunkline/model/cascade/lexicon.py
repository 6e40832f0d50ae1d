"""Words and their pronunciations: CMUdict first, then espeak-ng for what it lacks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final

from trunkline.domain.spoken.phones import is_phones
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

    def look_up(
        self, words: Iterable[str], told: Mapping[str, Sequence[str]] = MappingProxyType({})
    ) -> dict[str, tuple[str, ...]]:
        """Word to its pronunciations; a word nobody can pronounce is missing.

        ``told``: how the flow says that words are said, in phones or in words that sound alike; the
        dictionary's own ways stay beside it, guesses do not.
        """
        wanted = set(words)
        ways = {word: self._told(told[word]) for word in wanted & set(told)}
        found = self._look_up(sorted(word for word in wanted if not ways.get(word)))
        for word, phones in ways.items():
            if phones:
                found[word] = tuple(dict.fromkeys((*phones, *self._known.get(word, ()))))
        return found

    def guesses(self, words: Iterable[str]) -> frozenset[str]:
        """Those that are not in the dictionary."""
        return frozenset(words) - self._known.keys()

    def _told(self, ways: Sequence[str]) -> tuple[str, ...]:
        return tuple(phones for way in ways if (phones := self._phones(way)))

    def _phones(self, way: str) -> str:
        """Of what sounds alike, the first way of saying each word; empty when one is unknown."""
        if is_phones(way):
            return way
        parts = way.split()
        said = self._look_up(sorted(set(parts)))
        return " ".join(said[part][0] for part in parts) if said.keys() >= set(parts) else ""

    def _look_up(self, wanted: Sequence[str]) -> dict[str, tuple[str, ...]]:
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
