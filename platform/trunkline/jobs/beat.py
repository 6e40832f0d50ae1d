"""Celery's beat on a clock that jumps.

Celery 5.6 counts by the time of day: set back by an hour, it waits an hour for its next round, and
what it had planned for before stands behind what it plans then.
"""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

from celery.beat import PersistentScheduler
from celery.schedules import schedstate, schedule


class Every(schedule):  # type: ignore[misc]  # Celery ships no types
    """Every so many seconds; at once when the last time lies in the future."""

    def is_due(self, last_run_at: datetime) -> Any:
        if self.maybe_make_aware(last_run_at) > self.maybe_make_aware(self.now()):
            return schedstate(True, self.seconds)
        return super().is_due(last_run_at)


class SteadyScheduler(PersistentScheduler):  # type: ignore[misc]  # likewise
    """Its plan is made anew when the clock was set back."""

    _ticked_at = 0.0

    def tick(self, *args: Any, **options: Any) -> Any:
        now = time.time()
        if now < self._ticked_at:
            self._heap = None
        self._ticked_at = now
        return super().tick(*args, **options)
