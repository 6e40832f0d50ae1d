"""A caller chooses among the times that were offered."""

from __future__ import annotations

from datetime import date, time

import pytest
from tests.unit.model_cascade.builders import collect, slot

from trunkline.model.cascade.dialogue_state import CallTool
from trunkline.model.cascade.offered_times import chosen_time, offered
from trunkline.model.cascade.planner import Planner
from trunkline.model.engine import HistoryItem, ItemRole

OFFER = (
    "On Tuesday, November twenty fourth Doctor Patel has nine thirty in the morning, eleven "
    "o'clock in the morning and three fifteen in the afternoon."
)


def test_the_times_of_an_offer_are_found_in_its_order() -> None:
    assert offered(OFFER) == (time(9, 30), time(11), time(15, 15))
    assert offered("Doctor Morgan has 10:00 or 16:30.") == (time(10), time(16, 30))


@pytest.mark.parametrize(
    ("said", "chosen"),
    [
        ("the first one please", "09:30"),
        ("i'll take the second", "11:00"),
        ("the last one works for me", "15:15"),
        ("the middle one", "11:00"),
        ("the fourth one", None),
        ("the second of december", None),
        ("nine thirty", None),
    ],
)
def test_one_of_them_is_chosen_by_its_place(said: str, chosen: str | None) -> None:
    assert chosen_time(said, OFFER) == chosen


def test_nothing_is_chosen_where_nothing_was_offered() -> None:
    assert chosen_time("the first one", "Which time would you like?") is None
    assert chosen_time("the last one", "We open at nine thirty. Which time would you like?") is None


def test_the_planner_takes_what_was_chosen() -> None:
    planner = Planner([collect("collect_time", time=slot("time", "time"))], date(2026, 11, 21))
    question = getattr(planner.plan((), "auto").move, "text", "")
    history = [
        HistoryItem("a", ItemRole.ASSISTANT, OFFER),
        HistoryItem("b", ItemRole.ASSISTANT, question),
        HistoryItem("u", ItemRole.USER, "the second one please", confidence=0.95),
    ]
    assert planner.plan(history, "auto").move == CallTool("collect_time", {"time": "11:00"})
