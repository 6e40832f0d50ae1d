"""Words made one, concepts found, and the regression at the bottom of its loss."""

from __future__ import annotations

import numpy as np
import pytest

from trunkline.flows.guard.features import ConceptIndex, features
from trunkline.flows.guard.pack import Side
from trunkline.flows.guard.regression import SparseRows, fit
from trunkline.flows.guard.words import words


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("i'm gonna steal it", "i go to stole it"),
        ("you couldn't know", "you not knew"),
        ("she cannot pay 40", "she can't paid 9"),
        ("his wives' knives", "his wife knife"),
    ],
)
def test_forms_of_a_word_are_one(one: str, other: str) -> None:
    assert words(one) == words(other)


def test_a_phrase_is_found_and_a_gap_in_it_is_any_one_word() -> None:
    index = ConceptIndex({"beating": ["break _ leg", "thrash"], "body": ["leg"]})
    found = index.find(words("i thrashed him and broke his legs"))
    assert [(one.first, one.after, one.name) for one in found] == [
        (1, 2, "beating"),
        (4, 7, "beating"),
        (6, 7, "body"),
    ]
    assert not index.find(words("break both his arms"))
    assert not index.find(words("break a"))


def test_a_phrase_named_twice_is_found_once() -> None:
    index = ConceptIndex({"a": ["knife", "knives"], "b": ["knife"]})
    assert [one.name for one in index.find(words("knife"))] == ["a", "b"]


def test_who_speaks_is_a_feature_and_nothing_at_all_is_no_error() -> None:
    index = ConceptIndex({"money": ["pound"]})
    asked, said = (features("ten pounds", side, index) for side in Side)
    assert asked != said and {"c:money", "w:pound"} <= asked & said
    assert features("", Side.INPUT, index)


def _sparse(dense: np.ndarray) -> SparseRows:
    rows = [(np.flatnonzero(row), row[row != 0].astype(np.float32)) for row in dense]
    return SparseRows.of(rows, dense.shape[1])


def test_sparse_products_are_the_dense_ones() -> None:
    dense = np.array([[1.0, 0, 2, 0], [0, 0, 0, 0], [0, 3, 0, 0]])
    weights = np.arange(8.0).reshape(4, 2)
    slopes = np.array([[1.0, 2], [5, 6], [-1, 0.5]])
    assert np.allclose(_sparse(dense).times(weights), dense @ weights)
    assert np.allclose(_sparse(dense).across(slopes), dense.T @ slopes)


def test_the_fit_ends_where_the_slope_is_nought() -> None:
    chance = np.random.default_rng(7)
    dense = chance.normal(size=(60, 5)).round(3)
    labels = (dense[:, 0] + dense[:, 1] > 0).astype(np.intp) + (dense[:, 2] > 1)
    importance = chance.uniform(0.5, 2, size=60)
    weights = fit(_sparse(dense), labels, importance, 3, spread=2.0, steps=200)
    total = dense @ weights[:-1] + weights[-1]
    chances = np.exp(total) / np.exp(total).sum(axis=1, keepdims=True)
    slopes = (chances - np.eye(3)[labels]) * importance[:, None]
    assert np.abs(dense.T @ slopes + weights[:-1] / 2.0).max() < 0.1
