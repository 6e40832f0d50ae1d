"""Tools in the background with the real worker: it is killed, Redis is killed, nothing is lost."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis
from sqlalchemy import update
from tests.peers.drivers.redis import PrivateRedis
from tests.peers.jobs.test_worker import until_ready, worker_process
from tests.unit.jobs.test_tool_runs import Service, asked, letter, on_record, service
from tests.unit.storage.facts import CALL, started

from trunkline.calls.control import COMMAND_FIELD, ToolResult, control_stream, decode_command
from trunkline.domain.clock import SystemClock
from trunkline.domain.events import CallFact, ToolOutcome, ToolQueued, ToolRan
from trunkline.storage.background_rows import BackgroundRunRow
from trunkline.storage.engine import Sessions
from trunkline.storage.journal import write_facts

__all__ = ["service"]
pytestmark = pytest.mark.peers


def now_asked(service: Service, run_id: str) -> list[CallFact]:
    """As an edge says it now: a worker looks at a real clock."""
    now = SystemClock().now()
    facts = []
    for fact in asked(letter(service), run_id):
        assert isinstance(fact, ToolRan | ToolQueued)
        facts.append(_at(fact, now))
    return facts


def _at(fact: ToolRan | ToolQueued, now: Any) -> CallFact:
    fields = {name: getattr(fact, name) for name in fact.__slots__}
    return type(fact)(**{**fields, "at": now})


async def told(redis: PrivateRedis, run_id: str) -> ToolResult:
    """The command that an edge would get."""
    client, last = Redis.from_url(redis.url), "0-0"
    try:
        async with asyncio.timeout(40):
            while True:
                answer: Any = await client.xread({control_stream("edge_one"): last}, block=500)
                for _, entries in answer or ():
                    for entry_id, fields in entries:
                        last = entry_id
                        command, _ = decode_command(fields[COMMAND_FIELD.encode()])
                        if isinstance(command, ToolResult) and command.run_id == run_id:
                            return command
    finally:
        await client.aclose()


async def test_a_run_outlives_its_worker_and_redis_and_has_one_effect(
    sessions: Sessions, redis_server: PrivateRedis, service: Service, tmp_path: Path
) -> None:
    await write_facts(sessions, [started(at=SystemClock().now())])
    async with worker_process(redis_server, tmp_path) as (process, url):
        await until_ready(url)
        await write_facts(sessions, now_asked(service, "run_first"))
        result = await told(redis_server, "run_first")
        assert (result.call_id, result.outcome) == (CALL, ToolOutcome.OK)
        assert result.result == {"number": "L 7"}

        service.free.clear()  # the second's effect happens, and its answer never comes
        await write_facts(sessions, now_asked(service, "run_second"))
        async with asyncio.timeout(30):
            while service.effects["run_second"] == 0:
                await asyncio.sleep(0.05)
        process.send_signal(signal.SIGKILL)
        await process.wait()
    async with sessions.writing() as session:
        # What a dead worker holds comes back when its lease is over; that is half a minute away.
        await session.execute(
            update(BackgroundRunRow)
            .where(BackgroundRunRow.id == "run_second")
            .values(leased_until=SystemClock().now())
        )
    service.free.set()
    redis_server.kill()
    redis_server.start()
    async with worker_process(redis_server, tmp_path) as (_, url):
        await until_ready(url)
        result = await told(redis_server, "run_second")
        assert result.outcome is ToolOutcome.OK
    assert service.effects == {"run_first": 1, "run_second": 1}
    assert service.asked == 3
    assert (await on_record(sessions, "run_second")).outcome is ToolOutcome.OK
