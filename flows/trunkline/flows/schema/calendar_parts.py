"""Business hours as written into Calendars."""

from __future__ import annotations

import re
from datetime import date, time
from typing import Final

from trunkline.flows.calendars import Calendar, Holiday, Span
from trunkline.flows.schema.assembly import Assembly
from trunkline.flows.schema.document import CalendarPart, HolidayPart
from trunkline.flows.schema.source import YamlPath

_DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_SPAN: Final = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-4]):([0-5][0-9])")
CLOSED: Final = "closed"


def assemble_calendar(assembly: Assembly, name: str, part: CalendarPart) -> Calendar:
    path: YamlPath = ("calendars", name)
    weekly: dict[int, tuple[Span, ...]] = {}
    if part.weekdays is not None:
        spans = _spans(assembly, part.weekdays, (*path, "weekdays"))
        weekly |= dict.fromkeys(range(5), spans)
    if part.weekends is not None:
        spans = _spans(assembly, part.weekends, (*path, "weekends"))
        weekly |= dict.fromkeys((5, 6), spans)
    for day, key in enumerate(_DAYS):
        hours = getattr(part, key)
        if hours is not None:
            weekly[day] = _spans(assembly, hours, (*path, key))
    if not weekly and not part.special:
        assembly.complain(path, "it is never open: give weekdays, monday, ... or special")
    return Calendar(
        weekly=weekly,
        holidays=tuple(
            _holiday(assembly, holiday, (*path, "holidays", place))
            for place, holiday in enumerate(part.holidays)
        ),
        special={
            _day(assembly, day, (*path, "special", day)): _spans(
                assembly, hours, (*path, "special", day)
            )
            for day, hours in part.special.items()
        },
    )


def _spans(assembly: Assembly, texts: tuple[str, ...], path: YamlPath) -> tuple[Span, ...]:
    spans = []
    for text in texts:
        match = _SPAN.fullmatch(text.replace(" ", ""))
        if match is not None and (match[3] != "24" or match[4] == "00"):
            closes = time(0 if match[3] == "24" else int(match[3]), int(match[4]))
            spans.append(Span(time(int(match[1]), int(match[2])), closes))
        elif text != CLOSED:
            assembly.complain(path, f"{text!r} are no hours: write 08:00-18:00, or closed")
    return tuple(spans)


def _holiday(assembly: Assembly, part: str | HolidayPart, path: YamlPath) -> Holiday:
    if isinstance(part, str):
        day = _day(assembly, part, path)
        return Holiday(day, day)
    first = _day(assembly, part.first, (*path, "from"))
    last = _day(assembly, part.last, (*path, "to"))
    if last < first:
        assembly.complain((*path, "to"), "it ends before it begins")
    return Holiday(first, last)


def _day(assembly: Assembly, text: str, path: YamlPath) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        assembly.complain(path, f"{text!r} is no day: write it like 2026-12-25")
        return date.min
