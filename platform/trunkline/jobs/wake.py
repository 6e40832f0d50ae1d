"""Wakes a worker at once, where somebody waits for what would else be done in its next round."""

from __future__ import annotations

import asyncio
from typing import Final

from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from trunkline.jobs.app import app
from trunkline.jobs.broker import broker_url
from trunkline.runtime.logging import get_logger

log = get_logger(__name__)

_DEADLINE_S: Final = 2.0


class Waker:
    """Its failing costs a second and no more: the beat does the same."""

    def __init__(self, redis_url: str) -> None:
        app.conf.broker_url = broker_url(redis_url)

    async def __call__(self) -> None:
        try:
            async with asyncio.timeout(_DEADLINE_S):
                await asyncio.to_thread(self._send)
        except (TimeoutError, OperationalError, RedisError, OSError) as exc:
            log.warning("the worker could not be woken", reason=type(exc).__name__)

    def _send(self) -> None:
        app.send_task("trunkline.run_tools", expires=10, retry=False)
