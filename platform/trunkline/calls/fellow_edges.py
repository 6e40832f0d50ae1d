"""What edges behind one front tell each other, in Redis, every second and under their names.

``trunkline:front:edges`` holds a JSON document an edge, ``trunkline:front:wishes`` what an operator
wants of it, ``trunkline:front:registrar`` the edge that registers the trunks. Redis away: each edge
goes on alone, counts its own calls only and keeps what it registered.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, cast

import orjson
from redis.asyncio import Redis
from redis.exceptions import RedisError

from trunkline.domain.clock import Clock
from trunkline.runtime.logging import get_logger

log = get_logger(__name__)

EDGES_HASH: Final = "trunkline:front:edges"
WISHES_HASH: Final = "trunkline:front:wishes"
REGISTRAR_KEY: Final = "trunkline:front:registrar"
TICK_S: Final = 1.0
GONE_AFTER_S: Final = 5.0
_LEASE_MS: Final = 10_000

_HOLD: Final = """
if redis.call('get', KEYS[1]) == ARGV[1] then redis.call('pexpire', KEYS[1], ARGV[2]) return 1 end
if redis.call('set', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return 1 end
return 0
"""
_LET_GO: Final = "if redis.call('get', KEYS[1]) == ARGV[1] then redis.call('del', KEYS[1]) end"


class Wish(StrEnum):
    """What an operator wants of an edge: no new calls, or that and a new start when it is idle."""

    SERVE = ""
    DRAIN = "drain"
    RESTART = "restart"


@dataclass(frozen=True, slots=True)
class EdgeStatus:
    """``lines`` are calls that are up, by trunk."""

    name: str
    edge_id: str
    takes_calls: bool
    lines: Mapping[str, int]
    registers: bool = False
    at: float = 0.0

    @property
    def live(self) -> int:
        return sum(self.lines.values())

    def is_alive(self, now: float) -> bool:
        return now - self.at <= GONE_AFTER_S


class FellowEdges:
    """``run`` until cancelled. ``register`` begins or ends the registrations of all trunks."""

    def __init__(
        self,
        redis: Redis,
        clock: Clock,
        *,
        status: Callable[[], EdgeStatus],
        obey: Callable[[Wish], Awaitable[None]],
        register: Callable[[bool], Awaitable[None]] | None = None,
    ) -> None:
        self._redis = redis
        self._clock = clock
        self._status = status
        self._obey = obey
        self._register = register
        self._is_registrar = False
        self._has_left = False
        self._elsewhere: Counter[str] = Counter()
        self._heard_s = 0.0
        self._is_away = False

    def lines_elsewhere(self) -> Mapping[str, int]:
        """Calls on the other edges, by trunk, a second old at most; none while Redis is away."""
        is_fresh = time.monotonic() - self._heard_s <= GONE_AFTER_S
        return self._elsewhere if is_fresh else {}

    async def run(self) -> None:
        await self._forget_restart()
        while True:
            try:
                async with asyncio.timeout(2 * TICK_S):
                    await self._tick()
            except (RedisError, OSError, TimeoutError) as exc:
                if not self._is_away:
                    log.warning("the other edges are not heard: Redis is away", reason=str(exc))
                self._is_away = True
            else:
                self._is_away = False
            await asyncio.sleep(TICK_S)

    async def leave(self) -> None:
        """This edge takes no calls any more: another one may register."""
        self._has_left = True
        try:
            async with asyncio.timeout(2 * TICK_S):
                await self._let_go()
                await cast(Any, self._redis.hdel(EDGES_HASH, self._status().name))
        except (RedisError, OSError, TimeoutError):
            return  # the lease and the status go stale by themselves

    async def _forget_restart(self) -> None:
        """A wish for a new start has been fulfilled by this one."""
        name = self._status().name
        try:
            async with asyncio.timeout(2 * TICK_S):
                if await self._wish(name) is Wish.RESTART:
                    await cast(Any, self._redis.hdel(WISHES_HASH, name))
        except (RedisError, OSError, TimeoutError):
            return

    async def _tick(self) -> None:
        status = self._status()
        document = {
            "edge_id": status.edge_id,
            "takes_calls": status.takes_calls,
            "lines": dict(status.lines),
            "registers": self._is_registrar,
            "at": self._clock.now().timestamp(),
        }
        await cast(Any, self._redis.hset(EDGES_HASH, status.name, orjson.dumps(document).decode()))
        now = self._clock.now().timestamp()
        lines: Counter[str] = Counter()
        for fellow in await edge_statuses(self._redis):
            if fellow.name != status.name and fellow.is_alive(now):
                lines.update(fellow.lines)
        self._elsewhere, self._heard_s = lines, time.monotonic()
        wish = await self._wish(status.name)
        await self._obey(wish)
        if self._has_left or wish is not Wish.SERVE:
            await self._let_go()
        else:
            await self._hold(status.edge_id)

    async def _wish(self, name: str) -> Wish:
        wanted = await cast(Any, self._redis.hget(WISHES_HASH, name))
        try:
            return Wish((wanted or b"").decode())
        except ValueError:
            return Wish.SERVE

    async def _hold(self, edge_id: str) -> None:
        if self._register is None:
            return
        held = await cast(Any, self._redis.eval(_HOLD, 1, REGISTRAR_KEY, edge_id, str(_LEASE_MS)))
        if bool(held) == self._is_registrar:
            return
        self._is_registrar = bool(held)
        if held:
            log.info("this edge registers the trunks")
        await self._register(self._is_registrar)

    async def _let_go(self) -> None:
        """Unregister first: whoever registers next must not be undone by it."""
        if self._register is None or not self._is_registrar:
            return
        self._is_registrar = False
        await self._register(False)
        await cast(Any, self._redis.eval(_LET_GO, 1, REGISTRAR_KEY, self._status().edge_id))


async def edge_statuses(redis: Redis) -> list[EdgeStatus]:
    """Every edge that has told of itself and not left, dead ones included, by name."""
    found = cast(Any, await cast(Any, redis.hgetall(EDGES_HASH)))
    statuses = []
    for raw_name, payload in found.items():
        document = orjson.loads(payload)
        statuses.append(
            EdgeStatus(
                name=raw_name.decode(),
                edge_id=str(document["edge_id"]),
                takes_calls=bool(document["takes_calls"]),
                lines={str(name): int(count) for name, count in document["lines"].items()},
                registers=bool(document["registers"]),
                at=float(document["at"]),
            )
        )
    return sorted(statuses, key=lambda one: one.name)


async def wish_of(redis: Redis, name: str, wish: Wish) -> None:
    """Tell an edge what is wanted; it looks every second."""
    if wish is Wish.SERVE:
        await cast(Any, redis.hdel(WISHES_HASH, name))
    else:
        await cast(Any, redis.hset(WISHES_HASH, name, wish.value))
