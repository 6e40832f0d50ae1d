"""A trigram model of what is expected, mixed with everyday English, in ARPA's format. Pure."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from trunkline.model.cascade.everyday import EverydayEnglish

# What is kept back for unseen pairs of words; 0.5 lets chatter into digit strings (digits 52 %
# against 58 % right, eight voices on a telephone line).
_DISCOUNT: Final = 0.1
_BEGIN, _END = "<s>", "</s>"
# A word that was counted less often tells less about what follows than everyday English does.
_FEW: Final = 3.0
_LEAST: Final = 1e-7
_NEVER_LOG10: Final = -99.0


class Trigrams:
    """``share``: of everyday English, 0 to 1."""

    def __init__(
        self, sentences: Iterable[str], everyday: EverydayEnglish | None = None, share: float = 0.0
    ) -> None:
        self._share = share if everyday else 0.0
        ones: Counter[str] = Counter()
        twos: dict[str, Counter[str]] = defaultdict(Counter)
        threes: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        for line in sentences:
            words = (_BEGIN, *line.split(), _END)
            ones.update(words[1:])
            for first, second in zip(words, words[1:], strict=False):
                twos[first][second] += 1
            for first, second, third in zip(words, words[1:], words[2:], strict=False):
                threes[first, second][third] += 1
        self.ones = self._mixed_ones(ones, everyday)
        general: Mapping[str, Mapping[str, float]] = everyday.pairs if everyday else {}
        self.twos: dict[str, dict[str, float]] = {}
        self.back: dict[str, float] = {}
        for first in {**twos, **general}:
            self.twos[first] = self._mixed_twos(first, twos[first], general.get(first, {}))
            below = sum(self.ones.get(word, 0.0) for word in self.twos[first])
            self.back[first] = _left(self.twos[first]) / max(1 - below, _LEAST)
        self.threes: dict[tuple[str, str], dict[str, float]] = {}
        self.back_two: dict[tuple[str, str], float] = {}
        for pair, counts in threes.items():
            mixed = self._mixed_threes(pair, counts)
            self.threes[pair] = mixed
            below = sum(self.after(pair[1], word) for word in mixed)
            self.back_two[pair] = _left(mixed) / max(1 - below, _LEAST)

    def after(self, first: str, second: str) -> float:
        """The probability of ``second`` after ``first``."""
        known = self.twos.get(first, {}).get(second)
        return self.back.get(first, 1.0) * self.ones[second] if known is None else known

    def _mixed_ones(
        self, counts: Counter[str], everyday: EverydayEnglish | None
    ) -> dict[str, float]:
        total = counts.total()
        mixed = {word: (1 - self._share) * count / total for word, count in counts.items()}
        general = everyday.alone if everyday and self._share else {}
        whole = sum(general.values())
        for word, probability in general.items():
            mixed[word] = mixed.get(word, 0.0) + self._share * probability / whole
        return mixed

    def _mixed_twos(
        self, first: str, counts: Counter[str], general: Mapping[str, float]
    ) -> dict[str, float]:
        total = counts.total()
        own = (1 - self._share) * (total / (total + _FEW * self._share)) if total else 0.0
        mixed = {word: own * (1 - _DISCOUNT) * count / total for word, count in counts.items()}
        for word, probability in general.items() if self._share else ():
            mixed[word] = mixed.get(word, 0.0) + (1 - own) * probability
        return mixed

    def _mixed_threes(self, pair: tuple[str, str], counts: Counter[str]) -> dict[str, float]:
        total = counts.total()
        own = (1 - self._share) * (total / (total + _FEW * self._share))
        return {
            word: own * (1 - _DISCOUNT) * count / total
            + ((1 - own) * self.after(pair[1], word) if self._share else 0.0)
            for word, count in counts.items()
        }

    def arpa(self) -> Iterator[str]:
        """Lines of the file."""
        yield "\\data\\"
        yield f"ngram 1={len(self.ones) + 1}"
        yield f"ngram 2={sum(map(len, self.twos.values()))}"
        yield f"ngram 3={sum(map(len, self.threes.values()))}"
        yield "\n\\1-grams:"
        for word, value in sorted({**self.ones, _BEGIN: 0.0}.items()):
            log10 = _log10(value) if value else _NEVER_LOG10
            yield f"{log10:.4f} {word} {_log10(self.back.get(word, 1.0)):.4f}"
        yield "\n\\2-grams:"
        for first, seconds in sorted(self.twos.items()):
            for word, value in sorted(seconds.items()):
                back = _log10(self.back_two.get((first, word), 1.0))
                yield f"{_log10(value):.4f} {first} {word} {back:.4f}"
        yield "\n\\3-grams:"
        for pair, thirds in sorted(self.threes.items()):
            for word, value in sorted(thirds.items()):
                yield f"{_log10(value):.4f} {pair[0]} {pair[1]} {word}"
        yield "\n\\end\\"


def _left(probabilities: Mapping[str, float]) -> float:
    return max(1 - sum(probabilities.values()), _LEAST)


def _log10(value: float) -> float:
    return math.log10(max(value, _LEAST * _LEAST))
