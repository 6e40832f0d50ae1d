"""Redis killed in a call: the call does not notice, the live view says so, and all comes back."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import httpx
import orjson
import pytest
from tests.peers.drivers.installation import Installation
from tests.peers.faults.phone import ACCOUNT, api, calling, processes_of, runs_of, said, until

pytestmark = [pytest.mark.peers, pytest.mark.timeout(120)]


def kill_redis(house: Installation) -> None:
    for pid, command in processes_of(house.data_dir).items():
        if "redis-server" in command:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@asynccontextmanager
async def live_view(house: Installation) -> AsyncIterator[list[str]]:
    """The lines of /api/v1/live as they come."""
    lines: list[str] = []
    take = lines.append

    async def read(client: httpx.AsyncClient) -> None:
        async with client.stream("GET", "/live") as stream:
            async for line in stream.aiter_lines():
                take(line)

    async with api(house) as client:
        reading = asyncio.create_task(read(client))
        try:
            await until(lambda: bool(lines), "the live view opens")
            yield lines
        finally:
            reading.cancel()
            await asyncio.wait([reading])


def facts_of(lines: list[str], call_id: str) -> list[str]:
    documents = [orjson.loads(line[6:]) for line in lines if line.startswith("data: ")]
    return [fact["fact"] for fact in documents if fact["call_id"] == call_id]


async def test_a_call_goes_on_without_redis_and_the_live_view_comes_back(
    house: Installation,
) -> None:
    async def keep_down() -> None:
        while True:
            kill_redis(house)
            await asyncio.sleep(0.1)

    async with live_view(house) as lines, calling(house) as phone:
        await phone.until_step("menu")
        down = asyncio.create_task(keep_down())
        try:
            await until(lambda: ": Redis is away" in lines, "the live view says so")
            await until(lambda: "the live view stands still" in house.log, "the log says so")
            await phone.press(f"1{ACCOUNT}")
            call = await phone.until_detail(lambda call: "You owe" in said(call), "the balance")
            assert runs_of(call, "get_balance")[0]["outcome"] == "ok"
        finally:
            down.cancel()
        await until(lambda: "the live view goes on" in house.log, "the log says it is back", 40)
        del lines[:]
        await phone.press("4")
        await until(lambda: "turn_ended" in facts_of(lines, phone.call_id), "the live view goes on")
    call = await phone.until_ended()
    assert call["cause"] == "caller_hangup"
    assert call["recording"]["state"] == "complete"
