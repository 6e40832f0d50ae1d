"""The live stream: facts by the edge's own sink, through Redis, to a client that reconnects."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
import orjson
import pytest
from redis.asyncio import Redis
from tests.peers.api.conftest import Served
from tests.peers.drivers.redis import PrivateRedis
from tests.unit.storage.facts import after, caller_turn, started

from trunkline.api.live import MAX_STREAMS
from trunkline.calls.fact_json import encode_fact
from trunkline.calls.live_sink import FACT_FIELD, LIVE_STREAM, LiveSink
from trunkline.domain.ids import CallId

pytestmark = pytest.mark.peers


@dataclass
class Stream:
    """Reads events; a comment comes as an event called ``:``."""

    lines: AsyncIterator[str]

    async def next(self) -> dict[str, str]:
        event: dict[str, str] = {}
        async with asyncio.timeout(20):
            async for line in self.lines:
                if not line:
                    if event and "retry" not in event:
                        return event
                    event = {}
                    continue
                name, _, value = line.partition(": ")
                event[name or ":"] = value or line
        raise EOFError

    async def facts(self, count: int) -> list[dict[str, str]]:
        found: list[dict[str, str]] = []
        while len(found) < count:
            event = await self.next()
            if event.get("event") == "fact":
                found.append(event)
        return found


@asynccontextmanager
async def streaming(api: Served, since: str = "") -> AsyncIterator[Stream]:
    headers = {"last-event-id": since} if since else {}
    async with api.http.stream("GET", "/api/v1/live", headers=headers) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield Stream(answer.aiter_lines())


async def add(redis: Redis, number: int) -> None:
    fact = encode_fact(started(CallId(f"call_{number}"), after(number)))
    await redis.xadd(LIVE_STREAM, {FACT_FIELD: orjson.dumps(fact)})


def call_ids(events: list[dict[str, str]]) -> list[str]:
    return [orjson.loads(event["data"])["call_id"] for event in events]


async def until_watched(api: Served, count: int = 1) -> None:
    """The stream's reader waits in Redis: what is added from now on is seen live."""
    async with asyncio.timeout(20):
        while True:
            clients = await api.redis.client_list()
            if sum(client["cmd"].startswith("xread") for client in clients) >= count:
                return
            await asyncio.sleep(0.01)


async def test_facts_come_as_the_edge_publishes_them(api: Served) -> None:
    sink = LiveSink(api.redis)
    async with asyncio.TaskGroup() as tasks:
        writing = tasks.create_task(sink.run())
        async with streaming(api) as stream:
            await until_watched(api)
            sink.publish(started())
            sink.publish(caller_turn("what is my balance"))
            first, second = await stream.facts(2)
        writing.cancel()
    assert orjson.loads(first["data"])["fact"] == "call_started"
    assert orjson.loads(second["data"])["turn"]["text"] == "what is my balance"


async def test_a_client_that_reconnects_misses_nothing_and_sees_nothing_twice(
    api: Served,
) -> None:
    async with streaming(api) as stream:
        await until_watched(api)
        for number in range(3):
            await add(api.redis, number)
        events = await stream.facts(2)
    for number in range(3, 250):
        await add(api.redis, number)
    async with streaming(api, events[-1]["id"]) as stream:
        rest = await stream.facts(248)
    assert call_ids(rest) == [f"call_{number}" for number in range(2, 250)]


async def test_facts_that_come_one_by_one_are_all_seen(api: Served) -> None:
    # A reader that asked "from now on" again for each would lose some of these.
    async with streaming(api) as stream:
        await until_watched(api)
        for number in range(60):
            await add(api.redis, number)
            await asyncio.sleep(0)
        assert call_ids(await stream.facts(60)) == [f"call_{number}" for number in range(60)]


async def test_a_stream_outlives_redis(api: Served, redis_server: PrivateRedis) -> None:
    async with streaming(api) as stream:
        await until_watched(api)
        await add(api.redis, 1)
        assert call_ids(await stream.facts(1)) == ["call_1"]
        redis_server.kill()
        assert ":" in await stream.next()
        redis_server.start()
        await add(api.redis, 2)
        assert call_ids(await stream.facts(1)) == ["call_2"]


async def test_open_streams_do_not_hold_up_the_end(api: Served) -> None:
    async with streaming(api) as stream:
        await until_watched(api)
        api.deps.closing.set()
        with pytest.raises(EOFError):
            while True:
                await stream.next()


async def test_streams_are_bounded(api: Served) -> None:
    app = api.server.config.app
    app.state.live_streams = MAX_STREAMS  # type: ignore[union-attr]
    answer = await api.http.get("/api/v1/live")
    assert answer.status_code == 429


async def test_the_stream_wants_a_key(api: Served) -> None:
    async with httpx.AsyncClient(base_url=api.http.base_url) as stranger:
        assert (await stranger.get("/api/v1/live")).status_code == 401
