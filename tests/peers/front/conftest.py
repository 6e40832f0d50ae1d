"""A front and two edges behind it, each a process that can be killed."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest
from tests.peers.drivers.ports import free_port, free_range

from trunkline.cli.front.program import kamailio_program
from trunkline.domain.errors import ConfigError

ROOT: Final = Path(__file__).parents[3]
HOST: Final = "127.0.0.1"
_START_S: Final = 240


@dataclass
class EdgeProcess:
    """``tests.peers.front.edge``; what it tells outlives it."""

    name: str
    given: dict[str, Any]
    folder: Path
    process: subprocess.Popen[bytes] | None = None
    _seen: int = 0

    @property
    def port(self) -> int:
        return int(self.given["port"])

    @property
    def _told(self) -> Path:
        return self.folder / f"{self.name}.jsonl"

    def start(self) -> None:
        before = len(self.events("ready"))
        with self._told.open("ab") as told, (self.folder / f"{self.name}.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.peers.front.edge", json.dumps(self.given)],
                stdin=subprocess.PIPE,
                stdout=told,
                stderr=log,
                cwd=ROOT,
            )
        process = self.process
        wait(
            lambda: len(self.events("ready")) > before or process.poll() is not None,
            f"{self.name} is ready",
            _START_S,
        )
        assert process.poll() is None, (self.folder / f"{self.name}.log").read_text()

    def events(self, did: str) -> list[dict[str, Any]]:
        if not self._told.exists():
            return []
        # A process that was killed may have left half a line.
        whole = [line for line in self._told.read_text().splitlines() if line.endswith("}")]
        return [event for event in map(json.loads, whole) if event["did"] == did]

    def order(self, line: str) -> None:
        assert self.process is not None and self.process.stdin is not None
        self.process.stdin.write(f"{line}\n".encode())
        self.process.stdin.flush()

    async def obey(self, line: str) -> None:
        before = len(self.events("obeyed"))
        self.order(line)
        await until(lambda: len(self.events("obeyed")) > before, f"{self.name} obeys {line}")

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        if self.process.stdin is not None:
            self.process.stdin.close()

    def stop(self) -> None:
        if self.process is None or self.process.poll() is not None:
            return
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)


@dataclass
class Front:
    port: int
    registrar_port: int
    folder: Path
    edges: list[EdgeProcess]
    process: subprocess.Popen[bytes]
    _marks: dict[str, int] = field(default_factory=dict)

    @property
    def log(self) -> str:
        return (self.folder / "front.log").read_text(errors="replace")

    def took(self, call: str) -> EdgeProcess:
        """The edge that has a call, by its Call-ID."""
        return next(
            edge for edge in self.edges if any(e["call"] == call for e in edge.events("took"))
        )

    def count(self) -> list[int]:
        """Calls that each edge has taken so far."""
        return [len(edge.events("took")) for edge in self.edges]

    def switched(self, edge: EdgeProcess, way: str) -> int:
        """How often the front has found an edge to take calls, or to take none."""
        return self.log.count(f"edge takes {way}: OPTIONS sip:{HOST}:{edge.port}\n")


def wait(holds: Callable[[], bool], what: str, deadline_s: float = 10) -> None:
    until_s = time.monotonic() + deadline_s
    while not holds():
        assert time.monotonic() < until_s, f"never within {deadline_s} s: {what}"
        time.sleep(0.02)


async def until(holds: Callable[[], bool], what: str, deadline_s: float = 10) -> None:
    try:
        async with asyncio.timeout(deadline_s):
            while not holds():
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"never within {deadline_s} s: {what}") from None


@pytest.fixture(scope="package")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    try:
        kamailio_program()
    except ConfigError as exc:
        pytest.skip(exc.message)
    folder = tmp_path_factory.mktemp("front")
    port, inner, registrar_port = free_port(), free_port(), free_port()
    edges = [
        EdgeProcess(
            f"edge-{number}",
            {
                "name": f"edge-{number}",
                "port": free_port(),
                "inner": f"{HOST}:{inner}",
                "front": f"{HOST}:{port}",
                "rtp": free_range(200)[0],
                "registrar": f"sip:{HOST}:{registrar_port}",
            },
            folder,
        )
        for number in (1, 2)
    ]
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("TRUNKLINE_")},
        "TRUNKLINE_DATA_DIR": str(folder / "var"),
        "TRUNKLINE_BIND_ADDRESS": HOST,
        "TRUNKLINE_SIP_PORT": str(port),
        "TRUNKLINE_FRONT_INNER": f"{HOST}:{inner}",
        "TRUNKLINE_FRONT_EDGES": ",".join(f"{e.name}={HOST}:{e.port}" for e in edges),
    }
    with (folder / "front.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "trunkline.cli", "front", "run"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    front = Front(port, registrar_port, folder, edges, process)
    try:
        for edge in edges:
            edge.start()
        for edge in edges:
            wait(
                lambda edge=edge: (
                    front.switched(edge, "calls") > 0  # type: ignore[misc]
                    or process.poll() is not None
                ),
                f"the front finds {edge.name}",
                _START_S,
            )
        assert process.poll() is None, front.log
        yield front
    finally:
        for edge in edges:
            edge.stop()
        process.terminate()
        process.wait(10)
