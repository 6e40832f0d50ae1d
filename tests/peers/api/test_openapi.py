"""The whole described API under generated requests, valid and not, over PostgreSQL."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.peers.api.fuzzing import fuzz, fuzzed_api
from tests.peers.drivers.postgres import private_postgres
from tests.peers.drivers.redis import PrivateRedis

pytestmark = [pytest.mark.peers, pytest.mark.timeout(300)]


async def test_generated_requests_are_answered_as_the_description_says(
    redis_server: PrivateRedis, tmp_path: Path
) -> None:
    with private_postgres() as cluster:
        url = cluster.create("fuzzed")
        async with fuzzed_api(tmp_path, redis_server.url, url) as base_url:
            report = await fuzz(base_url, tmp_path, seed=20261121, examples=5)
    assert "Coverage" in report and "Fuzzing" in report and "Stateful" in report
