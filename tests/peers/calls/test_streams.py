"""Commands and live facts over a real Redis that goes away and comes back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, cast

import orjson
import pytest
from redis.asyncio import Redis
from tests.peers.drivers.redis import PrivateRedis, private_redis

from trunkline.calls.control import (
    COMMAND_FIELD,
    ControlCommand,
    ControlListener,
    ControlSender,
    HangUpCall,
    announced_edges,
    control_stream,
)
from trunkline.calls.fact_json import decode_fact
from trunkline.calls.live_sink import FACT_FIELD, LIVE_STREAM, LiveSink
from trunkline.domain.call import CallState
from trunkline.domain.clock import SystemClock
from trunkline.domain.events import CallStateChanged
from trunkline.domain.ids import CallId

pytestmark = [pytest.mark.peers, pytest.mark.timeout(60)]

CLOCK = SystemClock()


@pytest.fixture
def server() -> Iterator[PrivateRedis]:
    with private_redis() as running:
        yield running


@pytest.fixture
async def redis(server: PrivateRedis) -> AsyncIterator[Redis]:
    client = Redis.from_url(server.url)
    yield client
    await client.aclose()


async def until(condition: Callable[[], bool], deadline_s: float = 15) -> None:
    async with asyncio.timeout(deadline_s):
        while not condition():
            await asyncio.sleep(0.02)


def listener(redis: Redis, obeyed: list[ControlCommand]) -> ControlListener:
    return ControlListener(
        redis,
        "edge_1",
        CLOCK,
        obey=obeyed.append,
        live_count=lambda: 3,
        is_draining=lambda: False,
    )


async def test_commands_arrive_once_and_in_order_and_nonsense_is_passed_over(redis: Redis) -> None:
    obeyed: list[ControlCommand] = []
    sender = ControlSender(redis, CLOCK)
    before = HangUpCall(CallId("call_0"), "sent while the edge was starting")
    await sender.send("edge_1", before)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(listener(redis, obeyed).run())
        await until(lambda: obeyed == [before])
        await redis.xadd(control_stream("edge_1"), {COMMAND_FIELD: b"nonsense"})
        await redis.xadd(control_stream("edge_1"), {"other": b"field"})
        commands = [HangUpCall(CallId(f"call_{n}"), "ann") for n in range(1, 30)]
        for command in commands:
            await sender.send("edge_1", command)
        await sender.send("edge_2", HangUpCall(CallId("another edge's")))
        await until(lambda: len(obeyed) == 30)
        assert obeyed == [before, *commands]
        running.cancel()


async def test_an_edge_announces_itself_and_takes_its_leave(redis: Redis) -> None:
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(listener(redis, []).run())
        async with asyncio.timeout(10):
            while not (edges := await announced_edges(redis)):
                await asyncio.sleep(0.02)
        (edge,) = edges
        assert (edge.edge_id, edge.live, edge.is_draining) == ("edge_1", 3, False)
        assert edge.is_alive(CLOCK.now())
        running.cancel()
    assert await announced_edges(redis) == []


async def test_commands_come_again_when_redis_does(server: PrivateRedis, redis: Redis) -> None:
    obeyed: list[ControlCommand] = []
    ears = listener(redis, obeyed)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(ears.run())
        sender = ControlSender(redis, CLOCK)
        await sender.send("edge_1", HangUpCall(CallId("call_1")))
        await until(lambda: len(obeyed) == 1)
        server.kill()
        await until(lambda: not ears.is_connected)
        server.start()
        await until(lambda: ears.is_connected)
        await sender.send("edge_1", HangUpCall(CallId("call_2")))
        await until(lambda: len(obeyed) == 2)
        running.cancel()


async def test_live_facts_wait_for_redis_to_come_back(server: PrivateRedis, redis: Redis) -> None:
    facts = [
        CallStateChanged(CallId(f"call_{n}"), CLOCK.now(), CallState.RINGING) for n in range(300)
    ]
    sink = LiveSink(redis)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(sink.run())
        sink.publish(facts[0])
        async with asyncio.timeout(10):
            while not await redis.xlen(LIVE_STREAM):
                await asyncio.sleep(0.02)
        server.kill()
        for fact in facts[1:]:
            sink.publish(fact)
        await until(lambda: not sink.is_connected)
        server.start()
        await until(lambda: sink.is_connected)
        running.cancel()
    entries = cast(Any, await redis.xrange(LIVE_STREAM))
    assert [
        decode_fact(orjson.loads(fields[FACT_FIELD.encode()])) for _, fields in entries
    ] == facts
