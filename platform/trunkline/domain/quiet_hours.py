"""Hours in which nobody is called: ``21:00-08:00 Europe/London``. Values only."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from trunkline.domain.errors import Invalid

_HOURS: Final = re.compile(r"(\d{1,2}):(\d\d)\s*-\s*(\d{1,2}):(\d\d)(?:\s+(\S+))?")


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From ``begins`` to ``ends`` (exclusive) by the wall clock of ``zone``, over midnight too."""

    begins: time
    ends: time
    zone: ZoneInfo

    def over_at(self, at: datetime) -> datetime:
        """When calling is allowed next, in UTC: ``at`` itself outside the quiet hours."""
        local = at.astimezone(self.zone)
        if not self._is_quiet(local.time()):
            return at
        end = datetime.combine(local.date(), self.ends, tzinfo=self.zone)
        if end <= local:
            end = datetime.combine(local.date() + timedelta(days=1), self.ends, tzinfo=self.zone)
        return end.astimezone(UTC)

    def _is_quiet(self, now: time) -> bool:
        if self.begins <= self.ends:
            return self.begins <= now < self.ends
        return now >= self.begins or now < self.ends


def as_quiet_hours(text: str) -> QuietHours | None:
    """None for an empty text; Invalid when it is none or names no zone that is known."""
    if not text.strip():
        return None
    found = _HOURS.fullmatch(text.strip())
    try:
        if found is None:
            raise ValueError(text)
        begins = time(int(found[1]), int(found[2]))
        ends = time(int(found[3]), int(found[4]))
        zone = ZoneInfo(found[5] or "UTC")
    except (ValueError, ZoneInfoNotFoundError, OSError):
        raise Invalid(
            f"quiet hours are {text!r}; write FROM-TO and a time zone, for example"
            " '21:00-08:00 Europe/London'",
            code="bad_quiet_hours",
        ) from None
    return QuietHours(begins, ends, zone)
