"""Multinomial logistic regression over sparse rows, in numpy alone.

The loss is convex, so that the weights depend on the rows and on nothing random; it is brought
down by limited-memory BFGS (Nocedal and Wright, Numerical Optimization, algorithms 7.4 and 3.1).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_MEMORY: Final = 8
_SUFFICIENT: Final = 1e-4
_HALVINGS: Final = 12
_SETTLED: Final = 2e-5
"""A step that lowers the loss by less than this share of it is the last."""


@dataclass(frozen=True, slots=True)
class SparseRows:
    """Values by row (``owners``) and column, row after row; ``starts`` [rows + 1]."""

    starts: NDArray[np.intp]
    owners: NDArray[np.intp]
    columns: NDArray[np.intp]
    values: Floats
    width: int

    @classmethod
    def of(
        cls, rows: Sequence[tuple[NDArray[np.intp], NDArray[np.float32]]], width: int
    ) -> SparseRows:
        lengths = [len(columns) for columns, _ in rows]
        return cls(
            np.cumsum([0, *lengths]),
            np.repeat(np.arange(len(rows)), lengths),
            np.concatenate([columns for columns, _ in rows]),
            np.concatenate([values for _, values in rows]).astype(float),
            width,
        )

    def times(self, weights: Floats) -> Floats:
        """[rows, labels] from [width, labels]."""
        total = np.empty((len(self.starts) - 1, weights.shape[1]))
        running = np.zeros(len(self.values) + 1)
        for label, column in enumerate(np.ascontiguousarray(weights.T)):
            np.cumsum(self.values * column[self.columns], out=running[1:])
            total[:, label] = np.diff(running[self.starts])
        return total

    def across(self, slopes: Floats) -> Floats:
        """[width, labels] from [rows, labels]: the transposed product."""
        total = np.empty((self.width, slopes.shape[1]))
        for label, slope in enumerate(np.ascontiguousarray(slopes.T)):
            total[:, label] = np.bincount(
                self.columns, self.values * slope[self.owners], self.width
            )
        return total


def fit(
    rows: SparseRows,
    labels: NDArray[np.intp],
    importance: Floats,
    number: int,
    spread: float,
    steps: int,
) -> Floats:
    """Weights [width + 1, number of labels]; the last row is the bias.

    ``importance``: how much each row counts; ``spread``: the variance that weights may have;
    ``steps``: at most so many.
    """
    shape = (rows.width + 1, number)
    truth = np.eye(shape[1])[labels]

    def loss(flat: Floats) -> tuple[float, Floats]:
        weights = flat.reshape(shape)
        total = rows.times(weights[:-1]) + weights[-1]
        total -= total.max(axis=1, keepdims=True)
        chances = np.exp(total)
        sums = chances.sum(axis=1, keepdims=True)
        missed = np.log(sums[:, 0]) - (total * truth).sum(axis=1)
        slopes = (chances / sums - truth) * importance[:, None]
        slope = np.vstack([rows.across(slopes) + weights[:-1] / spread, slopes.sum(axis=0)])
        value = float((importance * missed).sum() + (weights[:-1] ** 2).sum() / (2 * spread))
        return value, slope.ravel()

    weights = np.zeros(shape[0] * shape[1])
    value, slope = loss(weights)
    past: deque[tuple[Floats, Floats]] = deque(maxlen=_MEMORY)
    for _ in range(steps):
        way = _downhill(slope, past)
        fall, length = float(slope @ way), 1.0 if past else 1 / float(np.linalg.norm(slope))
        for _ in range(_HALVINGS):
            next_value, next_slope = loss(weights + length * way)
            if next_value <= value + _SUFFICIENT * length * fall:
                break
            length /= 2
        else:
            break
        move, turn = length * way, next_slope - slope
        if float(move @ turn) > 0:
            past.append((move, turn))
        gain = value - next_value
        weights, value, slope = weights + move, next_value, next_slope
        if gain < _SETTLED * value:
            break
    return weights.reshape(shape)


def _downhill(slope: Floats, past: deque[tuple[Floats, Floats]]) -> Floats:
    way = -slope
    shares = []
    for move, turn in reversed(past):
        share = float(move @ way) / float(move @ turn)
        shares.append(share)
        way = way - share * turn
    if past:
        move, turn = past[-1]
        way = way * (float(move @ turn) / float(turn @ turn))
    for (move, turn), share in zip(past, reversed(shares), strict=True):
        way = way + (share - float(turn @ way) / float(move @ turn)) * move
    return way
