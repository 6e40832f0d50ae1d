"""A private Redis on a unix socket of its own; no TCP port."""

from __future__ import annotations

import asyncio
import os
import select
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.exceptions import ResponseError


class PrivateRedis:
    """A running server; ``kill`` and ``start`` let a test take it away and give it back."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.socket = home / "redis.sock"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    def start(self) -> None:
        command = [
            "redis-server", "--port", "0", "--unixsocket", str(self.socket),
            "--unixsocketperm", "700", "--dir", str(self.home), "--save", "",
            "--appendonly", "yes", "--appendfsync", "no", "--daemonize", "no",
        ]  # fmt: skip
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self._wait_until_ready(self._process)

    @staticmethod
    def _wait_until_ready(process: subprocess.Popen[bytes], deadline_s: float = 10) -> None:
        """Its log says when; little follows that line, so the pipe is never full."""
        assert process.stdout is not None
        until = time.monotonic() + deadline_s
        said = b""
        while b"ready to accept connections" not in said:
            readable, _, _ = select.select(
                [process.stdout], [], [], max(0, until - time.monotonic())
            )
            piece = os.read(process.stdout.fileno(), 4096) if readable else b""
            if not piece:
                raise RuntimeError(f"redis-server did not start: {said.decode()}")
            said += piece

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(timeout=10)
            assert self._process.stdout is not None
            self._process.stdout.close()
            self._process = None

    async def refuse_writes(self, client: Redis) -> None:
        """As with a full disk: a snapshot fails, and every write is answered MISCONF from then."""
        (self.home / "dump.rdb").mkdir(exist_ok=True)  # no file can take its place
        await client.config_set("save", "3600 100000")
        await client.bgsave()
        async with asyncio.timeout(20):
            while True:
                try:
                    await client.set("refused", "yet?")
                except ResponseError as exc:
                    assert "MISCONF" in str(exc), exc
                    return
                await asyncio.sleep(0.02)

    async def take_writes(self, client: Redis) -> None:
        await client.config_set("save", "")


@contextmanager
def private_redis() -> Iterator[PrivateRedis]:
    """Start a server and end it; skips with a reason where Redis is not installed."""
    if shutil.which("redis-server") is None:
        pytest.skip("Redis is not installed (Debian: redis-server)")
    home = Path(tempfile.mkdtemp(prefix="tlrd-"))
    server = PrivateRedis(home)
    try:
        server.start()
        yield server
    finally:
        server.kill()
        shutil.rmtree(home, ignore_errors=True)
