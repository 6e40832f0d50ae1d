"""What an edge measures of itself once a second, so that it lets in only calls it can carry."""

from __future__ import annotations

import asyncio
import os
import resource
import shutil
import statistics
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Protocol

import httpx

from trunkline.calls.headroom import BOUNDS, READING_S, Bounds, Gauge, Headroom, Reading
from trunkline.domain.audio import PTIME_MS
from trunkline.runtime.logging import get_logger
from trunkline.runtime.settings import Settings
from trunkline.runtime.telemetry import (
    ADMISSION_CLOSINGS,
    ADMISSION_OPEN,
    EDGE_GAUGES,
    HEADROOM_CALLS,
)
from trunkline.sip.endpoint import Endpoint
from trunkline.sip.reception import Reception
from trunkline.sip.stats import RingCounters

log = get_logger(__name__)

_WAKE_S: Final = 0.05
_ASK_S: Final = 1.0
_MB: Final = 1 << 20
_FIFTH: Final = 5  # a single late wake-up is a collection of garbage, and no load


class Line(Protocol):
    """``sip.endpoint.Endpoint`` is one."""

    @property
    def live_count(self) -> int: ...

    def ring_counters(self) -> Mapping[str, RingCounters]:
        """Of every leg that is up, by its id."""
        ...


@dataclass(slots=True)
class _Second:
    """Counters at the beginning of the second that is measured."""

    at_s: float
    loop_s: float
    cpu_s: float
    rings: Mapping[str, RingCounters]


class HeadroomWatch:
    """``run`` measures until cancelled; ``headroom.capacity`` is what holds.

    ``model_url``: of the Realtime endpoint, ``http://host:port/v1``. ``tell`` is told each time the
    edge opens or closes.
    """

    def __init__(
        self,
        line: Line,
        model_url: str,
        data_dir: Path,
        tell: Callable[[], Awaitable[None]],
        *,
        bounds: Mapping[Gauge, Bounds] = BOUNDS,
    ) -> None:
        self.headroom = Headroom(bounds)
        self.reading = Reading()
        self._line = line
        self._model = f"{model_url.removesuffix('/v1')}/healthz"
        self._data_dir = data_dir
        self._tell = tell

    def figures(self) -> dict[str, Any]:
        """For ``/readyz``."""
        capacity = self.headroom.capacity
        told = {name: value for name, value in asdict(self.reading).items() if value is not None}
        return {"is_open": capacity.is_open, "why": capacity.why, **told}

    async def problem(self) -> str:
        """For ``/readyz``: empty while calls are let in."""
        capacity = self.headroom.capacity
        return "" if capacity.is_open else f"calls are refused: {capacity.why}"

    async def run(self) -> None:
        async with httpx.AsyncClient(timeout=_ASK_S, trust_env=False) as http:
            before = self._second()
            while True:
                lags = await self._wake_ups()
                model_lag_ms = await answer_ms(http, self._model)
                now = self._second()
                self.reading = replace(
                    _read(before, now, self._line.live_count),
                    loop_lag_ms=statistics.quantiles(lags, n=_FIFTH)[-1],
                    open_files=_open_files(),
                    disk_free_mb=_free_mb(self._data_dir),
                    model_lag_ms=model_lag_ms,
                )
                before = now
                await self._take(now.at_s)

    async def _take(self, now_s: float) -> None:
        was_open = self.headroom.is_open
        capacity = self.headroom.take(self.reading, now_s)
        ADMISSION_OPEN.set(1 if capacity.is_open else 0)
        HEADROOM_CALLS.set(max(0, capacity.most_calls - self.reading.live))
        for gauge in Gauge:
            value = self.reading.value(gauge)
            EDGE_GAUGES.labels(gauge=gauge.value).set(-1 if value is None else value)
        if was_open == capacity.is_open:
            return
        if capacity.is_open:
            log.info("calls are let in again", capacity=capacity.why)
        else:
            ADMISSION_CLOSINGS.inc()
            log.warning("calls are refused before they suffer", why=capacity.why)
        await self._tell()

    @staticmethod
    async def _wake_ups() -> list[float]:
        """How late the loop was each time, for a second; milliseconds."""
        lags: list[float] = []
        clock = time.monotonic
        until = clock() + READING_S
        while clock() < until or len(lags) < _FIFTH:
            due = clock() + _WAKE_S
            await asyncio.sleep(_WAKE_S)
            lags.append(max(0.0, clock() - due) * 1000)
        return lags

    def _second(self) -> _Second:
        # The loop's thread is the one that calls this.
        return _Second(
            time.monotonic(), time.thread_time(), time.process_time(), self._line.ring_counters()
        )


async def answer_ms(http: httpx.AsyncClient, url: str) -> float | None:
    """How long a GET takes, a second at the most; None when nobody is there to answer."""
    began = time.monotonic()
    try:
        await http.get(url)
    except httpx.TimeoutException:
        pass  # somebody is there and does not answer: that is as late as it gets
    except (httpx.HTTPError, OSError):
        return None
    return (time.monotonic() - began) * 1000


def _read(before: _Second, now: _Second, live: int) -> Reading:
    passed_s = now.at_s - before.at_s
    both = [(before.rings[leg], ring) for leg, ring in now.rings.items() if leg in before.rings]
    # All ports have one clock; one that was disconnected meanwhile says nothing of it.
    ticks = max((later.ticks - earlier.ticks for earlier, later in both), default=None)
    missed = sum(later.underruns - earlier.underruns for earlier, later in both)
    behind_ms = 0.0 if not ticks else max(0.0, passed_s * 1000 - ticks * PTIME_MS)
    return Reading(
        live=live,
        loop_load=(now.loop_s - before.loop_s) / passed_s,
        media_lag_ms=behind_ms,
        underruns=missed / len(both) if both else 0.0,
        cpu_load=(now.cpu_s - before.cpu_s) / passed_s / len(os.sched_getaffinity(0)),
    )


def _open_files() -> float:
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return len(os.listdir("/proc/self/fd")) / limit if limit > 0 else 0.0


def _free_mb(folder: Path) -> float:
    try:
        return shutil.disk_usage(folder).free / _MB
    except OSError:
        return 0.0  # what cannot be looked at cannot be written to


def headroom_watch(settings: Settings, endpoint: Endpoint, reception: Reception) -> HeadroomWatch:
    """What it finds counts for the reception's verdicts and for how OPTIONS is answered."""

    watch = HeadroomWatch(
        endpoint,
        settings.resolved_model_url,
        settings.data_dir,
        endpoint.answer_options,
        bounds=bounds_with(settings.admission_free_mb),
    )
    reception.headroom = watch.headroom
    return watch


def bounds_with(least_free_mb: int) -> Mapping[Gauge, Bounds]:
    """The usual bounds; 0: calls are taken however full the disk is."""
    disk = Bounds(least_free_mb, 2 * least_free_mb, 1)
    found = {**BOUNDS, Gauge.DISK_FREE: disk}
    if not least_free_mb:
        del found[Gauge.DISK_FREE]
    return MappingProxyType(found)
