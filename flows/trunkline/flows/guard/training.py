"""Training of the classifier on the packs' own examples, and what it is worth on unseen ones.

Multinomial logistic regression over what features.py finds; nothing random, so that the same packs
give the same weights.
Measured by leaving whole templates out: a sentence is never judged by weights that saw another
sentence of its template.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trunkline.flows.guard.classifier import Classifier, vector
from trunkline.flows.guard.features import ConceptIndex, features
from trunkline.flows.guard.pack import Example, Packs, Side, labelled
from trunkline.flows.guard.regression import Floats, SparseRows, fit
from trunkline.flows.guard.verdict import Guard

_LEAST_TEMPLATES: Final = 2
"""A feature of one template alone would teach that template by heart."""
_SHARPNESS: Final = 6.0
_SPREAD: Final = 3.0
_STEPS: Final = 50
_FOLDS: Final = 3
_MOST_FALSE: Final = 0.010
"""The share of a side's fine sentences, held out, that the classifier may block. Ours are chosen to
come close to what is forbidden; of ordinary ones it blocks fewer."""
_THRESHOLDS: Final = (0.3, 0.995)
_ABOVE: Final = 1e-4
"""How far above the last fine sentence that passes; near 0.99 a thousandth is much."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One held-out example and the scores it got."""

    example: Example
    scores: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Quality:
    """Held-out figures of a category and side, or of all; ``None`` in ``category`` is all."""

    category: str | None
    side: Side | None
    found: int
    missed: int
    false: int
    fine: int

    @property
    def precision(self) -> float:
        return self.found / max(self.found + self.false, 1)

    @property
    def recall(self) -> float:
        return self.found / max(self.found + self.missed, 1)

    @property
    def f1(self) -> float:
        return 2 * self.found / max(2 * self.found + self.false + self.missed, 1)

    @property
    def false_rate(self) -> float:
        return self.false / max(self.fine, 1)


def train(packs: Packs) -> Classifier:
    """Weights from the packs' own examples; thresholds are 0.5."""
    return Lesson.of(packs).learnt()


def held_out(packs: Packs) -> list[Judged]:
    """Every example with the scores of weights that never saw its template."""
    return Lesson.of(packs).held_out()


def choose_thresholds(
    classifier: Classifier, judged: Iterable[Judged]
) -> dict[tuple[str, Side], float]:
    """For each side the least threshold under which few fine sentences fall.

    Its categories share it: what is not fine counts as the likeliest of them, and each has too few
    fine sentences near it for a threshold of its own.
    """
    chosen: dict[tuple[str, Side], float] = {}
    judged = list(judged)
    for side in Side:
        fine = [one for one in judged if one.example.side is side and one.example.category is None]
        scores = sorted((max(one.scores.values()) for one in fine), reverse=True)
        place = int(len(scores) * _MOST_FALSE)
        least = scores[place] + _ABOVE if place < len(scores) else 0.5
        threshold = round(float(np.clip(least, *_THRESHOLDS)), 5)
        chosen |= {(category, side): threshold for category in classifier.categories}
    return chosen


def qualities(packs: Packs, classifier: Classifier, judged: Sequence[Judged]) -> list[Quality]:
    """Patterns and classifier together, as the guard uses them; the last one is over all."""
    guard = Guard(packs, classifier)
    tallies: dict[tuple[str | None, Side | None], list[int]] = {}

    def tally(category: str | None, side: Side | None) -> list[int]:
        return tallies.setdefault((category, side), [0, 0, 0, 0])

    for one in judged:
        example = one.example
        verdict = guard.judge_with(example.text, example.side, one.scores)
        touched = {found.category for found in verdict.findings if found.category in one.scores}
        for category in one.scores:
            if example.side not in packs.categories[category].responses:
                continue
            for row in (tally(category, example.side), tally(category, None)):
                if example.category == category:
                    row[0 if category in touched else 1] += 1
                elif example.category is None:
                    row[2] += category in touched
                    row[3] += 1
        for side in (example.side, None):
            row = tally(None, side)
            if example.category is None:
                row[2] += bool(touched)
                row[3] += 1
            elif example.side in packs.categories[example.category].responses:
                row[0 if touched else 1] += 1
    order = sorted(
        tallies.items(), key=lambda one: (one[0][0] or "~", one[0][1] is None, one[0][1] or "")
    )
    return [Quality(*name, *row) for name, row in order if row[0] + row[1]]


def _fold(template: str) -> int:
    return hashlib.sha256(template.encode()).digest()[0] % _FOLDS


@dataclass(frozen=True, slots=True)
class Lesson:
    """The packs' examples as rows of features; ``importance`` is how much each one counts."""

    categories: tuple[str, ...]
    index: ConceptIndex
    examples: tuple[Example, ...]
    places: Mapping[str, int]
    vectors: tuple[tuple[NDArray[np.intp], NDArray[np.float32]], ...]
    importance: Floats

    @classmethod
    def of(cls, packs: Packs) -> Lesson:
        rows = labelled(packs)
        categories = sorted(name for name, one in packs.categories.items() if one.has_classifier)
        index = ConceptIndex(packs.concepts)
        found = [features(one.text, one.side, index) for one in rows]
        sources: dict[str, set[str]] = {}
        for one, names in zip(rows, found, strict=True):
            for name in names:
                sources.setdefault(name, set()).add(one.template)
        kept = sorted(name for name, by in sources.items() if len(by) >= _LEAST_TEMPLATES)
        places = {name: place for place, name in enumerate(kept)}
        vectors = tuple(vector(names, places) for names in found)
        return cls(tuple(categories), index, tuple(rows), places, vectors, _importance(rows))

    def learnt(self, mask: NDArray[np.bool_] | None = None) -> Classifier:
        """The classifier that the examples make, or those of them under the ``mask``."""
        kept = range(len(self.examples)) if mask is None else np.flatnonzero(mask).tolist()
        named = (*self.categories, None)
        rows = [
            (self.vectors[one][0], self.vectors[one][1] * np.float32(_SHARPNESS)) for one in kept
        ]
        labels = np.array([named.index(self.examples[one].category) for one in kept], np.intp)
        weights = fit(
            SparseRows.of(rows, len(self.places)),
            labels,
            self.importance[list(kept)],
            len(named),
            _SPREAD,
            _STEPS,
        )
        weights[:-1] *= _SHARPNESS
        return Classifier(self.categories, self.places, weights.astype(np.float32), self.index, {})

    def held_out(self) -> list[Judged]:
        """Every example with the scores of weights that never saw its template."""
        folds = np.array([_fold(one.template) for one in self.examples])
        judged: list[Judged] = []
        for fold in range(_FOLDS):
            own = np.flatnonzero(folds == fold).tolist()
            if not own:
                continue
            classifier = self.learnt(folds != fold)
            judged += [
                Judged(self.examples[one], classifier.weighed(*self.vectors[one])) for one in own
            ]
        return judged


def _importance(examples: Sequence[Example]) -> Floats:
    """A template weighs by the square root of its sentences, so that none drowns the others."""
    times = Counter((one.template, one.side, one.category) for one in examples)
    counts = np.array([times[one.template, one.side, one.category] for one in examples], float)
    values: Floats = 1 / np.sqrt(counts) / np.mean(1 / np.sqrt(counts))
    return values
