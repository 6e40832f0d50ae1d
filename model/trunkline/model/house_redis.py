"""The house's Redis as the model server uses it: helpful when there, never waited for.

A model server that stands alone has none; one whose Redis is away goes on with what it knows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from redis.asyncio import Redis
from redis.exceptions import RedisError

from trunkline.domain.clock import Clock, SystemClock
from trunkline.runtime.logging import get_logger

log = get_logger(__name__)
T = TypeVar("T")

DEADLINE_S: Final = 0.5
# After a failure Redis is left alone for so long: requests must not pay for it one by one.
REST_MS: Final = 2000.0


class HouseRedis:
    """``ask`` gives None when Redis is away."""

    def __init__(self, client: Redis | None, clock: Clock | None = None) -> None:
        self._client = client
        self._clock = clock or SystemClock()
        self._away_until_ms = 0.0
        self._is_away = False

    @property
    def is_away(self) -> bool:
        return self._client is None or self._is_away

    async def ask(
        self, what: Callable[[Redis], Awaitable[T]], *, deadline_s: float = DEADLINE_S
    ) -> T | None:
        client = self._client
        if client is None or self._clock.monotonic_ms() < self._away_until_ms:
            return None
        try:
            async with asyncio.timeout(deadline_s):
                answer = await what(client)
        except (RedisError, OSError, TimeoutError) as exc:
            if not self._is_away:
                log.warning("Redis is away; keys and usage stay here", reason=type(exc).__name__)
            self._is_away = True
            self._away_until_ms = self._clock.monotonic_ms() + REST_MS
            return None
        if self._is_away:
            log.info("Redis is back")
            self._is_away = False
        return answer

    async def aclose(self) -> None:
        if self._client is not None:
            await self._client.aclose()
