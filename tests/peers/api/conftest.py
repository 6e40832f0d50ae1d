"""The API on a real uvicorn with a private Redis and a migrated SQLite file."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import uvicorn
from redis.asyncio import Redis
from tests.peers.drivers.redis import PrivateRedis, private_redis

from trunkline.api.app import create_api
from trunkline.api.deps import ApiDeps
from trunkline.calls.commands import RedisCommands
from trunkline.domain.clock import SystemClock
from trunkline.flows.catalog import FlowCatalog
from trunkline.runtime.health import QuietServer
from trunkline.storage.engine import Sessions, open_sessions
from trunkline.storage.migrate import upgrade_to_head

ADMIN = "tk_given_by_the_environment"


@dataclass
class Served:
    http: httpx.AsyncClient
    deps: ApiDeps
    redis: Redis
    sessions: Sessions
    server: uvicorn.Server


@pytest.fixture
def redis_server() -> Iterator[PrivateRedis]:
    with private_redis() as server:
        yield server


@asynccontextmanager
async def serving(deps: ApiDeps) -> AsyncIterator[tuple[uvicorn.Server, str]]:
    """The server and its base URL, on a port of the system's choice."""
    config = uvicorn.Config(
        create_api(deps), port=0, log_config=None, access_log=False, timeout_graceful_shutdown=5
    )
    server = QuietServer(config)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(server.serve())
        async with asyncio.timeout(20):
            while not server.started:
                await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        try:
            yield server, f"http://127.0.0.1:{port}"
        finally:
            deps.closing.set()
            server.should_exit = True


@pytest.fixture
async def api(redis_server: PrivateRedis, tmp_path: Path) -> AsyncIterator[Served]:
    url = f"sqlite+aiosqlite:///{tmp_path / 'trunkline.db'}"
    await upgrade_to_head(url)
    sessions = open_sessions(url)
    redis = Redis.from_url(redis_server.url)
    deps = ApiDeps(
        sessions=sessions,
        redis=redis,
        catalog=FlowCatalog([], {}),
        commands=RedisCommands(redis, SystemClock()),
        data_dir=tmp_path,
        authority_file=tmp_path / "authority.json",
        admin_key=ADMIN,
    )
    async with (
        serving(deps) as (server, base_url),
        httpx.AsyncClient(
            base_url=base_url, headers={"authorization": f"Bearer {ADMIN}"}, timeout=30
        ) as http,
    ):
        yield Served(http, deps, redis, sessions, server)
    await redis.aclose()
    await sessions.close()
