"""The database's clock for those who wait, count and lease: one time for every worker."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from trunkline.domain.clock import Clock, SystemClock
from trunkline.storage.engine import Sessions, database_now


@dataclass(frozen=True, slots=True)
class DatabaseClock:
    """What the database's clock showed at ``read_ms``, counted on by our monotonic one.

    A worker whose time of day is wrong, or is set while it works, leases and expires as others do.
    """

    shown: datetime
    read_ms: float
    machine: Clock

    def now(self) -> datetime:
        return self.shown + timedelta(milliseconds=self.monotonic_ms() - self.read_ms)

    def monotonic_ms(self) -> float:
        return self.machine.monotonic_ms()


async def read_clock(sessions: Sessions, machine: Clock | None = None) -> DatabaseClock:
    """For one piece of work: read it anew for the next."""
    machine = machine or SystemClock()
    async with sessions.reading() as session:
        shown = await database_now(session)
    return DatabaseClock(shown, machine.monotonic_ms(), machine)
