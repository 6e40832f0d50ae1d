"""Facts to whoever watches now: the Redis stream ``trunkline:live``.

Each entry has one field, ``fact``, a JSON document as ``fact_json`` writes it. The stream keeps
about the last 20,000 entries. Redis away: calls go on and the oldest facts are dropped.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from trunkline.calls.fact_json import document_bytes, encode_fact
from trunkline.domain.events import CallFact
from trunkline.runtime.logging import get_logger

log = get_logger(__name__)

LIVE_STREAM: Final = "trunkline:live"
FACT_FIELD: Final = "fact"
LIVE_LENGTH: Final = 20_000

_DEPTH: Final = 2000
_BATCH: Final = 200
_DEADLINE_S: Final = 2.0
_RETRY_S: Final = 1.0


class LiveSink:
    """A queue of 2,000 facts, oldest dropped, and one writer; ``run`` belongs in a task group."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._pending: deque[CallFact] = deque(maxlen=_DEPTH)
        self._wake = asyncio.Event()
        self._is_connected = True
        self.dropped = 0

    @property
    def is_connected(self) -> bool:
        return self._is_connected

    def publish(self, fact: CallFact) -> None:
        if len(self._pending) == _DEPTH:
            self.dropped += 1
        self._pending.append(fact)
        self._wake.set()

    async def run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._pending:
                if not await self._send():
                    await asyncio.sleep(_RETRY_S)

    async def _send(self) -> bool:
        batch = [self._pending.popleft() for _ in range(min(len(self._pending), _BATCH))]
        try:
            async with (
                asyncio.timeout(_DEADLINE_S),
                self._redis.pipeline(transaction=False) as pipe,
            ):
                for fact in batch:
                    pipe.xadd(
                        LIVE_STREAM,
                        {FACT_FIELD: document_bytes(encode_fact(fact))},
                        maxlen=LIVE_LENGTH,
                        approximate=True,
                    )
                await pipe.execute()
        except (RedisError, OSError, TimeoutError) as exc:
            room = _DEPTH - len(self._pending)
            self.dropped += max(len(batch) - room, 0)
            self._pending.extendleft(reversed(batch[max(len(batch) - room, 0) :]))
            if self._is_connected:
                log.warning("the live view stands still: Redis is away", reason=type(exc).__name__)
            self._is_connected = False
            return False
        if not self._is_connected:
            log.info("the live view goes on: Redis is back", dropped=self.dropped)
        self._is_connected = True
        return True
