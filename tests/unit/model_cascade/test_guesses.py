"""What is asked about where no hearing is believed."""

from __future__ import annotations

from trunkline.model.cascade.guesses import guessed
from trunkline.model.cascade.heard import Heard
from trunkline.model.cascade.triage import ACCEPT_FROM, BARELY, Does, Meant


def meaning(text: str) -> Meant | None:
    words = {"lamp", "chair"} & set(text.split())
    return Meant(Does.FILL, words.pop()) if len(words) == 1 else None


def test_what_several_hypotheses_mean_is_asked_about_and_not_acted_on() -> None:
    found = guessed(
        [(Heard("the lamb", 0.0, others=("the lamp", "a lamp")), Heard("the lamp")),
         (Heard("the lamb", others=("lamp",)), Heard("lamp please"))], meaning)  # fmt: skip
    assert found is not None
    assert (found.heard.text, found.is_rejected) == ("the lamp", False)
    assert found.confidence < BARELY


def test_two_meanings_as_likely_as_each_other_are_none() -> None:
    assert (
        guessed([(Heard("lamp"), Heard("chair")), (Heard("chair"), Heard("lamp"))], meaning) is None
    )


def test_what_the_grammar_alone_hears_once_is_none() -> None:
    assert guessed([(Heard("over the hills"), Heard("a lamp"))], meaning) is None
    assert guessed([(Heard(), None)], meaning) is None


def test_what_nearly_everything_means_is_enough_for_an_answer_and_not_to_act_on() -> None:
    found = guessed([(Heard("a lamp that"), Heard("lamp")), (Heard("lamp the"), None),
                     (Heard("your lamp"), Heard("lamp"))], meaning)  # fmt: skip
    assert found is not None
    assert BARELY <= found.confidence < ACCEPT_FROM
