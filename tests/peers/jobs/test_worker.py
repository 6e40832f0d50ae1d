"""The worker as its own process: it delivers, outlives Redis, ends when told."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import orjson
import pytest
from tests.peers.drivers.redis import PrivateRedis
from tests.unit.storage.facts import NOON, whole_call

from trunkline.domain.ids import CallId
from trunkline.storage.engine import Sessions
from trunkline.storage.journal import write_facts
from trunkline.storage.webhooks import WebhookRepository

pytestmark = pytest.mark.peers


class Hook:
    """A web service on a port of its own that keeps the calls it was told of."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self._told = asyncio.Event()
        self.port = 0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line.split(b":")[1])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length")
        )
        body = orjson.loads(await reader.readexactly(length))
        writer.write(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n")
        await writer.drain()
        writer.close()
        self.calls.append(body["data"]["call_id"])
        self._told.set()

    async def until_told_of(self, call_id: str) -> None:
        async with asyncio.timeout(40):
            while call_id not in self.calls:
                self._told.clear()
                await self._told.wait()


@pytest.fixture
async def hook() -> AsyncIterator[Hook]:
    hook = Hook()
    server = await asyncio.start_server(hook.answer, "127.0.0.1", 0)
    hook.port = server.sockets[0].getsockname()[1]
    yield hook
    server.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@asynccontextmanager
async def worker_process(
    redis: PrivateRedis, data_dir: Path, **environment_more: str
) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """The process, in a group of its own, and the URL of its health."""
    port = free_port()
    environment = {
        **os.environ,
        "TRUNKLINE_DATA_DIR": str(data_dir),
        "TRUNKLINE_REDIS_URL": redis.url,
        "TRUNKLINE_WORKER_HEALTH_PORT": str(port),
        "TRUNKLINE_LOG_FORMAT": "json",
        **environment_more,
    }
    with (data_dir / "worker.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "trunkline.cli", "worker",
            env=environment, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    try:
        yield process, f"http://127.0.0.1:{port}"
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def until_ready(url: str, *, ready: bool = True) -> None:
    async with asyncio.timeout(40), httpx.AsyncClient() as http:
        while True:
            try:
                status = (await http.get(f"{url}/readyz")).status_code
            except httpx.TransportError:
                status = 0
            if status == (200 if ready else 503):
                return
            await asyncio.sleep(0.1)


def members(group: int) -> list[int]:
    """Processes of a group that still run, zombies apart."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == group and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return found


async def test_a_worker_delivers_survives_redis_and_ends_when_told(
    sessions: Sessions, redis_server: PrivateRedis, hook: Hook, tmp_path: Path
) -> None:
    async with sessions.writing() as session:
        await WebhookRepository(session).add(f"http://127.0.0.1:{hook.port}/", ["call.ended"], NOON)
    async with worker_process(redis_server, tmp_path) as (process, url):
        await until_ready(url)
        first, second = CallId("call_first"), CallId("call_second")
        await write_facts(sessions, whole_call(first))
        await hook.until_told_of(first)

        redis_server.kill()
        await until_ready(url, ready=False)
        await write_facts(sessions, whole_call(second))
        redis_server.start()
        await hook.until_told_of(second)
        await until_ready(url)

        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(15):
            assert await process.wait() == 0
        assert members(process.pid) == []
    assert hook.calls == [first, second]
    log = (tmp_path / "worker.log").read_text()
    assert "+4930123456" not in log
    # A task that ended while Redis was away could not say so; it is delivered again.
    told = [line for line in log.splitlines() if "Couldn't ack" not in line]
    assert not any("Traceback" in line for line in told), log


async def test_a_killed_worker_leaves_no_process_behind(
    sessions: Sessions, redis_server: PrivateRedis, tmp_path: Path
) -> None:
    async with worker_process(redis_server, tmp_path) as (process, url):
        await until_ready(url)
        process.kill()
        await process.wait()
        assert members(process.pid) == []


async def test_a_worker_that_waits_for_redis_ends_when_told(
    sessions: Sessions, redis_server: PrivateRedis, tmp_path: Path
) -> None:
    redis_server.kill()
    async with worker_process(redis_server, tmp_path) as (process, url):
        await until_ready(url, ready=False)
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(20):
            await process.wait()
        assert members(process.pid) == []
