"""A small linear classifier, one against the rest for each category; numpy only.

Logistic regression over binary features, trained with full batches (Adam, weight decay), so that
the same examples give the same weights. A verdict costs a few dozen look-ups and one sum.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trunkline.domain.errors import ConfigError
from trunkline.flows.guard.features import ConceptIndex, features
from trunkline.flows.guard.pack import Packs, Side, labelled

_ROUNDS: Final = 400
_RATE: Final = 0.05
_DECAY: Final = 2e-4
_LEAST_SEEN: Final = 2
_FORMAT: Final = 1
WEIGHTS: Final = "weights.npz"


@dataclass(frozen=True, slots=True)
class Classifier:
    """``weights``: [features + 1, categories] float32; the last row is the bias."""

    categories: tuple[str, ...]
    places: dict[str, int]
    weights: NDArray[np.float32]
    index: ConceptIndex

    def scores(self, text: str, side: Side) -> dict[str, float]:
        """Probability of every category, 0 to 1."""
        found = features(text, side, self.index)
        rows = [self.places[name] for name in found if name in self.places]
        total = self.weights[rows].sum(axis=0) + self.weights[-1]
        chances = 1 / (1 + np.exp(-total.astype(np.float64)))
        return dict(zip(self.categories, chances.tolist(), strict=True))

    def save(self, path: Path) -> None:
        names = [name for name, _ in sorted(self.places.items(), key=lambda one: one[1])]
        np.savez_compressed(
            path,
            format=np.array(_FORMAT),
            categories=np.array(self.categories),
            names=np.array("\n".join(names)),
            weights=self.weights.astype(np.float16),
        )


def load_classifier(path: Path, packs: Packs) -> Classifier:
    """Read trained weights; ConfigError when they are not of these packs."""
    with np.load(path, allow_pickle=False) as stored:
        if int(stored["format"]) != _FORMAT:
            raise ConfigError(f"{path.name}: another format; run `trunkline guard train`")
        categories = tuple(str(name) for name in stored["categories"])
        names = str(stored["names"]).split("\n")
        weights = stored["weights"].astype(np.float32)
    unknown = sorted(set(categories) - packs.categories.keys())
    if unknown:
        raise ConfigError(f"{path.name} knows {', '.join(unknown)}, and no pack does")
    places = {name: place for place, name in enumerate(names)}
    return Classifier(categories, places, weights, ConceptIndex(packs.concepts))


def shipped_classifier(packs: Packs) -> Classifier:
    """The weights that ``trunkline guard train`` left beside the packs."""
    with resources.as_file(resources.files("trunkline.flows.guard") / WEIGHTS) as path:
        return load_classifier(path, packs)


def train(packs: Packs, rows: Sequence[tuple[str, Side, str | None]] | None = None) -> Classifier:
    """Weights from the packs' own examples, or from ``rows`` of them."""
    examples = labelled(packs) if rows is None else list(rows)
    categories = tuple(sorted(name for name, one in packs.categories.items() if one.has_classifier))
    index = ConceptIndex(packs.concepts)
    seen: dict[str, int] = {}
    found = [features(text, side, index) for text, side, _ in examples]
    for names in found:
        for name in names:
            seen[name] = seen.get(name, 0) + 1
    kept = sorted(name for name, times in seen.items() if times >= _LEAST_SEEN)
    places = {name: place for place, name in enumerate(kept)}
    x = np.zeros((len(examples), len(kept) + 1), np.float32)
    x[:, -1] = 1
    for row, names in enumerate(found):
        x[row, [places[name] for name in names if name in places]] = 1
    y = np.array(
        [[label == category for category in categories] for _, _, label in examples], np.float32
    )
    return Classifier(categories, places, _fit(x, y), index)


def _fit(x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.float32]:
    weights = np.zeros((x.shape[1], y.shape[1]), np.float32)
    # What is rare weighs as much as what is not, within reason.
    rarity = np.minimum(np.sqrt((len(y) - y.sum(axis=0)) / np.maximum(y.sum(axis=0), 1)), 4)
    importance = np.where(y > 0, rarity, 1).astype(np.float32) / len(y)
    mean, square = np.zeros_like(weights), np.zeros_like(weights)
    for step in range(1, _ROUNDS + 1):
        chances = 1 / (1 + np.exp(-np.clip(x @ weights, -30, 30)))
        slope = x.T @ ((chances - y) * importance)
        slope[:-1] += _DECAY * weights[:-1]
        mean = 0.9 * mean + 0.1 * slope
        square = 0.999 * square + 0.001 * slope * slope
        corrected = mean / (1 - 0.9**step) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
        weights -= np.float32(_RATE) * corrected
    return weights
