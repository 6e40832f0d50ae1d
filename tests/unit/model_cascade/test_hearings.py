"""What several hearings of one turn come to."""

from __future__ import annotations

from trunkline.model.cascade.heard import Heard, HeardWord
from trunkline.model.cascade.hearings import grouped_text, transcribed, weigh
from trunkline.model.cascade.triage import (
    DOUBTFUL,
    HEARD_LATE,
    HEARD_TWICE,
    REJECTED,
    SURE,
    Does,
    Judgement,
    Meant,
)


def meaning(text: str) -> Meant | None:
    return Meant(Does.FILL, text) if text in ("one", "two") else None


def judged(text: str, confidence: float) -> Judgement:
    return Judgement(Heard(text), confidence, is_rejected=confidence <= REJECTED)


def test_one_hearing_is_taken_as_it_is() -> None:
    only = judged("one", DOUBTFUL)
    assert weigh([only], meaning) == only


def test_what_two_hearings_mean_wins_over_what_one_does() -> None:
    believed = weigh([judged("two", DOUBTFUL), judged("one", DOUBTFUL), judged("one", DOUBTFUL)],
                     meaning)  # fmt: skip
    assert (believed.heard.text, believed.confidence) == ("one", HEARD_TWICE)


def test_an_agreement_wins_over_two_doubts() -> None:
    believed = weigh([judged("two", DOUBTFUL), judged("two", DOUBTFUL), judged("one", SURE)],
                     meaning)  # fmt: skip
    assert (believed.heard.text, believed.confidence) == ("one", SURE)


def test_two_agreements_on_different_things_are_asked_about() -> None:
    believed = weigh([judged("x", DOUBTFUL), judged("two", SURE), judged("one", SURE)], meaning)
    assert believed.confidence == DOUBTFUL


def test_an_agreement_after_a_rejection_is_asked_about() -> None:
    believed = weigh([judged("x", REJECTED), judged("one", SURE)], meaning)
    assert (believed.heard.text, believed.confidence) == ("one", HEARD_LATE)


def test_chatter_stays_rejected_however_often_it_is_heard() -> None:
    believed = weigh([judged("x", REJECTED), judged("y", REJECTED), judged("z", REJECTED)], meaning)
    assert believed.is_rejected


def words(*said: tuple[str, int, int]) -> tuple[HeardWord, ...]:
    return tuple(HeardWord(text, start, end) for text, start, end in said)


def test_a_pause_between_digits_is_a_comma() -> None:
    heard = words(("four", 0, 300), ("one", 320, 600), ("nine", 900, 1200), ("oh", 1210, 1400))
    text = "four one nine oh"
    assert grouped_text(text, heard) == "four one, nine oh"
    event = transcribed("item_1", Judgement(Heard(text, 1.0, heard), SURE))
    assert event.text == "four one, nine oh"
    assert [mark.text for mark in event.words] == text.split()


def test_a_pause_elsewhere_is_none_and_foreign_words_change_nothing() -> None:
    heard = words(("it's", 0, 300), ("one", 900, 1100), ("please", 1500, 1900))
    assert grouped_text("it's one please", heard) == "it's one please"
    assert grouped_text("other words", heard) == "other words"
    assert grouped_text("", ()) == ""
