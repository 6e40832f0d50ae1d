"""The beat on a clock that is set back: every round goes on at its pace."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from celery import Celery

from trunkline.jobs import beat
from trunkline.jobs.beat import Every, SteadyScheduler

START = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


class Day:
    """The time of day of Celery and of the scheduler."""

    def __init__(self) -> None:
        self.now = START

    def time(self) -> float:
        return self.now.timestamp()


class Noting(SteadyScheduler):
    """Notes what it would send."""

    sent: list[str]

    def apply_entry(self, entry: Any, producer: Any = None) -> None:
        self.sent.append(entry.name)

    producer = None


@pytest.fixture
def day(monkeypatch: pytest.MonkeyPatch) -> Day:
    day = Day()
    monkeypatch.setattr(beat, "time", day)
    return day


@pytest.fixture
def scheduler(day: Day, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Noting:
    app = Celery("beaten", broker="memory://")
    monkeypatch.setattr(app, "now", lambda: day.now)
    app.conf.beat_schedule = {
        name: {"task": name, "schedule": Every(every_s, app=app)}
        for name, every_s in (("quick", 1.0), ("slow", 2.0))
    }
    made = Noting(app, schedule_filename=str(tmp_path / "beat"))
    made.sent = []
    return made


def run(scheduler: Noting, day: Day, seconds: float) -> list[str]:
    """What is sent in so many seconds, looked at as often as the scheduler wants."""
    scheduler.sent.clear()
    left = seconds
    while left > 0:
        nap = min(max(scheduler.tick(), 0.01), left)
        day.now += timedelta(seconds=nap)
        left -= nap
    return scheduler.sent


@pytest.mark.parametrize("jump_s", [0, -60, -3600, 3600])
def test_rounds_go_on_whatever_the_clock_is_set_to(
    scheduler: Noting, day: Day, jump_s: float
) -> None:
    run(scheduler, day, 10)
    day.now += timedelta(seconds=jump_s)
    sent = run(scheduler, day, 10)
    assert sent.count("quick") == pytest.approx(10, abs=2)
    assert sent.count("slow") == pytest.approx(5, abs=2)
    scheduler.close()
