"""What befell a worker in a storm, one by one: Redis refuses writes, and its clock is set back."""

from __future__ import annotations

from pathlib import Path

import pytest
from redis.asyncio import Redis
from tests.peers.drivers.redis import PrivateRedis
from tests.peers.jobs.test_worker import Hook, until_ready, worker_process
from tests.peers.jobs.test_worker import hook as hook
from tests.soak.approval_house import WallClock
from tests.unit.storage.facts import NOON, whole_call

from trunkline.domain.ids import CallId
from trunkline.storage.engine import Sessions
from trunkline.storage.journal import write_facts
from trunkline.storage.webhooks import WebhookRepository

pytestmark = pytest.mark.peers


async def test_a_worker_works_on_after_a_full_disk_of_redis_and_an_hour_set_back(
    sessions: Sessions, redis_server: PrivateRedis, redis: Redis, hook: Hook, tmp_path: Path
) -> None:
    clock = WallClock(tmp_path)
    async with sessions.writing() as session:
        await WebhookRepository(session).add(f"http://127.0.0.1:{hook.port}/", ["call.ended"], NOON)
    async with worker_process(redis_server, tmp_path, **clock.environment) as (process, url):
        await until_ready(url)
        first, second, third = (CallId(f"call_{name}") for name in ("first", "second", "third"))
        await write_facts(sessions, whole_call(first))
        await hook.until_told_of(first)

        await redis_server.refuse_writes(redis)
        await write_facts(sessions, whole_call(second))
        await redis_server.take_writes(redis)
        await hook.until_told_of(second)

        clock.jump(-3600)
        await write_facts(sessions, whole_call(third))
        await hook.until_told_of(third)
        assert process.returncode is None
