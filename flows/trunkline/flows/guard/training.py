"""Training of the classifier on the packs' own examples, and what it is worth on unseen ones.

Multinomial logistic regression (Adam over small batches, weight decay, features left out by chance
so that no single word decides). Everything random has a fixed seed: the same packs give the same
weights.
Measured by leaving whole templates out: a sentence is never judged by a classifier that saw
another sentence of its template.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trunkline.flows.guard.classifier import Classifier, vector
from trunkline.flows.guard.features import ConceptIndex, features
from trunkline.flows.guard.pack import Example, Packs, Side, labelled
from trunkline.flows.guard.verdict import Guard

_PASSES: Final = 16
_BATCH: Final = 256
_RATE: Final = 0.05
_DECAY: Final = 3e-3
_LEFT_OUT: Final = 0.3
_LEAST_TEMPLATES: Final = 2
_SHARPNESS: Final = 6.0
_FOLDS: Final = 4
_MOST_FALSE: Final = 0.0006
"""Of the fine sentences of a side, the share that one category may block by the classifier."""
_THRESHOLDS: Final = (0.3, 0.995)


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


def train(packs: Packs, rows: Sequence[Example] | None = None) -> Classifier:
    """Weights from the packs' own examples, or from ``rows`` of them; thresholds are 0.5."""
    examples = labelled(packs) if rows is None else list(rows)
    categories = tuple(sorted(name for name, one in packs.categories.items() if one.has_classifier))
    index = ConceptIndex(packs.concepts)
    found = [features(one.text, one.side, index) for one in examples]
    return _trained(categories, index, examples, found)


def held_out(packs: Packs) -> list[Judged]:
    """Every example with the scores of a classifier that never saw its template."""
    examples = labelled(packs)
    categories = tuple(sorted(name for name, one in packs.categories.items() if one.has_classifier))
    index = ConceptIndex(packs.concepts)
    found = [features(one.text, one.side, index) for one in examples]
    folds = [_fold(one.template) for one in examples]
    judged: list[Judged] = []
    for fold in range(_FOLDS):
        kept = [place for place, other in enumerate(folds) if other != fold]
        classifier = _trained(
            categories, index, [examples[one] for one in kept], [found[one] for one in kept]
        )
        for place, other in enumerate(folds):
            if other == fold:
                one = examples[place]
                judged.append(Judged(one, classifier.scores(one.text, one.side)))
    return judged


def choose_thresholds(
    classifier: Classifier, judged: Iterable[Judged]
) -> dict[tuple[str, Side], float]:
    """The least threshold of each category and side under which few fine sentences fall."""
    chosen: dict[tuple[str, Side], float] = {}
    judged = list(judged)
    for side in Side:
        fine = [one for one in judged if one.example.side is side and one.example.category is None]
        for category in classifier.categories:
            scores = sorted((one.scores[category] for one in fine), reverse=True)
            place = int(len(scores) * _MOST_FALSE)
            least = scores[place] + 0.002 if place < len(scores) else 0.5
            chosen[category, side] = round(float(np.clip(least, *_THRESHOLDS)), 3)
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


def _trained(
    categories: tuple[str, ...],
    index: ConceptIndex,
    examples: Sequence[Example],
    found: Sequence[set[str]],
) -> Classifier:
    sources: dict[str, set[str]] = {}
    for one, names in zip(examples, found, strict=True):
        for name in names:
            sources.setdefault(name, set()).add(one.template)
    kept = sorted(name for name, by in sources.items() if len(by) >= _LEAST_TEMPLATES)
    places = {name: place for place, name in enumerate(kept)}
    rows = [vector(names, places) for names in found]
    named = (*categories, None)
    labels = np.eye(len(named), dtype=np.float32)[[named.index(one.category) for one in examples]]
    weights = _fit(rows, labels, _importance(examples), len(kept))
    return Classifier(categories, places, weights, index, {})


def _importance(examples: Sequence[Example]) -> NDArray[np.float32]:
    """A template weighs by the square root of its sentences, so that none drowns the others."""
    times: dict[tuple[str, Side, str | None], int] = {}
    for one in examples:
        times[one[3], one[1], one[2]] = times.get((one[3], one[1], one[2]), 0) + 1
    values = [1 / np.sqrt(times[one[3], one[1], one[2]]) for one in examples]
    return np.array(values, np.float32) / np.float32(np.mean(values))


def _fit(
    rows: Sequence[tuple[NDArray[np.intp], NDArray[np.float32]]],
    labels: NDArray[np.float32],
    importance: NDArray[np.float32],
    width: int,
) -> NDArray[np.float32]:
    weights = np.zeros((width + 1, labels.shape[1]), np.float32)
    mean, square = np.zeros_like(weights), np.zeros_like(weights)
    chance = np.random.default_rng(4)
    step = 0
    steps = _PASSES * -(-len(rows) // _BATCH)
    for _ in range(_PASSES):
        order = chance.permutation(len(rows))
        for start in range(0, len(order), _BATCH):
            batch = order[start : start + _BATCH]
            x = np.zeros((len(batch), width + 1), np.float32)
            for line, one in enumerate(batch):
                names, values = rows[one]
                is_kept = chance.random(len(names), np.float32) >= _LEFT_OUT
                x[line, names] = values * is_kept * np.float32(_SHARPNESS)
            x[:, -1] = 1
            total = x @ weights
            chances = np.exp(total - total.max(axis=1, keepdims=True))
            chances /= chances.sum(axis=1, keepdims=True)
            slope = x.T @ ((chances - labels[batch]) * importance[batch, None] / len(batch))
            step += 1
            mean += 0.1 * (slope - mean)
            square += 0.01 * (slope * slope - square)
            rate = _RATE * (1 - step / (steps + 1))
            bend = np.sqrt(square / (1 - 0.99**step)) + 1e-6
            weights -= np.float32(rate) * (mean / (1 - 0.9**step) / bend)
            weights[:-1] *= np.float32(1 - rate * _DECAY)
    # What was left out by chance while learning is there in use.
    weights[:-1] *= np.float32(_SHARPNESS * (1 - _LEFT_OUT))
    return weights
