"""Business hours: when a calendar is open, and when it opens next. Pure.

Times are wall-clock times in the agent's time zone. A span that ends at or before its beginning
goes on into the next day.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Final

from trunkline.domain.events import Json

_LOOK_AHEAD_DAYS: Final = 370


@dataclass(frozen=True, slots=True)
class Span:
    """From ``opens`` until just before ``closes``."""

    opens: time
    closes: time

    @property
    def is_overnight(self) -> bool:
        return self.closes <= self.opens


@dataclass(frozen=True, slots=True)
class Holiday:
    """Closed from ``first`` to ``last``, both included."""

    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Calendar:
    """``weekly``: spans by day, Monday is 0; ``special`` days win over holidays and these."""

    weekly: Mapping[int, tuple[Span, ...]] = field(default_factory=dict)
    holidays: tuple[Holiday, ...] = ()
    special: Mapping[date, tuple[Span, ...]] = field(default_factory=dict)

    def spans(self, day: date) -> tuple[Span, ...]:
        """When it opens on ``day``, in the order written."""
        if day in self.special:
            return self.special[day]
        if any(holiday.first <= day <= holiday.last for holiday in self.holidays):
            return ()
        return self.weekly.get(day.weekday(), ())

    def is_open(self, at: datetime) -> bool:
        """``at`` is local."""
        day, clock = at.date(), at.time()
        for span in self.spans(day):
            if span.opens <= clock and (span.is_overnight or clock < span.closes):
                return True
        yesterday = self.spans(day - timedelta(days=1))
        return any(span.is_overnight and clock < span.closes for span in yesterday)

    def next_opening(self, at: datetime) -> datetime | None:
        """When it opens next after ``at``; None when that is not within a year."""
        for ahead in range(_LOOK_AHEAD_DAYS):
            day = at.date() + timedelta(days=ahead)
            for opens in sorted(span.opens for span in self.spans(day)):
                opening = datetime.combine(day, opens, at.tzinfo)
                if opening > at:
                    return opening
        return None


class _Lazy(Mapping[str, Json]):
    """Values made when they are read, so that a flow that never asks pays nothing."""

    def __init__(self, calendars: Mapping[str, Calendar], read: Callable[[Calendar], Json]) -> None:
        self._calendars = calendars
        self._read = read

    def __getitem__(self, name: str) -> Json:
        return self._read(self._calendars[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._calendars)

    def __len__(self) -> int:
        return len(self._calendars)


def hours_scope(
    calendars: Mapping[str, Calendar], now: Callable[[], datetime]
) -> dict[str, Mapping[str, Json]]:
    """``open`` and ``opens`` for texts and conditions; ``now`` is local and read every time.

    ``opens.name`` has ``date`` (ISO) and ``time`` (HH:MM) of the next opening, both empty when
    there is none.
    """

    def opens(calendar: Calendar) -> Json:
        at = calendar.next_opening(now())
        return {
            "date": at.date().isoformat() if at else "",
            "time": at.strftime("%H:%M") if at else "",
        }

    return {
        "open": _Lazy(calendars, lambda calendar: calendar.is_open(now())),
        "opens": _Lazy(calendars, opens),
    }
