"""A private Redis and a migrated SQLite file."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis
from tests.peers.drivers.redis import PrivateRedis, private_redis

from trunkline.storage.engine import Sessions, open_sessions
from trunkline.storage.migrate import upgrade_to_head


@pytest.fixture
def redis_server() -> Iterator[PrivateRedis]:
    with private_redis() as server:
        yield server


@pytest.fixture
async def redis(redis_server: PrivateRedis) -> AsyncIterator[Redis]:
    client = Redis.from_url(redis_server.url)
    yield client
    await client.aclose()


@pytest.fixture
async def sessions(tmp_path: Path) -> AsyncIterator[Sessions]:
    url = f"sqlite+aiosqlite:///{tmp_path / 'trunkline.db'}"
    await upgrade_to_head(url)
    opened = open_sessions(url)
    yield opened
    await opened.close()
