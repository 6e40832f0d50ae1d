"""Where the searches differ over a value, the grammar's two hearings are asked about."""

from __future__ import annotations

from datetime import date

from tests.unit.model_cascade.builders import collect, slot

from trunkline.model.cascade.grammar_votes import outvoted
from trunkline.model.cascade.heard import Heard
from trunkline.model.cascade.planner import Planner
from trunkline.model.cascade.triage import DOUBTFUL, REJECTED, SURE, Judgement, Meant

PLANNER = Planner([collect("c", day=slot("date", "day"))], date(2026, 11, 21))
STATE = PLANNER.expected()
FRIDAY = Heard("how about next friday")


def meaning(text: str) -> Meant | None:
    return PLANNER.meaning(STATE, text)


def rejected(text: str) -> Judgement:
    return Judgement(Heard(text), REJECTED, is_rejected=True)


def test_what_the_grammar_heard_twice_is_asked_about() -> None:
    near = Heard("how about the next five day")
    found = outvoted(rejected(near.text), [(near, FRIDAY), (near, FRIDAY)], meaning)
    assert found is not None
    assert found.heard == FRIDAY
    assert found.confidence == DOUBTFUL
    assert near.text in found.alternatives


def test_a_grammar_that_hears_something_else_each_time_is_not_believed() -> None:
    near = Heard("how about the next five day")
    hearings = [(near, FRIDAY), (near, Heard("how about next monday"))]
    assert outvoted(rejected(near.text), hearings, meaning) is None


def test_a_value_in_words_that_are_nothing_like_it_is_chatter() -> None:
    chatter = Heard("the dog wants to go out now")
    assert outvoted(rejected(chatter.text), [(chatter, FRIDAY)] * 2, meaning) is None


def test_what_is_sure_stands_and_one_hearing_is_not_enough() -> None:
    near = Heard("how about the next five day")
    assert outvoted(Judgement(near, SURE), [(near, FRIDAY)] * 2, meaning) is None
    assert outvoted(rejected(near.text), [(near, FRIDAY)], meaning) is None
