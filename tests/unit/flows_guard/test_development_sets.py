"""Sentences that two authors wrote for each other's categories: the shipped guard finds them.

They are for tuning, and so tell more than the held-out set allows to be known; a fall here is a
regression, a rise proves nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

import pytest
import yaml

from trunkline.flows.guard.classifier import shipped_classifier
from trunkline.flows.guard.normal import folded
from trunkline.flows.guard.pack import Packs, Side, Verb, labelled, shipped_packs
from trunkline.flows.guard.verdict import Guard
from trunkline.flows.guard.words import words

DATA: Final = Path(__file__).parents[2] / "data"
SETS: Final = ("guard_dev_b.yaml", "guard_dev_b2.yaml")
BLOCKING: Final = (Verb.REFUSE, Verb.ESCALATE, Verb.END)


class Row(NamedTuple):
    text: str
    side: Side
    category: str


@pytest.fixture(scope="module")
def packs() -> Packs:
    return shipped_packs()


def rows(name: str) -> list[Row]:
    read = yaml.safe_load((DATA / name).read_text(encoding="utf-8"))["rows"]
    return [Row(one["text"], Side(one["side"]), one["category"]) for one in read]


def is_due(packs: Packs, row: Row) -> bool:
    category = packs.categories.get(row.category)
    response = category.responses.get(row.side) if category else None
    return response is not None and response.verb in BLOCKING


def test_the_guard_finds_what_another_author_wrote(packs: Packs) -> None:
    guard = Guard(packs, shipped_classifier(packs))
    outcomes = [
        (is_due(packs, row), guard.judge(row.text, row.side).is_blocked)
        for name in SETS
        for row in rows(name)
    ]
    found, missed = outcomes.count((True, True)), outcomes.count((True, False))
    false, fine = outcomes.count((False, True)), outcomes.count((False, False))
    assert 2 * found / (2 * found + false + missed) >= 0.92
    assert false / (false + fine) <= 0.02


@pytest.mark.parametrize("name", SETS)
def test_no_sentence_is_among_the_examples(packs: Packs, name: str) -> None:
    seen = {words(folded(one.text)) for one in labelled(packs)}
    # Whose words are told, not which: who trains for them must not read them.
    assert sum(words(folded(row.text)) in seen for row in rows(name)) == 0
