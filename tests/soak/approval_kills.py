"""The faults of a storm: whatever can be killed, is; whatever can be full, locked or wrong, is."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Final

from redis.asyncio import Redis
from tests.soak.approval_house import House, Process

_UP_AGAIN_S: Final = 60.0
# Run by a process of its own: it holds SQLite's write lock, having granted everything at once; and
# it ends by SIGKILL, so that nothing of that may be left.
_IN_MID_TRANSACTION: Final = """
import os, signal, sqlite3, sys, time
database = sqlite3.connect(sys.argv[1], timeout=60, isolation_level=None)
database.execute("BEGIN IMMEDIATE")
database.execute("UPDATE approvals SET state = 'granted', revision = revision + 1")
database.execute("UPDATE audit SET hash = 'spoilt'")
time.sleep(float(sys.argv[2]))
os.kill(os.getpid(), signal.SIGKILL)
"""


class Kills:
    """``every`` until cancelled, or ``once_each``; then ``mend``, so that everything is up."""

    def __init__(
        self, house: House, rng: random.Random, counted: Counter[str], troubles: list[str]
    ) -> None:
        self._house = house
        self._rng = rng
        self._counted = counted
        self._troubles = troubles
        self._longest_lock_s = 60.0
        self._faults: dict[str, Callable[[], Awaitable[None]]] = {
            "worker killed": self._worker,
            "edge killed": self._edge,
            "web killed": self._web,
            "Redis killed": self._redis,
            "Redis refuses writes": self._redis_is_full,
            "clock jumps": self._clock,
        }
        if house.postgres is not None:
            self._faults |= {
                "PostgreSQL killed": self._postmaster,
                "backend killed": self._backend,
            }
        else:
            self._faults |= {"killed in mid-transaction": self._mid_transaction}

    async def every(self, mean_s: float) -> None:
        """One at a time, in shuffled rounds, so that each comes as often as the others."""
        while True:
            for name in self._shuffled():
                await asyncio.sleep(self._rng.uniform(0.5, 1.5) * mean_s)
                await self._do(name)

    async def once_each(self) -> None:
        """A killed edge first: that its calls are lost shows after a quarter of a minute."""
        self._longest_lock_s = 2.0
        names = sorted(self._shuffled(), key=lambda name: name != "edge killed")
        for name in names:
            await self._do(name)
            await asyncio.sleep(self._rng.uniform(0, 0.3))

    async def mend(self) -> None:
        self._house.clock.jump(0)
        for process in self._house.processes:
            await self._revive(process)
        await asyncio.gather(self._house.worker.until_ready(), self._house.web.until_ready())

    def _shuffled(self) -> Sequence[str]:
        names = list(self._faults)
        self._rng.shuffle(names)
        return names

    async def _do(self, name: str) -> None:
        for process in self._house.processes:
            if process.died_by_itself:
                self._troubles.append(f"{process.name} had ended by itself before: {name}")
                await self._revive(process)
        await self._faults[name]()
        self._counted[name] += 1

    # ---- processes -----------------------------------------------------------------------------

    async def _worker(self) -> None:
        await self._house.worker.kill()
        await self._revive(self._house.worker)

    async def _web(self) -> None:
        await self._house.web.kill()
        await self._revive(self._house.web)

    async def _edge(self) -> None:
        edge = self._rng.choice(self._house.edges)
        await edge.kill()
        await self._revive(edge)

    async def _revive(self, process: Process) -> None:
        if process.process is None or process.process.returncode is not None:
            await process.start()

    # ---- Redis ---------------------------------------------------------------------------------

    async def _redis(self) -> None:
        self._house.redis.kill()
        await asyncio.sleep(self._rng.uniform(0.2, 2))
        await asyncio.to_thread(self._house.redis.start)

    async def _redis_is_full(self) -> None:
        """A snapshot that cannot be written: every write is refused with MISCONF meanwhile."""
        redis = self._house.redis
        client = Redis.from_url(redis.url)
        try:
            await redis.refuse_writes(client)
            await asyncio.sleep(self._rng.uniform(1, 3))
            await redis.take_writes(client)
        finally:
            await client.aclose()

    # ---- the clock -----------------------------------------------------------------------------

    async def _clock(self) -> None:
        """Minutes ahead or back; an hour where only the worker's clock is wrong."""
        far = [90.0, -90.0] if self._house.postgres is None else [90.0, -90.0, 3600.0, -3600.0]
        self._house.clock.jump(self._rng.choice(far))
        await asyncio.sleep(self._rng.uniform(1, 4))
        self._house.clock.jump(0)

    # ---- databases -----------------------------------------------------------------------------

    async def _postmaster(self) -> None:
        postgres = self._house.postgres
        assert postgres is not None
        os.kill(postgres.pid, signal.SIGKILL)
        await asyncio.sleep(self._rng.uniform(0.2, 1.5))
        async with asyncio.timeout(_UP_AGAIN_S):
            while True:  # its backends see that it is gone, and let go of its memory
                try:
                    await asyncio.to_thread(postgres.start)
                except RuntimeError:
                    await asyncio.sleep(0.2)
                else:
                    return

    async def _backend(self) -> None:
        """One session's process; the server then ends all of them and recovers."""
        postgres = self._house.postgres
        assert postgres is not None
        query = (
            "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend'"
            " AND pid <> pg_backend_pid()"
        )
        found = await asyncio.to_thread(postgres.sql, query)
        pids = [int(pid) for pid in found.split()]
        self._rng.shuffle(pids)
        for pid in pids:
            # One that was listed may have ended meanwhile: its pool let go of it.
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                return

    async def _mid_transaction(self) -> None:
        path = self._house.database_url.partition("///")[2]
        # Longer than the edge's patience, and now and then than everybody's.
        held_s = min(self._rng.choice([0.1, 2.0, 6.0, 17.0]), self._longest_lock_s)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", _IN_MID_TRANSACTION, path, str(held_s)
        )
        assert await process.wait() == -signal.SIGKILL
