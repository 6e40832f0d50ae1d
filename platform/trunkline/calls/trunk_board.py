"""How the trunks stand, as each edge tells it: a Redis hash that every edge keeps its field of.

An edge writes ``trunkline:trunks`` every five seconds; what is older than twenty is of an edge that
is gone, and is taken out by whoever reads it next. Nothing secret is in it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

import orjson
from redis.asyncio import Redis
from redis.exceptions import RedisError

from trunkline.domain.clock import Clock
from trunkline.runtime.logging import get_logger

log = get_logger(__name__)

TRUNKS_KEY: Final = "trunkline:trunks"
_EVERY_S: Final = 5.0
_STALE_S: Final = 20.0
_DEADLINE_S: Final = 2.0


class TrunkState(StrEnum):
    UP = "up"
    DOWN = "down"  # it does not answer OPTIONS
    UNREGISTERED = "unregistered"
    UNKNOWN = "unknown"  # nothing asks it: calls may come, and go out if it has a registrar


@dataclass(frozen=True, slots=True)
class TrunkReading:
    """A trunk as one edge knows it; counters since that edge's start, ``refused`` by SIP status.

    ``is_registered`` and ``is_up`` are None where the edge does not register, or does not ask.
    """

    name: str
    auth: str
    registrar: str = ""
    srtp: str = "off"
    max_calls: int = 0
    calls_per_second: float = 0.0
    calls_burst: int = 0
    options_s: int = 0
    prefixes: tuple[str, ...] = ()
    is_registered: bool | None = None
    is_up: bool | None = None
    problem: str = ""
    options_status: int = 0  # what the last OPTIONS came to; 0: none yet
    retry_in_s: int = 0
    calls_up: int = 0
    calls_taken: int = 0
    limited: int = 0
    failovers: int = 0
    registration_failures: int = 0
    refused: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TrunkStanding:
    """A trunk over all edges: ``reading`` has their sums, and the worst of what they say."""

    reading: TrunkReading
    state: TrunkState
    edges: int


def standing(readings: Sequence[TrunkReading]) -> tuple[TrunkStanding, ...]:
    """The readings of all edges, by trunk, in the order in which they come."""
    by_name: dict[str, list[TrunkReading]] = {}
    for one in readings:
        by_name.setdefault(one.name, []).append(one)
    return tuple(_sum(of_trunk) for of_trunk in by_name.values())


def _sum(readings: Sequence[TrunkReading]) -> TrunkStanding:
    first = readings[0]
    # Behind one front a single edge registers for all: that one does is enough.
    registered = [one.is_registered for one in readings if one.is_registered is not None]
    answers = [one.is_up for one in readings if one.is_up is not None]
    refused: Counter[str] = Counter()
    for one in readings:
        refused.update(one.refused)
    is_registered = any(registered) if registered else None
    is_up = all(answers) if answers else None
    together = {
        name: sum(getattr(one, name) for one in readings)
        for name in ("calls_up", "calls_taken", "limited", "failovers", "registration_failures")
    }
    worst = next((one for one in readings if one.problem), first)
    told = {one.name: getattr(first, one.name) for one in fields(first)} | together
    told |= {"is_registered": is_registered, "is_up": is_up, "refused": dict(refused)}
    told["problem"] = "" if is_registered else worst.problem
    told["retry_in_s"] = 0 if is_registered else worst.retry_in_s
    told["options_status"] = max(one.options_status for one in readings)
    return TrunkStanding(TrunkReading(**told), _state(is_registered, is_up), len(readings))


def _state(is_registered: bool | None, is_up: bool | None) -> TrunkState:
    if is_registered is False:
        return TrunkState.UNREGISTERED
    if is_up is False:
        return TrunkState.DOWN
    return TrunkState.UP if is_registered or is_up else TrunkState.UNKNOWN


class TrunkBoard:
    """``tell`` is an edge's, and belongs in a task group; ``read`` is everybody's."""

    def __init__(self, redis: Redis, clock: Clock) -> None:
        self._redis = redis
        self._clock = clock

    async def tell(self, edge_id: str, readings: Callable[[], Sequence[TrunkReading]]) -> None:
        """Write this edge's field again and again; Redis away: the board grows old, and says so."""
        try:
            while True:
                await self._write(edge_id, readings())
                await asyncio.sleep(_EVERY_S)
        finally:
            await self._forget(edge_id)

    async def read(self) -> tuple[TrunkReading, ...]:
        """What the edges that are alive say; raises RedisError, OSError or TimeoutError."""
        async with asyncio.timeout(_DEADLINE_S):
            stored = await self._redis.hgetall(TRUNKS_KEY)
        now_s = self._clock.now().timestamp()
        found: list[TrunkReading] = []
        stale: list[str | bytes] = []
        for edge_id, raw in sorted(stored.items()):
            at_s, readings = _decode(raw)
            # A clock that was set back must not keep an edge on the board for ever.
            if abs(now_s - at_s) > _STALE_S:
                stale.append(edge_id)
            else:
                found += readings
        if stale:
            async with asyncio.timeout(_DEADLINE_S):
                await self._redis.hdel(TRUNKS_KEY, *stale)
        return tuple(found)

    async def _write(self, edge_id: str, readings: Sequence[TrunkReading]) -> None:
        document = {
            "at": self._clock.now().timestamp(),
            "trunks": [asdict(one) | {"refused": dict(one.refused)} for one in readings],
        }
        try:
            async with asyncio.timeout(_DEADLINE_S):
                await self._redis.hset(TRUNKS_KEY, edge_id, orjson.dumps(document).decode())
        except (RedisError, OSError, TimeoutError) as exc:
            log.debug("the board of trunks was not written", reason=type(exc).__name__)

    async def _forget(self, edge_id: str) -> None:
        try:
            async with asyncio.timeout(_DEADLINE_S):
                await self._redis.hdel(TRUNKS_KEY, edge_id)
        except (RedisError, OSError, TimeoutError):
            return  # it grows stale by itself


_NAMES: Final = frozenset(one.name for one in fields(TrunkReading))


def _decode(raw: str | bytes) -> tuple[float, list[TrunkReading]]:
    """An entry of another version is read as far as it goes; one that is none is stale."""
    try:
        document: dict[str, Any] = orjson.loads(raw)
        readings = [
            TrunkReading(
                **{name: value for name, value in one.items() if name in _NAMES}
                | {"prefixes": tuple(one.get("prefixes", ()))}
                | {"refused": MappingProxyType(dict(one.get("refused", {})))}
            )
            for one in document["trunks"]
        ]
        return float(document["at"]), readings
    except (ValueError, TypeError, KeyError, AttributeError):
        return 0.0, []
