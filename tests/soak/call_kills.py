"""The faults of a storm of calls: kill -9 of everything, and a database that is slow or locked."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Final

import httpx
from tests.soak.call_callers import Story
from tests.soak.call_house import CallHouse

_UP_AGAIN_S: Final = 90.0
# A process of its own holds SQLite's write lock: once for long, or again and again for a moment.
_HOLD: Final = """
import sqlite3, sys, time
database = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)
for _ in range(int(sys.argv[2])):
    database.execute("BEGIN IMMEDIATE")
    time.sleep(float(sys.argv[3]))
    database.execute("COMMIT")
    time.sleep(0.05)
"""


class CallKills:
    """``every`` until cancelled, or ``once_each``; a fault ends when what it broke is up again."""

    def __init__(
        self, house: CallHouse, stories: Sequence[Story], rng: random.Random, *, is_brief: bool
    ) -> None:
        self.counted: Counter[str] = Counter()
        self.killed_edges: list[tuple[int, float]] = []
        self._house = house
        self._stories = stories
        self._rng = rng
        self._is_brief = is_brief
        self._faults: dict[str, Callable[[], Awaitable[None]]] = {
            "model killed": lambda: self._child("model", house.installation.model_port),
            "worker killed": lambda: self._child("worker", house.installation.web_port + 2),
            "web killed": lambda: self._child("web", house.installation.web_port),
            "Redis killed": self._redis,
            "edge killed": self._edge,
            "database locked": self._locked,
            "database slow": self._slow,
        }

    async def every(self, mean_s: float) -> None:
        """One at a time, in shuffled rounds, so that each comes as often as the others."""
        while True:
            for name in self._shuffled():
                await asyncio.sleep(self._rng.uniform(0.5, 1.5) * mean_s)
                await self._do(name)

    async def once_each(self) -> None:
        """Redis and then an edge first: that its calls are lost shows after half a minute."""
        first = ("Redis killed", "edge killed")
        for name in (*first, *(name for name in self._shuffled() if name not in first)):
            await self._do(name)
            await asyncio.sleep(self._rng.uniform(0.2, 0.6))

    def _shuffled(self) -> Sequence[str]:
        names = list(self._faults)
        self._rng.shuffle(names)
        return names

    async def _do(self, name: str) -> None:
        self.counted[name] += 1
        await self._faults[name]()

    async def _child(self, name: str, port: int) -> None:
        before = self._house.pid(name)
        os.kill(before, signal.SIGKILL)
        await self._until_ready(port)

    async def _redis(self) -> None:
        with suppress(ProcessLookupError, StopIteration):
            os.kill(self._house.pid("redis"), signal.SIGKILL)
        await asyncio.sleep(self._rng.uniform(0.5, 1.5))

    async def _edge(self) -> None:
        house = self._house
        place = self._rng.randrange(len(house.edges))
        pid = house.edge_pid(place)
        assert pid is not None
        house.up.discard(place)
        os.kill(pid, signal.SIGKILL)
        now = time.perf_counter()
        self.killed_edges.append((place, now))
        for story in self._stories:
            has_begun = story.edge == place and story.invited_at
            if has_begun and not story.ended_at and story.lost_at is None:
                story.lost_at = now
        if place == 1:
            await house.second.kill()
            await house.second.start()
        await self._until_ready(house.edges[place][1])
        house.up.add(place)

    async def _locked(self) -> None:
        # Longer than facts wait for a write before they go to disk.
        await self._hold(1, 2.0 if self._is_brief else self._rng.choice([2.0, 6.0, 9.0]))

    async def _slow(self) -> None:
        await self._hold(4 if self._is_brief else 15, 0.4)

    async def _hold(self, times: int, each_s: float) -> None:
        path = str(self._house.installation.data_dir / "trunkline.db")
        command = (sys.executable, "-c", _HOLD, path, str(times), str(each_s))
        holder = await asyncio.create_subprocess_exec(*command)
        assert await holder.wait() == 0

    async def _until_ready(self, port: int) -> None:
        """Another process answers; the one that was killed has stopped to."""
        async with (
            asyncio.timeout(_UP_AGAIN_S),
            httpx.AsyncClient(timeout=2, trust_env=False) as client,
        ):
            while True:
                await asyncio.sleep(0.1)
                with suppress(httpx.HTTPError):
                    url = f"http://127.0.0.1:{port}/readyz"
                    if (await client.get(url)).status_code == 200:
                        return
