"""The processes of a storm: worker, web and edges that are killed and begun again, and what they
lean on. Nothing is faked: the worker is Celery's with a Redis of its own, the web serves HTTP."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import struct
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
from tests.peers.drivers.postgres import PrivatePostgres
from tests.peers.drivers.redis import PrivateRedis
from tests.peers.jobs.test_worker import free_port, members

from trunkline.cli.supervisor import ended_with_us

READY_S: Final = 240.0
_CLOCK_SOURCE: Final = Path(__file__).with_name("jumping_clock.c")


class WallClock:
    """The time of day of processes that preload it; ``jump`` moves them all at once."""

    def __init__(self, folder: Path) -> None:
        self._library = folder / "jumping_clock.so"
        self._file = folder / "jumping_clock"
        self._file.write_bytes(bytes(8))
        subprocess.run(
            ["cc", "-O1", "-shared", "-fPIC", "-o", self._library, _CLOCK_SOURCE, "-ldl"],
            check=True,
            timeout=60,
        )

    def jump(self, seconds: float) -> None:
        """So far from the true time; 0: back to it."""
        with self._file.open("r+b", buffering=0) as file:
            file.write(struct.pack("q", round(seconds * 1e9)))

    @property
    def environment(self) -> dict[str, str]:
        return {"LD_PRELOAD": str(self._library), "JUMPING_CLOCK": str(self._file)}


@dataclass
class Process:
    """One that is begun again whenever it has died, as ``trunkline up`` would."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    log: Path
    ready_url: str = ""
    on_line: Callable[[dict[str, Any]], None] | None = None
    process: asyncio.subprocess.Process | None = None
    groups: list[int] = field(default_factory=list)
    deaths: list[int] = field(default_factory=list)
    _reader: asyncio.Task[None] | None = None

    async def start(self) -> None:
        pipe = asyncio.subprocess.PIPE if self.on_line else asyncio.subprocess.DEVNULL
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *ended_with_us(self.command),
                env=dict(self.environment),
                stdin=pipe,
                stdout=pipe if self.on_line else log,
                stderr=log,
                start_new_session=True,
            )
        self.groups.append(self.process.pid)
        if self.on_line:
            self._reader = asyncio.get_running_loop().create_task(self._read(self.process))

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None and self.on_line is not None
        while line := await process.stdout.readline():
            if line.endswith(b"\n"):
                self.on_line(json.loads(line))

    async def until_ready(self) -> None:
        async with asyncio.timeout(READY_S), httpx.AsyncClient(trust_env=False) as http:
            while True:
                if self.process is not None and self.process.returncode is not None:
                    raise RuntimeError(f"{self.name} ended by itself: see {self.log}")
                try:
                    if (await http.get(self.ready_url)).status_code == 200:
                        return
                except httpx.TransportError:
                    pass
                await asyncio.sleep(0.1)

    def send(self, line: dict[str, Any]) -> bool:
        process = self.process
        if process is None or process.returncode is not None or process.stdin is None:
            return False
        process.stdin.write(json.dumps(line).encode() + b"\n")
        return True

    async def kill(self) -> None:
        """SIGKILL, to the process alone: what it leaves behind is counted as a leak."""
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
            await self._ended()

    async def stop(self, deadline_s: float = 30) -> int:
        if self.process is None or self.process.returncode is not None:
            return 0
        self.process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(deadline_s):
                return await self._ended()
        except TimeoutError:
            await self.kill()
            return -9

    async def _ended(self) -> int:
        assert self.process is not None
        status = await self.process.wait()
        if self._reader is not None:
            await asyncio.wait([self._reader])
        return status

    @property
    def died_by_itself(self) -> bool:
        return self.process is not None and self.process.returncode is not None

    def leaked(self) -> list[int]:
        """Processes of its former lives that still run."""
        now = self.process.pid if self.process and self.process.returncode is None else 0
        return [pid for group in self.groups if group != now for pid in members(group)]


@dataclass
class House:
    """Everything a storm runs on. ``clock`` moves the worker's time of day; on SQLite, where the
    database's clock is the machine's, that of all of ours."""

    folder: Path
    redis: PrivateRedis
    postgres: PrivatePostgres | None
    database_url: str
    clock: WallClock
    service_log: Path
    service_url: str
    web_url: str
    worker: Process
    web: Process
    edges: list[Process]

    @property
    def processes(self) -> list[Process]:
        return [self.worker, self.web, *self.edges]


@asynccontextmanager
async def house(
    folder: Path,
    redis: PrivateRedis,
    postgres: PrivatePostgres | None,
    database_url: str,
    on_line: Callable[[int, dict[str, Any]], None],
    *,
    edges: int,
) -> AsyncIterator[House]:
    """Started and ready; afterwards nothing of it runs. The database must be migrated."""
    clock = WallClock(folder)
    service_log = folder / "service.jsonl"
    service = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.soak.approval_service", str(service_log),
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert service.stdout is not None
    service_url = f"http://127.0.0.1:{int(await service.stdout.readline())}"
    web_port, worker_port = free_port(), free_port()
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("TRUNKLINE_")},
        "TRUNKLINE_DATA_DIR": str(folder / "var"),
        "TRUNKLINE_DATABASE_URL": database_url,
        "TRUNKLINE_REDIS_URL": redis.url,
        "TRUNKLINE_WEB_PORT": str(web_port),
        "TRUNKLINE_WORKER_HEALTH_PORT": str(worker_port),
        "TRUNKLINE_PUBLIC_URL": "https://storm.example",
        "TRUNKLINE_LOG_FORMAT": "json",
        "TRUNKLINE_LOG_LEVEL": "warning",
        "STORM_SERVICE_URL": service_url,
    }
    jumping = {**environment, **clock.environment}
    ours = environment if postgres else jumping

    def process(name: str, *module: str, with_clock: Mapping[str, str], url: str = "") -> Process:
        command = (sys.executable, "-m", *module)
        return Process(name, command, with_clock, folder / f"{name}.log", url)

    worker = process("worker", "trunkline.cli", "worker", with_clock=jumping,
                     url=f"http://127.0.0.1:{worker_port}/readyz")  # fmt: skip
    web = process("web", "trunkline.cli", "web", with_clock=ours,
                  url=f"http://127.0.0.1:{web_port}/readyz")  # fmt: skip
    edge_processes = []
    for number in range(edges):
        # The spool is named after the port: a new edge at the same place takes over the old one's.
        mine = {**ours, "TRUNKLINE_SIP_PORT": str(20000 + number)}
        edge = process(f"edge{number}", "tests.soak.approval_edge", with_clock=mine)
        edge.on_line = _of_edge(on_line, number)
        edge_processes.append(edge)
    made = House(
        folder, redis, postgres, database_url, clock, service_log, service_url,
        f"http://127.0.0.1:{web_port}", worker, web, edge_processes,
    )  # fmt: skip
    try:
        for one in made.processes:
            await one.start()
        await asyncio.gather(worker.until_ready(), web.until_ready())
        yield made
    finally:
        await asyncio.gather(*(one.kill() for one in made.processes))
        service.kill()
        await service.wait()


def _of_edge(
    on_line: Callable[[int, dict[str, Any]], None], number: int
) -> Callable[[dict[str, Any]], None]:
    return lambda line: on_line(number, line)
