"""A small linear classifier over the categories and what is fine; numpy only.

A verdict costs a few hundred look-ups and one sum. How the weights come about: training.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trunkline.domain.errors import ConfigError
from trunkline.flows.guard.features import ConceptIndex, features
from trunkline.flows.guard.pack import Packs, Side, fingerprint

_FORMAT: Final = 3
WEIGHTS: Final = "weights.npz"
KIND_SCALES: Final = {
    "w": 0.9,
    "b": 0.8,
    "s": 0.5,
    "t": 0.5,
    "f": 0.5,
    "g": 0.3,
    "c": 1.3,
    "o": 0.6,
    "x": 0.7,
    "n": 0.6,
    "i": 0.5,
    "l": 0.5,
}
"""How much a feature of a kind counts beside the others: letters of words little, meanings much."""

_ENOUGH_KNOWN: Final = 0.5


@dataclass(frozen=True, slots=True)
class Classifier:
    """``weights``: [features + 1, categories + 1] float32; the last row is the bias, the last
    column what is fine.

    ``thresholds``: the least score that counts, by category and side.
    """

    categories: tuple[str, ...]
    places: Mapping[str, int]
    weights: NDArray[np.float32]
    index: ConceptIndex
    thresholds: Mapping[tuple[str, Side], float]

    def scores(self, text: str, side: Side) -> dict[str, float]:
        """Probability of every category, 0 to 1; the likeliest gets all that is not fine.

        What touches two categories would else fall under the threshold of both.
        """
        found = features(text, side, self.index)
        rows, values = vector(found, self.places)
        return self.weighed(rows, values * np.float32(_familiarity(found, self.places)))

    def weighed(self, rows: NDArray[np.intp], values: NDArray[np.float32]) -> dict[str, float]:
        """Scores from the places and values of features."""
        total = values @ self.weights[rows] + self.weights[-1]
        chances = np.exp(total.astype(np.float64) - total.max())
        chances /= chances.sum()
        likeliest = int(chances[:-1].argmax())
        chances[likeliest] = chances[:-1].sum()
        return dict(zip(self.categories, chances[:-1].tolist(), strict=True))

    def threshold(self, category: str, side: Side) -> float:
        return self.thresholds.get((category, side), 0.5)

    def save(self, path: Path, packs: Packs) -> None:
        """Write the weights with the fingerprint of the packs that they were trained on."""
        names = [name for name, _ in sorted(self.places.items(), key=lambda one: one[1])]
        np.savez_compressed(
            path,
            format=np.array(_FORMAT),
            packs=np.array(fingerprint(packs)),
            categories=np.array(self.categories),
            names=np.array("\n".join(names).encode()),
            weights=self.weights.astype(np.float16),
            thresholds=np.array(
                [[self.threshold(one, side) for side in Side] for one in self.categories]
            ),
        )


def vector(
    found: Iterable[str], places: Mapping[str, int]
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Places and values of the known features, of length one together."""
    known = sorted(name for name in found if name in places)
    values = np.array([KIND_SCALES[name[0]] for name in known], np.float32)
    length = float(np.sqrt((values * values).sum())) or 1.0
    return np.array([places[name] for name in known], np.intp), values / np.float32(length)


def _familiarity(found: Iterable[str], places: Mapping[str, int]) -> float:
    """How much of a text the training has seen, 0 to 1: 1 from half of its stems on.

    A row has length one however few of its features are known; where most words are not, the two
    or three that are would speak for all of it.
    """
    stems = [name for name in found if name.startswith("w:")]
    known = sum(name in places for name in stems)
    return min(1.0, known / max(len(stems) * _ENOUGH_KNOWN, 1e-9))


def load_classifier(path: Path, packs: Packs) -> Classifier:
    """Read trained weights; ConfigError when they are not of these packs."""
    with np.load(path, allow_pickle=False) as stored:
        if int(stored["format"]) != _FORMAT:
            raise ConfigError(f"{path.name}: another format; run `trunkline guard train`")
        if str(stored["packs"]) != fingerprint(packs):
            raise ConfigError(
                f"{path.name} was trained on other packs than these; run `trunkline guard train`"
            )
        categories = tuple(str(name) for name in stored["categories"])
        names = bytes(stored["names"].item()).decode().split("\n")
        weights = stored["weights"].astype(np.float32)
        thresholds = {
            (category, side): float(value)
            for category, row in zip(categories, stored["thresholds"], strict=True)
            for side, value in zip(Side, row, strict=True)
        }
    places = {name: place for place, name in enumerate(names)}
    return Classifier(categories, places, weights, ConceptIndex(packs.concepts), thresholds)


def shipped_classifier(packs: Packs) -> Classifier:
    """The weights that ``trunkline guard train`` left beside the packs."""
    with resources.as_file(resources.files("trunkline.flows.guard") / WEIGHTS) as path:
        return load_classifier(path, packs)
