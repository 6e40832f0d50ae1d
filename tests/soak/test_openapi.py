"""Generated requests for minutes, another seed every time, over both databases."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest
from tests.peers.api.fuzzing import fuzz, fuzzed_api
from tests.peers.drivers.postgres import private_postgres
from tests.peers.drivers.redis import private_redis

pytestmark = [pytest.mark.soak, pytest.mark.timeout(1800)]


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
async def test_no_request_of_many_gets_an_undescribed_answer(database: str, tmp_path: Path) -> None:
    seed = secrets.randbelow(2**32)  # the report names it
    with private_redis() as redis:
        if database == "sqlite":
            url = f"sqlite+aiosqlite:///{tmp_path / 'trunkline.db'}"
            async with fuzzed_api(tmp_path, redis.url, url) as base_url:
                await fuzz(base_url, tmp_path, seed=seed, examples=150)
            return
        with private_postgres() as cluster:
            async with fuzzed_api(tmp_path, redis.url, cluster.create("fuzzed")) as base_url:
                await fuzz(base_url, tmp_path, seed=seed, examples=150)
