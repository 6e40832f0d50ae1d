"""One order over all edges: who waits in which queue, and who has which target, in Redis.

``trunkline:queue:NAME`` is a hash, call id to a JSON document that its edge writes anew twice a
second; one that has not changed for 15 s is a dead edge's. ``trunkline:queue-target:DIGEST`` is
whoever has a target, or ``rest`` while it is left alone; it lapses by itself. Redis away: each edge
orders its own callers, and two of them may ring the same target, who is busy to the second.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any, Final, cast

import orjson
from redis.asyncio import Redis
from redis.exceptions import RedisError

from trunkline.calls.hold_queue import Waiting
from trunkline.calls.queue_board import QueueBoard, wall_ms
from trunkline.domain.clock import Clock
from trunkline.runtime.logging import get_logger

log = get_logger(__name__)

DEAD_AFTER_MS: Final = 15_000
_EVERY_S: Final = 0.5
_DEADLINE_S: Final = 1.0
_MOST_TOLD: Final = 5000  # callers of other edges
_MOST_OWED: Final = 1000  # leaves and returns, while Redis is away; they lapse by themselves
# Only whoever has a target gives it back; KEYS: the target; ARGV: the call, the rest in ms.
_GIVE_BACK: Final = """
if redis.call('get', KEYS[1]) ~= ARGV[1] then return 0 end
if tonumber(ARGV[2]) > 0 then return redis.call('set', KEYS[1], 'rest', 'PX', ARGV[2]) end
return redis.call('del', KEYS[1])
"""


def queue_key(queue: str) -> str:
    return f"trunkline:queue:{queue}"


def target_key(target: str) -> str:
    return f"trunkline:queue-target:{hashlib.sha256(target.encode()).hexdigest()[:32]}"


class QueueSharing:
    """Keeps a board like those of the other edges; ``run`` belongs in a task group."""

    def __init__(self, redis: Redis, edge_id: str, board: QueueBoard, clock: Clock) -> None:
        self._redis = redis
        self._edge_id = edge_id
        self._board = board
        self._clock = clock
        self._owed: list[tuple[str, ...]] = []  # what could not be told yet, in order
        self._told: dict[bytes, tuple[int, float]] = {}  # when each entry was last seen to change
        self._is_connected = True
        self._turn = asyncio.Lock()

    @property
    def is_connected(self) -> bool:
        return self._is_connected

    # ---- what a caller's wait asks -------------------------------------------------------------

    async def joined(self, queue: str) -> None:
        """The others are told, and their callers are known: nobody jumps the queue."""
        await self.sync()

    async def take(self, target: str, call_id: str) -> bool:
        try:
            async with asyncio.timeout(_DEADLINE_S), self._turn:
                await self._pay()
                taken = await self._redis.set(
                    target_key(target), call_id, nx=True, px=DEAD_AFTER_MS
                )
        except (RedisError, OSError, TimeoutError):
            return True
        return bool(taken)

    def give_back(self, target: str, call_id: str, rest_ms: int) -> None:
        self._owed.append(("give_back", target_key(target), call_id, str(rest_ms)))

    def left(self, queue: str, call_id: str) -> None:
        self._owed.append(("left", queue_key(queue), call_id))

    # ---- the exchange --------------------------------------------------------------------------

    async def run(self) -> None:
        while True:
            await self.sync()
            await asyncio.sleep(_EVERY_S)

    async def sync(self) -> None:
        """Tell what is new here and take over what the others told."""
        queues = [name for name, queue in self._board.queues.items() if queue.callers]
        if not (queues or self._owed or self._board.targets.taken()):
            return
        try:
            async with self._turn, asyncio.timeout(_DEADLINE_S):
                await self._pay()
                for queue in queues:
                    await self._exchange(queue)
                for target in self._board.targets.taken():
                    await self._redis.pexpire(target_key(target), DEAD_AFTER_MS)
        except (RedisError, OSError, TimeoutError) as exc:
            if self._is_connected:
                log.warning("this edge orders its queues alone", reason=type(exc).__name__)
            self._is_connected = False
            for name in queues:
                self._board.of(name).elsewhere = ()
            return
        self._is_connected = True

    async def _pay(self) -> None:
        """Do what is owed; what fails stays owed, the oldest dropped when there is too much."""
        del self._owed[:-_MOST_OWED]
        while self._owed:
            kind, key, *rest = self._owed[0]
            if kind == "left":
                await self._redis.hdel(key, *rest)
            else:
                await self._redis.eval(_GIVE_BACK, 1, key, *rest)
            if self._owed:
                self._owed.pop(0)

    async def _exchange(self, queue: str) -> None:
        now_ms, key = wall_ms(self._clock), queue_key(queue)
        own = {
            one.call_id: orjson.dumps(
                {
                    "since": one.since_ms,
                    "ringing": one.is_rung_for,
                    "seen": now_ms,
                    "edge": self._edge_id,
                }
            )
            for one in self._board.of(queue).callers.values()
        }
        if own:
            await cast(Awaitable[Any], self._redis.hset(key, mapping=cast(Any, own)))
            await self._redis.pexpire(key, 4 * DEAD_AFTER_MS)
        told = await cast(Awaitable[Any], self._redis.hgetall(key))
        others, dead = [], []
        for call_id, payload in told.items():
            entry = _entry(payload)
            if entry is None or (entry.edge != self._edge_id and self._is_stale(call_id, entry)):
                dead.append(call_id)
            elif entry.edge != self._edge_id:
                others.append(Waiting(_text(call_id), entry.since_ms, entry.is_rung_for))
        if dead:
            await self._redis.hdel(key, *dead)
            for call_id in dead:
                self._told.pop(call_id, None)
        self._board.of(queue).elsewhere = tuple(others)

    def _is_stale(self, call_id: bytes, entry: _Entry) -> bool:
        """Not written anew for too long, by our own clock: the edges' clocks may differ."""
        now_ms = self._clock.monotonic_ms()
        seen_ms, at_ms = self._told.get(call_id, (-1, now_ms))
        if entry.seen_ms != seen_ms:
            while len(self._told) >= _MOST_TOLD:
                del self._told[next(iter(self._told))]
            self._told[call_id] = (entry.seen_ms, now_ms)
            return False
        return now_ms - at_ms > DEAD_AFTER_MS


@dataclass(frozen=True, slots=True)
class _Entry:
    edge: str
    since_ms: int
    seen_ms: int
    is_rung_for: bool


def _entry(payload: bytes) -> _Entry | None:
    """What an edge wrote of a caller; None when it is nothing that one would."""
    try:
        told = orjson.loads(payload)
        return _Entry(
            str(told["edge"]), int(told["since"]), int(told["seen"]), bool(told["ringing"])
        )
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return None


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
