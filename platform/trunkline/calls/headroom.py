"""How many calls an edge can carry, from what it measures of itself. Readings in, a verdict out.

An edge that is too busy does not fail, it gets slow, for everybody who is on it: so it lets nobody
in before that. Beyond a bound for some readings in a row it closes; it opens when every gauge has
been back within a second, wider bound for a while, and that while grows each time it was too short.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final

READING_S: Final = 1.0
CLOSED_S: Final = 5.0
"""Calm for so long, and it opens."""
MOST_CLOSED_S: Final = 60.0
_TOO_SOON_S: Final = 60.0  # closed again so soon after it opened: it had opened too early
_RETRY_AFTER_S: Final = 5
# Of the loop's core: the first calls of a process have nothing to be reckoned from.
_SUPPOSED_COST: Final = 0.01
_LEAST_COST: Final = 0.004
_CALLS_THAT_TELL: Final = 5
_WEIGHT: Final = 0.2  # of a new reading in what a call costs


class Gauge(StrEnum):
    """What is measured; the unit is in the name of ``Reading``'s field."""

    LOOP_LAG = "loop_lag_ms"
    LOOP_LOAD = "loop_load"
    MEDIA_LAG = "media_lag_ms"
    UNDERRUNS = "underruns"
    CPU_LOAD = "cpu_load"
    OPEN_FILES = "open_files"
    DISK_FREE = "disk_free_mb"
    MODEL_LAG = "model_lag_ms"


@dataclass(frozen=True, slots=True)
class Bounds:
    """``close`` and ``open`` of one gauge; where ``close`` is the smaller one, less is worse."""

    close: float
    open: float
    readings: int = 3

    def is_beyond(self, value: float) -> bool:
        return value >= self.close if self.close > self.open else value < self.close

    def is_within(self, value: float) -> bool:
        return value <= self.open if self.close > self.open else value >= self.open


LEAST_FREE_MB: Final = 64
BOUNDS: Final[Mapping[Gauge, Bounds]] = MappingProxyType(
    {
        # A frame is 20 ms, and two seconds lie in the ring: answers are late before sound is.
        Gauge.LOOP_LAG: Bounds(60, 30),
        # The loop is one thread: at 85 % of a core it has begun to queue.
        Gauge.LOOP_LOAD: Bounds(0.85, 0.7),
        # A phone's jitter buffer forgives about so much.
        Gauge.MEDIA_LAG: Bounds(60, 20),
        # Ticks a call and second in which owed speech was missing.
        Gauge.UNDERRUNS: Bounds(0.5, 0.1),
        Gauge.CPU_LOAD: Bounds(0.9, 0.75, 5),
        Gauge.OPEN_FILES: Bounds(0.9, 0.8, 1),
        Gauge.DISK_FREE: Bounds(LEAST_FREE_MB, 2 * LEAST_FREE_MB, 1),
        Gauge.MODEL_LAG: Bounds(250, 120),
    }
)


@dataclass(frozen=True, slots=True)
class Reading:
    """One second of an edge. ``live``: calls up or being set up.

    ``loop_lag_ms``: the lateness that a fifth of the loop's wake-ups exceeded; ``loop_load``: share
    of a core that the loop's thread used; ``media_lag_ms``: how far the media clock fell behind;
    ``underruns``: a call; ``cpu_load``: of all cores the process may use; ``open_files``: of the
    limit; ``model_lag_ms``: until the model server answered, None while there is none to ask.
    """

    live: int = 0
    loop_lag_ms: float = 0.0
    loop_load: float = 0.0
    media_lag_ms: float = 0.0
    underruns: float = 0.0
    cpu_load: float = 0.0
    open_files: float = 0.0
    disk_free_mb: float = math.inf
    model_lag_ms: float | None = None

    def value(self, gauge: Gauge) -> float | None:
        found: float | None = getattr(self, gauge.value)
        return found


@dataclass(frozen=True, slots=True)
class Capacity:
    """``most_calls``: with how many calls up nobody else is let in; 0 while the edge is closed.

    ``why`` names the gauge that closed it, or what the number comes from.
    """

    most_calls: int
    why: str = ""
    retry_after_s: int = _RETRY_AFTER_S

    @property
    def is_open(self) -> bool:
        return self.most_calls > 0


UNMEASURED: Final = Capacity(1_000_000)


@dataclass(slots=True)
class Headroom:
    """Takes a reading a second. Pure; ``capacity`` is replaced whole and may be read anywhere."""

    bounds: Mapping[Gauge, Bounds] = field(default_factory=lambda: BOUNDS)
    capacity: Capacity = UNMEASURED
    closings: int = 0
    _beyond: dict[Gauge, int] = field(default_factory=dict)
    _cost: float = _SUPPOSED_COST
    _live: int = 0
    _calm_since_s: float | None = None
    _opened_s: float = -math.inf
    _wait_s: float = CLOSED_S

    @property
    def is_open(self) -> bool:
        return self.capacity.is_open

    def take(self, reading: Reading, now_s: float) -> Capacity:
        """``now_s``: a monotonic clock; what holds until the next reading."""
        self._learn(reading)
        worst = self._worst(reading)
        if worst is not None:
            self._calm_since_s = None
            if self.is_open:
                self._close(now_s)
        if self.is_open:
            self.capacity = self._room(reading)
            return self.capacity
        if worst is None and self._is_calm(reading):
            if self._calm_since_s is None:
                self._calm_since_s = now_s
            if now_s - self._calm_since_s >= self._wait_s:
                self._opened_s = now_s
                self._beyond.clear()
                self.capacity = self._room(reading)
                return self.capacity
        else:
            self._calm_since_s = None
        why = self.capacity.why if worst is None else f"{worst.value} is {reading.value(worst):.3g}"
        self.capacity = Capacity(0, why, math.ceil(self._left_s(now_s)))
        return self.capacity

    def _worst(self, reading: Reading) -> Gauge | None:
        """A gauge that has been beyond its bound for as many readings as that takes."""
        found = None
        for gauge, bounds in self.bounds.items():
            value = reading.value(gauge)
            if value is None or not bounds.is_beyond(value):
                self._beyond[gauge] = 0
                continue
            self._beyond[gauge] = self._beyond.get(gauge, 0) + 1
            if found is None and self._beyond[gauge] >= bounds.readings:
                found = gauge
        return found

    def _is_calm(self, reading: Reading) -> bool:
        values = ((bounds, reading.value(gauge)) for gauge, bounds in self.bounds.items())
        return all(value is None or bounds.is_within(value) for bounds, value in values)

    def _close(self, now_s: float) -> None:
        was_too_soon = now_s - self._opened_s < _TOO_SOON_S
        self._wait_s = min(self._wait_s * 2, MOST_CLOSED_S) if was_too_soon else CLOSED_S
        self.closings += 1
        self.capacity = Capacity(0)

    def _left_s(self, now_s: float) -> float:
        """At the best: should it be calm from now on."""
        calm_s = 0.0 if self._calm_since_s is None else now_s - self._calm_since_s
        return max(1.0, self._wait_s - calm_s)

    def _learn(self, reading: Reading) -> None:
        grown, self._live = reading.live - self._live, reading.live
        # What it takes to set calls up is no part of what they take.
        if reading.live >= _CALLS_THAT_TELL and grown <= reading.live // 10:
            seen = max(_LEAST_COST, reading.loop_load / reading.live)
            self._cost += _WEIGHT * (seen - self._cost)

    def _room(self, reading: Reading) -> Capacity:
        """Calls that the loop has room for: those of a burst are let in before they are felt."""
        left = self.bounds[Gauge.LOOP_LOAD].close - reading.loop_load
        room = max(0, math.floor(left / self._cost))
        why = f"a call takes {self._cost:.1%} of the loop's core, {left:.0%} are left"
        return Capacity(max(1, reading.live + room), why)
