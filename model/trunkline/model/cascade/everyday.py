"""Everyday English as an n-gram search counts with it: common words and which follow which.

What is expected of a caller says nothing about the words around it ("yes, call me on this one") nor
about speech that is no answer at all. With these words in the running both are heard as what they
are, where the search would else bend them into the few that were declared.
``benchmarks/everyday_english.py`` takes them out of the recogniser's own general model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

from trunkline.model.cascade.acoustics import DATA

_FILE: Final = DATA / "everyday.txt"


@dataclass(frozen=True, slots=True)
class EverydayEnglish:
    """``alone``: word to probability. ``pairs``: first word to second to its probability then."""

    alone: Mapping[str, float]
    pairs: Mapping[str, Mapping[str, float]]


@cache
def everyday_english() -> EverydayEnglish:
    """1,100 words and 9,000 pairs; 10 ms the first time."""
    alone: dict[str, float] = {}
    pairs: dict[str, dict[str, float]] = {}
    for line in _FILE.read_text(encoding="utf-8").splitlines():
        *words, log10 = line.split()
        if len(words) == 1:
            alone[words[0]] = 10 ** float(log10)
        else:
            pairs.setdefault(words[0], {})[words[1]] = 10 ** float(log10)
    return EverydayEnglish(alone, pairs)
