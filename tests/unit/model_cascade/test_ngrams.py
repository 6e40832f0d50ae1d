"""What the n-gram search counts with."""

from __future__ import annotations

import pytest

from trunkline.model.cascade.everyday import EverydayEnglish, everyday_english
from trunkline.model.cascade.ngrams import Trigrams

EVERYDAY = EverydayEnglish(
    {"call": 0.3, "me": 0.3, "yes": 0.1, "</s>": 0.3},
    {"call": {"me": 0.8}, "<s>": {"call": 0.5}},
)
SENTENCES = ["yes"] * 8 + ["yes please"] * 2


def test_the_pairs_after_every_word_leave_room_and_no_more_than_all() -> None:
    model = Trigrams(SENTENCES, EVERYDAY, 0.3)
    for first in model.twos:
        whole = sum(model.after(first, word) for word in model.ones)
        assert whole == pytest.approx(1.0, abs=0.01)


def test_what_is_expected_stays_likelier_than_what_people_say_elsewhere() -> None:
    model = Trigrams(SENTENCES, EVERYDAY, 0.3)
    assert model.after("<s>", "yes") > model.after("<s>", "call") > 0.1
    assert model.after("call", "me") > 0.5


def test_without_everyday_english_only_what_is_expected_is_known() -> None:
    assert set(Trigrams(SENTENCES).ones) == {"yes", "please", "</s>"}


def test_the_file_tells_how_many_it_has() -> None:
    lines = list(Trigrams(SENTENCES, EVERYDAY, 0.3).arpa())
    ones = lines[lines.index("\n\\1-grams:") + 1 : lines.index("\n\\2-grams:")]
    assert f"ngram 1={len(ones)}" in lines
    assert any(line.split()[1] == "<s>" for line in ones)


def test_the_shipped_words_are_everyday_ones() -> None:
    everyday = everyday_english()
    assert {"yes", "no", "call", "today", "</s>"} <= everyday.alone.keys()
    assert everyday.pairs["call"]["me"] > everyday.alone["me"]
    assert all(0 < value <= 1 for pairs in everyday.pairs.values() for value in pairs.values())
