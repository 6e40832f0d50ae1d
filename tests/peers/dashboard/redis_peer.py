"""A real Redis on a Unix socket that a test takes away and gives back."""

from __future__ import annotations

import asyncio
import shutil
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

_DEADLINE_S = 10


class RedisPeer:
    """Keeps an append-only file, so that what was written is there again after a restart."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: Process | None = None
        self.url = f"unix://{folder / 'redis.sock'}"

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            "redis-server", "--port", "0", "--unixsocket", str(self._folder / "redis.sock"),
            "--dir", str(self._folder), "--save", "", "--appendonly", "yes",
            "--appendfsync", "always", stdout=DEVNULL,
        )  # fmt: skip
        redis = Redis.from_url(self.url)
        async with asyncio.timeout(_DEADLINE_S):
            while True:
                try:
                    await redis.ping()
                    break
                except (OSError, RedisError):  # not up yet, or reading its file
                    await asyncio.sleep(0.02)
        await redis.aclose()

    async def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            await self._process.wait()
            self._process = None


@asynccontextmanager
async def redis_peer(folder: Path) -> AsyncIterator[RedisPeer]:
    """Skips with a reason where Redis is not installed. A socket's path has at most 107 bytes."""
    if shutil.which("redis-server") is None:
        pytest.skip("Redis is not installed (Debian: redis-server)")
    peer = RedisPeer(folder)
    await peer.start()
    try:
        yield peer
    finally:
        await peer.kill()
