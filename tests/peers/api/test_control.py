"""Hanging up: from the API through Redis to an edge's own listener."""

from __future__ import annotations

import asyncio

import pytest
from tests.peers.api.conftest import Served
from tests.peers.drivers.redis import PrivateRedis
from tests.unit.storage.facts import started

from trunkline.calls.commands import RedisCommands
from trunkline.calls.control import (
    EDGES_HASH,
    ControlCommand,
    ControlListener,
    HangUpCall,
    PlaceCall,
)
from trunkline.domain.clock import SystemClock
from trunkline.domain.ids import CallId
from trunkline.storage.journal import write_facts

pytestmark = pytest.mark.peers

LIVE = CallId("call_live")


async def test_the_edge_that_carries_the_call_is_told(api: Served) -> None:
    await write_facts(api.sessions, [started(LIVE)])
    told: asyncio.Queue[ControlCommand] = asyncio.Queue(10)
    listener = ControlListener(
        api.redis,
        "edge_one",
        SystemClock(),
        obey=told.put_nowait,
        live_count=lambda: 1,
        is_draining=lambda: False,
    )
    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        listening = tasks.create_task(listener.run())
        while not await api.redis.hexists(EDGES_HASH, "edge_one"):
            await asyncio.sleep(0.01)
        answer = await api.http.post(f"/api/v1/calls/{LIVE}/hangup")
        assert answer.status_code == 202
        assert await told.get() == HangUpCall(LIVE, "TRUNKLINE_API_KEY")
        listening.cancel()


async def test_the_least_busy_edge_that_is_not_draining_is_told_of_an_order(api: Served) -> None:
    told: asyncio.Queue[tuple[str, ControlCommand]] = asyncio.Queue(10)

    def edge(name: str, live: int, *, is_draining: bool = False) -> ControlListener:
        return ControlListener(
            api.redis,
            name,
            SystemClock(),
            obey=lambda command: told.put_nowait((name, command)),
            live_count=lambda: live,
            is_draining=lambda: is_draining,
        )

    edges = [edge("edge_busy", 5), edge("edge_idle", 1), edge("edge_old", 0, is_draining=True)]
    commands = RedisCommands(api.redis, SystemClock())
    assert not await commands.place(LIVE)  # nobody is there yet
    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        listening = [tasks.create_task(one.run()) for one in edges]
        while await api.redis.hlen(EDGES_HASH) < len(edges):
            await asyncio.sleep(0.01)
        assert await commands.place(LIVE)
        assert await told.get() == ("edge_idle", PlaceCall(LIVE))
        for task in listening:
            task.cancel()


async def test_an_edge_that_is_not_there_is_said(api: Served) -> None:
    await write_facts(api.sessions, [started(LIVE)])
    answer = await api.http.post(f"/api/v1/calls/{LIVE}/hangup")
    assert (answer.status_code, answer.json()["code"]) == (503, "edge_away")


async def test_redis_away_is_said(api: Served, redis_server: PrivateRedis) -> None:
    await write_facts(api.sessions, [started(LIVE)])
    redis_server.kill()
    answer = await api.http.post(f"/api/v1/calls/{LIVE}/hangup")
    assert (answer.status_code, answer.json()["code"]) == (503, "control_away")
    ready = await api.http.get("/readyz")
    assert (ready.status_code, set(ready.json()["problems"])) == (503, {"redis"})
