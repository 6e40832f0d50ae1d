"""Two edges tell of their trunks through a real Redis; one dies without a word."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from redis.asyncio import Redis
from tests.peers.drivers.redis import PrivateRedis, private_redis

from trunkline.calls.trunk_board import TRUNKS_KEY, TrunkBoard, TrunkReading
from trunkline.runtime.supervision import nursery

pytestmark = [pytest.mark.peers, pytest.mark.timeout(60)]

READING = TrunkReading(
    name="carrier", auth="register", prefixes=("+44",), is_registered=True, refused={"503": 2}
)


class SetClock:
    """Both edges' and the reader's; moved by hand."""

    def __init__(self) -> None:
        self.time = datetime(2026, 11, 21, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    def monotonic_ms(self) -> float:
        return 0.0


@pytest.fixture
def server() -> Iterator[PrivateRedis]:
    with private_redis() as running:
        yield running


async def until_told(board: TrunkBoard, count: int) -> tuple[TrunkReading, ...]:
    async with asyncio.timeout(20):
        while len(found := await board.read()) != count:
            await asyncio.sleep(0.02)
    return found


async def test_every_edge_tells_and_one_that_ends_is_forgotten(server: PrivateRedis) -> None:
    clock = SetClock()
    redis = Redis.from_url(server.url)
    board = TrunkBoard(redis, clock)
    async with nursery("one") as one:
        one.start(board.tell("edge_1", lambda: [READING]), "tell")
        async with nursery("two") as two:
            two.start(board.tell("edge_2", lambda: [replace(READING, calls_up=3)]), "tell")
            assert [reading.calls_up for reading in await until_told(board, 2)] == [0, 3]
        assert await until_told(board, 1) == (READING,)
    await until_told(board, 0)
    await redis.aclose()


async def test_an_edge_that_died_and_an_entry_that_is_none_are_taken_out(
    server: PrivateRedis,
) -> None:
    clock = SetClock()
    redis = Redis.from_url(server.url)
    board = TrunkBoard(redis, clock)
    await board._write("edge_1", [READING])
    await redis.hset(TRUNKS_KEY, "edge_2", "no JSON")
    assert len(await board.read()) == 1
    assert await redis.hkeys(TRUNKS_KEY) == [b"edge_1"]
    clock.time += timedelta(seconds=30)
    assert await board.read() == ()
    assert not await redis.exists(TRUNKS_KEY)
    await redis.aclose()
