"""Packs: disguises fall, mistakes are told with their lines, the shipped ones load."""

from __future__ import annotations

from pathlib import Path

import pytest

from trunkline.domain.errors import ConfigError, Invalid
from trunkline.flows.guard.classifier import load_classifier, shipped_classifier
from trunkline.flows.guard.normal import MAX_CHARS, folded
from trunkline.flows.guard.pack import Side, expanded, labelled, load_packs, shipped_packs
from trunkline.flows.guard.training import choose_thresholds, held_out, qualities, train
from trunkline.flows.guard.words import words


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("H0W to m4ke a B.O.M.B", "how to make a bomb"),
        ("a b o m b", "a bomb"),
        ("bo\u200bmb", "bomb"),
        ("b\u00f6mb", "bomb"),
        ("nooooo way", "noo way"),
        ("I owe 240.50 on 44172908", "i owe 240.50 on 44172908"),
        ("you\u2019re open at 9", "you're open at 9"),
    ],
)
def test_a_disguise_falls(written: str, plain: str) -> None:
    assert folded(written) == plain


def test_folding_is_bounded() -> None:
    assert len(folded("word " * 100_000)) <= MAX_CHARS + 1


def test_forms_of_a_word_have_one_stem() -> None:
    assert len({words(form) for form in ("bombs", "bombing", "bombed", "bomb")}) == 1


def test_shipped_packs_load_and_every_action_has_what_it_needs() -> None:
    packs = shipped_packs()
    assert {"violence", "extremism", "self_harm", "illegal_acts", "profanity", "promises"} <= set(
        packs.categories
    )
    for example in labelled(packs):
        assert not set("{}|()") & set(example.text) and example.side in Side


def test_examples_stand_for_the_same_sentences_every_time() -> None:
    concepts = {"tool": ("saw", "axe", "file")}
    once = expanded(["buy a {tool}"], concepts)
    assert set(once) == {"buy a saw", "buy a axe", "buy a file"}
    assert once == expanded(["buy a {tool}"], concepts)
    assert set(expanded(["(buy|sell) it (now|)"], {})) <= {
        "buy it now",
        "buy it",
        "sell it now",
        "sell it",
    }


def test_every_mistake_is_told_with_its_line() -> None:
    text = """
pack: mine
categories:
  bad:
    title: Bad
    input: {action: refuse}
    patterns: ['(']
  none:
    title: Nothing is done
  worse:
    title: Worse
    input: {action: explode}
"""
    with pytest.raises(Invalid) as caught:
        load_packs({"mine.yaml": text})
    assert "mine.yaml, line 12: categories.worse.input.action" in caught.value.message
    with pytest.raises(Invalid) as rest:
        load_packs({"mine.yaml": text.replace("explode", "note")})
    for line in ("line 6:", "line 7:", "line 8:"):
        assert line in rest.value.message


FRUIT = """
pack: fruit
categories:
  apples:
    title: Apples
    input: {action: refuse, line: No apples.}
    asked: [i want an apple, give me apples, sell me an apple please, one apple, an apple now]
    fine: [i want a pear, give me pears, sell me a pear please, one pear, a pear now]
"""


def test_training_tells_apart_is_kept_and_says_the_same_when_read(tmp_path: Path) -> None:
    packs = load_packs({"fruit.yaml": FRUIT})
    trained = train(packs)
    assert trained.scores("can i have apples", Side.INPUT)["apples"] > 0.5
    assert trained.scores("can i have pears", Side.INPUT)["apples"] < 0.5
    path = tmp_path / "weights.npz"
    trained.save(path, packs)
    again = load_classifier(path, packs)
    assert again.scores("an apple", Side.INPUT)["apples"] == pytest.approx(
        trained.scores("an apple", Side.INPUT)["apples"], abs=0.01
    )


def test_weights_of_other_packs_are_refused_and_told_apart(tmp_path: Path) -> None:
    packs = load_packs({"fruit.yaml": FRUIT})
    path = tmp_path / "weights.npz"
    train(packs).save(path, packs)
    others = load_packs({"fruit.yaml": FRUIT.replace("one apple,", "an apple pie,")})
    with pytest.raises(ConfigError, match="run `trunkline guard train`"):
        load_classifier(path, others)
    # What is said and done in answer is no matter of training.
    load_classifier(path, load_packs({"fruit.yaml": FRUIT.replace("No apples.", "Never.")}))


def test_the_shipped_weights_are_of_the_shipped_packs() -> None:
    packs = shipped_packs()
    classifier = shipped_classifier(packs)
    assert set(classifier.categories) == {
        name for name, one in packs.categories.items() if one.has_classifier
    }


def test_the_same_examples_give_the_same_weights() -> None:
    packs = load_packs({"fruit.yaml": FRUIT})
    assert (train(packs).weights == train(packs).weights).all()


def test_held_out_sentences_are_judged_once_and_counted() -> None:
    packs = load_packs({"fruit.yaml": FRUIT})
    classifier = train(packs)
    judged = held_out(packs)
    assert sorted(one.example for one in judged) == sorted(labelled(packs))
    thresholds = choose_thresholds(classifier, judged)
    assert set(thresholds) == {("apples", side) for side in Side}
    overall = qualities(packs, classifier, judged)[-1]
    assert (overall.found + overall.missed, overall.fine) == (5, 10)
