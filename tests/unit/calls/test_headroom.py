"""When an edge lets nobody else in, and when it does again: readings and a clock, nothing else."""

from __future__ import annotations

import pytest
from tests.unit.calls.test_admission import ask

from trunkline.calls.admission import Admit, Refuse
from trunkline.calls.headroom import BOUNDS, Capacity, Gauge, Headroom, Reading

CALM = Reading(live=10, loop_load=0.1, model_lag_ms=3, disk_free_mb=10_000)


def feed(headroom: Headroom, reading: Reading, seconds: int, start_s: float) -> float:
    """A reading a second; the time afterwards."""
    for number in range(seconds):
        headroom.take(reading, start_s + number)
    return start_s + seconds


LATE = Reading(live=10, loop_load=0.5, loop_lag_ms=90)


def test_an_edge_that_is_late_for_some_seconds_closes_and_says_why() -> None:
    headroom = Headroom()
    now = feed(headroom, LATE, BOUNDS[Gauge.LOOP_LAG].readings - 1, 0)
    assert headroom.is_open, "one late second is a collection of garbage"
    capacity = headroom.take(LATE, now)
    assert capacity.most_calls == 0
    assert capacity.why == "loop_lag_ms is 90"
    assert capacity.retry_after_s == 5


@pytest.mark.parametrize(
    "reading",
    [
        Reading(loop_load=0.9),
        Reading(media_lag_ms=80),
        Reading(underruns=1),
        Reading(cpu_load=0.95),
        Reading(open_files=0.95),
        Reading(disk_free_mb=10),
        Reading(model_lag_ms=1000),
    ],
)
def test_every_gauge_closes_it_by_itself(reading: Reading) -> None:
    headroom = Headroom()
    feed(headroom, reading, 5, 0)
    assert not headroom.is_open


def test_a_model_server_that_is_away_closes_nothing() -> None:
    """Its callers are told so, and the next second it may be back."""
    headroom = Headroom()
    feed(headroom, Reading(model_lag_ms=None), 60, 0)
    assert headroom.is_open


def test_it_opens_after_a_calm_while_and_not_between_the_bounds() -> None:
    headroom = Headroom()
    now = feed(headroom, LATE, 3, 0)
    now = feed(headroom, Reading(loop_lag_ms=45), 60, now)
    assert not headroom.is_open, "not late any more, and not calm either"
    now = feed(headroom, CALM, 5, now)
    assert not headroom.is_open
    headroom.take(CALM, now)
    assert headroom.is_open
    assert headroom.closings == 1


def test_how_long_a_caller_should_wait_is_told_as_it_is() -> None:
    headroom = Headroom()
    now = feed(headroom, LATE, 3, 0)
    waits = [headroom.take(CALM, now + second).retry_after_s for second in range(5)]
    assert waits == [5, 4, 3, 2, 1]


def test_load_that_comes_back_with_the_calls_does_not_make_it_flap() -> None:
    """Refusing relieves it, letting in overloads it: an hour of that has few changes."""
    headroom, changes, was_open = Headroom(), 0, True
    for second in range(3600):
        headroom.take(LATE if headroom.is_open else CALM, float(second))
        changes += headroom.is_open != was_open
        was_open = headroom.is_open
    assert changes <= 2 * (3600 // 63 + 5)


def test_after_a_good_minute_a_closed_edge_waits_as_shortly_as_at_first() -> None:
    headroom, now = Headroom(), 0.0
    for _ in range(3):
        now = feed(headroom, LATE, 4, now)
        assert not headroom.is_open
        while not headroom.is_open:
            headroom.take(CALM, now)
            now += 1
    now = feed(headroom, CALM, 61, now)
    now = feed(headroom, LATE, 3, now)
    assert headroom.capacity.retry_after_s == 5


def test_what_a_call_takes_is_learned_and_a_burst_is_held_to_what_is_left() -> None:
    headroom = Headroom()
    feed(headroom, Reading(live=20, loop_load=0.4), 40, 0)
    assert headroom.capacity.most_calls in (41, 42)
    feed(headroom, Reading(live=40, loop_load=0.84), 2, 40)
    assert headroom.capacity.most_calls == 40
    assert headroom.is_open


def test_setting_calls_up_is_not_taken_for_what_they_cost() -> None:
    headroom = Headroom()
    before = headroom.take(Reading(live=0), 0).most_calls
    for second in range(1, 6):
        headroom.take(Reading(live=10 * second, loop_load=0.6), float(second))
    assert headroom.take(Reading(live=50, loop_load=0.2), 6).most_calls >= before


def test_an_edge_without_room_refuses_with_503_and_a_time() -> None:
    assert ask(capacity=Capacity(0, "loop_lag_ms is 90", 7)) == Refuse(
        503, "no headroom: loop_lag_ms is 90", 7
    )
    refused = ask(live=5, capacity=Capacity(5, "a call takes 2 %"))
    assert isinstance(refused, Refuse)
    assert refused.retry_after_s
    assert isinstance(ask(live=4, capacity=Capacity(5)), Admit)


def test_somebody_unknown_learns_nothing_of_how_busy_it_is() -> None:
    refused = ask(source_ip="198.51.100.1", capacity=Capacity(0))
    assert isinstance(refused, Refuse)
    assert refused.sip_status == 403
