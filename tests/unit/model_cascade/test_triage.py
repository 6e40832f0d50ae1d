"""Which search to believe."""

from __future__ import annotations

from trunkline.model.cascade.heard import Heard
from trunkline.model.cascade.triage import (
    ACCEPT_FROM,
    Does,
    Judgement,
    Meant,
    agree,
    judge,
    judge_general,
)


def number(text: str) -> Meant | None:
    """Four digit words are a value, "balance" is a wish."""
    words = [word for word in text.split() if word in ("one", "two", "three", "four")]
    if "balance" in text:
        return Meant(Does.WISH, "balance")
    return Meant(Does.FILL, " ".join(words)) if len(words) == 4 else None


def decide(ngram: str, grammar: str, probability: float = 0.01) -> Judgement:
    return judge(Heard(ngram, probability), Heard(grammar, 0.5), number)


def test_the_same_words_are_believed_hesitations_aside() -> None:
    judgement = decide("um one two three four please", "one two three four", 0.0001)
    assert judgement.confidence >= ACCEPT_FROM
    assert agree(Heard("um one"), Heard("one"))
    assert not agree(Heard(""), Heard(""))


def test_a_value_only_the_grammar_could_hear_is_asked_about() -> None:
    judgement = decide("one two want four", "one two three four")
    assert judgement.heard.text == "one two three four"
    assert 0.2 < judgement.confidence < ACCEPT_FROM
    assert "one two want four" in judgement.alternatives


def test_a_value_forced_out_of_other_words_is_not_taken() -> None:
    judgement = decide("the kettle is boiling over there", "one two three four", 0.0001)
    assert judgement.is_rejected


def test_a_paraphrase_heard_clearly_goes_on_with_doubt() -> None:
    judgement = decide("what do i owe you then", "one two three four", 0.01)
    assert not judgement.is_rejected
    assert judgement.confidence < ACCEPT_FROM


def test_the_same_meaning_in_very_different_words_is_doubted() -> None:
    judgement = decide("one two three four in the kitchen with", "oh well one two three four", 0.0)
    assert judgement.confidence < ACCEPT_FROM


def test_a_wish_in_an_unclear_sentence_is_not_believed() -> None:
    """Offering it instead was tried: it finds 2 more paraphrases in 36 and asks 7 more times in 28
    about chatter."""
    assert decide("hello this is mary about my balance", "one two three four", 0.0).is_rejected


def test_nothing_heard_is_rejected_without_words() -> None:
    judgement = decide("", "")
    assert judgement.is_rejected
    assert judgement.heard.text == ""


def test_a_breath_is_no_answer() -> None:
    assert decide("um", "uh").is_rejected
    assert not decide("okay", "okay").is_rejected


def test_the_general_model_is_never_quite_sure() -> None:
    assert judge_general(Heard("hello", 1.0)).confidence <= 0.8
    assert judge_general(Heard()).is_rejected
