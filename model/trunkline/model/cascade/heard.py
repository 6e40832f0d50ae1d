"""What one search heard; plain values that cross from the recogniser process."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HeardWord:
    """A word and where it lies in the turn's audio."""

    text: str
    start_ms: int
    end_ms: int
    probability: float | None = None  # by the lattice; a grammar search has none


@dataclass(frozen=True, slots=True)
class Heard:
    """``probability``: the posterior of the whole text by the search's own lattice, 0 to 1."""

    text: str = ""
    probability: float = 0.0
    words: tuple[HeardWord, ...] = ()
    others: tuple[str, ...] = ()
