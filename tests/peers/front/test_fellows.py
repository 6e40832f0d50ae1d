"""What edges behind one front tell each other in a real Redis, and who of them registers."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest
from redis.asyncio import Redis
from tests.peers.drivers.redis import private_redis
from tests.peers.front.conftest import until

from trunkline.calls.fellow_edges import EdgeStatus, FellowEdges, Wish, edge_statuses, wish_of
from trunkline.domain.clock import SystemClock

pytestmark = pytest.mark.peers


@dataclass
class Fellow:
    name: str
    redis: Redis
    lines: dict[str, int] = field(default_factory=dict)
    wishes: list[Wish] = field(default_factory=list)
    registered: list[bool] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.edges = FellowEdges(
            self.redis, SystemClock(), status=self.status, obey=self.obey, register=self.register
        )

    def status(self) -> EdgeStatus:
        return EdgeStatus(self.name, f"id-{self.name}", True, self.lines)

    async def obey(self, wish: Wish) -> None:
        self.wishes.append(wish)

    async def register(self, wanted: bool) -> None:
        self.registered.append(wanted)


async def test_lines_are_shared_wishes_heard_and_one_registers() -> None:
    with private_redis() as server:
        redis = Redis.from_url(server.url)
        one, other = Fellow("edge-1", redis, {"carrier": 2}), Fellow("edge-2", redis, {"pbx": 1})
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(fellow.edges.run()) for fellow in (one, other)]
            await until(lambda: one.edges.lines_elsewhere() == {"pbx": 1}, "the other's lines")
            await until(lambda: other.edges.lines_elsewhere() == {"carrier": 2}, "the one's")
            await until(lambda: one.registered + other.registered == [True], "one registers")
            owner, next_one = (one, other) if one.registered else (other, one)
            assert {status.name for status in await edge_statuses(redis)} == {"edge-1", "edge-2"}

            await wish_of(redis, owner.name, Wish.DRAIN)
            await until(lambda: owner.registered == [True, False], "it has unregistered")
            await until(lambda: next_one.registered == [True], "the next one registers")
            assert owner.wishes[-1] is Wish.DRAIN
            await wish_of(redis, owner.name, Wish.SERVE)
            await until(lambda: owner.wishes[-1] is Wish.SERVE, "it serves again")
            await next_one.edges.leave()
            await until(lambda: owner.registered == [True, False, True], "it registers again")
            for task in running:
                task.cancel()
        await redis.aclose()
