"""Usage laid out by days: what a chart draws and a table tells. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Final

from trunkline.storage.usage import DayUsage

MEASURES: Final[Mapping[str, str]] = {"cost": "Cost", "tokens": "Tokens", "requests": "Requests"}
CHART_WIDTH: Final = 1000
CHART_HEIGHT: Final = 160
_GAP: Final = 0.22  # of a day's width


def days_until(now: datetime, count: int, zone: tzinfo) -> tuple[date, ...]:
    """The last ``count`` days of a zone, today included."""
    today = now.astimezone(zone).date()
    return tuple(today - timedelta(days=back) for back in reversed(range(count)))


def midnights(days: Sequence[date], zone: tzinfo) -> tuple[datetime, ...]:
    """Where the days begin, and where the last ends."""
    all_days = (*days, days[-1] + timedelta(days=1))
    return tuple(datetime.combine(day, time(), zone) for day in all_days)


@dataclass(frozen=True, slots=True)
class Used:
    """Counts that add up; tokens of cached input are part of ``tokens_in``."""

    sessions: int = 0
    requests: int = 0
    tokens_in: int = 0
    cached_in: int = 0
    tokens_out: int = 0
    transcribed_ms: int = 0
    cost: float = 0.0

    @classmethod
    def of(cls, one: DayUsage) -> Used:
        return cls(
            sessions=one.sessions,
            requests=one.responses,
            tokens_in=one.text_in + one.audio_in,
            cached_in=one.cached_text_in + one.cached_audio_in,
            tokens_out=one.text_out + one.audio_out,
            transcribed_ms=one.transcribed_ms,
            cost=one.cost,
        )

    @property
    def tokens(self) -> int:
        return self.tokens_in + self.tokens_out

    def __add__(self, other: Used) -> Used:
        names = (field.name for field in fields(self))
        return Used(**{name: getattr(self, name) + getattr(other, name) for name in names})


@dataclass(frozen=True, slots=True)
class Bar:
    """A day as drawn, in units of the chart."""

    day: date
    value: float
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Line:
    """One key's use of one model, in all and by day."""

    key_id: str
    model: str
    total: Used
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """All that was used in one currency; ``lines`` begin with the dearest."""

    currency: str
    total: Used
    by_day: tuple[Used, ...]
    bars: tuple[Bar, ...]
    lines: tuple[Line, ...]
    top: float


def measured(measure: str) -> Callable[[Used], float]:
    return {
        "cost": lambda used: used.cost,
        "tokens": lambda used: used.tokens,
        "requests": lambda used: used.requests,
    }[measure]


def sheets(found: Sequence[DayUsage], days: Sequence[date], measure: str) -> list[Sheet]:
    """One sheet a currency."""
    value = measured(measure)
    by_currency: dict[str, list[DayUsage]] = {}
    for one in found:
        by_currency.setdefault(one.currency, []).append(one)
    return [_sheet(currency, rows, days, value) for currency, rows in sorted(by_currency.items())]


def _sheet(
    currency: str, rows: Sequence[DayUsage], days: Sequence[date], value: Callable[[Used], float]
) -> Sheet:
    by_day = _by_day(rows, len(days))
    groups: dict[tuple[str, str], list[DayUsage]] = {}
    for one in rows:
        groups.setdefault((one.key_id, one.model), []).append(one)
    lines = []
    for (key_id, model), own in groups.items():
        own_days = _by_day(own, len(days))
        bars = draw([value(used) for used in own_days], days, 120, 22)
        lines.append(Line(key_id, model, _total(own_days), bars))
    lines.sort(key=lambda line: (-line.total.cost, -line.total.tokens, line.key_id, line.model))
    values = [value(used) for used in by_day]
    return Sheet(
        currency=currency,
        total=_total(by_day),
        by_day=by_day,
        bars=draw(values, days, CHART_WIDTH, CHART_HEIGHT),
        lines=tuple(lines),
        top=max(values, default=0.0),
    )


def _by_day(rows: Iterable[DayUsage], count: int) -> tuple[Used, ...]:
    found = [Used()] * count
    for one in rows:
        found[one.day] += Used.of(one)
    return tuple(found)


def _total(days: Iterable[Used]) -> Used:
    return sum(days, Used())


def draw(
    values: Sequence[float], days: Sequence[date], width: float, height: float
) -> tuple[Bar, ...]:
    """Bars that fill the width; the highest fills the height, and what is not nothing is seen."""
    top = max(values, default=0.0)
    step = width / max(1, len(days))
    bars = []
    for place, (day, value) in enumerate(zip(days, values, strict=True)):
        tall = max(1.5, value / top * height) if value > 0 else 0.0
        x = place * step + step * _GAP / 2
        bars.append(
            Bar(day, value, round(x, 2), round(height - tall, 2), round(step * (1 - _GAP), 2),
                round(tall, 2))
        )  # fmt: skip
    return tuple(bars)
