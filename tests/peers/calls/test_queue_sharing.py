"""Two edges, one queue: the same order, no target rung twice, and an edge that dies."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from redis.asyncio import Redis
from tests.peers.drivers.redis import PrivateRedis, private_redis

from trunkline.calls import queue_sharing
from trunkline.calls.hold_queue import Standing
from trunkline.calls.queue_board import QueueBoard
from trunkline.calls.queue_sharing import QueueSharing
from trunkline.domain.clock import SystemClock
from trunkline.runtime.supervision import nursery

pytestmark = [pytest.mark.peers, pytest.mark.timeout(60)]

CLOCK = SystemClock()


@pytest.fixture
def server() -> Iterator[PrivateRedis]:
    with private_redis() as running:
        yield running


@asynccontextmanager
async def edge(server: PrivateRedis, name: str) -> AsyncIterator[tuple[QueueBoard, QueueSharing]]:
    redis, board = Redis.from_url(server.url), QueueBoard()
    sharing = board.sharing = QueueSharing(redis, name, board, CLOCK)
    async with nursery(name) as tasks:
        tasks.start(sharing.run(), "sharing")
        yield board, sharing
    await redis.aclose()


async def until_standing(board: QueueBoard, call_id: str, wanted: Standing) -> None:
    async with asyncio.timeout(20):
        while board.standing("q", call_id) != wanted:
            await asyncio.sleep(0.05)


async def test_callers_of_two_edges_stand_in_one_order(server: PrivateRedis) -> None:
    async with edge(server, "one") as (one, _), edge(server, "two") as (two, _):
        await one.join("q", "a", CLOCK)
        await asyncio.sleep(0.01)
        await two.join("q", "b", CLOCK)
        assert two.standing("q", "b") == Standing(2, may_ring=False)  # known from the beginning
        assert await one.take("q", "a", ["ann"], CLOCK) == "ann"
        await until_standing(two, "b", Standing(2, may_ring=True))
        assert await two.take("q", "b", ["ann"], CLOCK) is None
        one.leave("q", "a")
        one.talked("q", "ann", "a", 1000)
        await until_standing(two, "b", Standing(1, may_ring=True))
        async with asyncio.timeout(10):
            while await two.take("q", "b", ["ann"], CLOCK) is None:
                await asyncio.sleep(0.05)
        two.failed("q", "b", "ann", CLOCK)
        await asyncio.sleep(1)
        await one.join("q", "c", CLOCK)
        assert await one.take("q", "c", ["ann"], CLOCK) is None  # it rests, for everybody


async def test_the_callers_of_an_edge_that_died_lose_their_place(
    server: PrivateRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_sharing, "DEAD_AFTER_MS", 1500)
    async with edge(server, "two") as (two, _):
        async with edge(server, "one") as (one, _):
            await one.join("q", "a", CLOCK)
            assert await one.take("q", "a", ["ann"], CLOCK) == "ann"
            await two.join("q", "b", CLOCK)
            assert two.standing("q", "b").position == 2
        await until_standing(two, "b", Standing(1, may_ring=True))
        async with asyncio.timeout(10):
            while await two.take("q", "b", ["ann"], CLOCK) is None:
                await asyncio.sleep(0.05)


async def test_without_redis_each_edge_goes_on_alone_and_together_again_after(
    server: PrivateRedis,
) -> None:
    async with edge(server, "one") as (one, shared), edge(server, "two") as (two, _):
        await one.join("q", "a", CLOCK)
        await two.join("q", "b", CLOCK)
        server.kill()
        await until_standing(two, "b", Standing(1, may_ring=True))
        assert await two.take("q", "b", ["ann"], CLOCK) == "ann"
        assert not shared.is_connected
        server.start()
        await until_standing(two, "b", Standing(2, may_ring=False))
        two.leave("q", "b")
