"""A house with two edges, for storms of calls: one that ``trunkline up`` started, and another."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.peers.drivers.installation import Installation, free_ports
from tests.peers.faults.phone import processes_of
from tests.soak.approval_house import Process
from tests.soak.processes import gauge

_RTP_PORTS = 2000


@dataclass
class CallHouse:
    """``edges``: SIP and health ports by place; those that are killed are not ``up``."""

    installation: Installation
    second: Process
    edges: list[tuple[int, int]]
    up: set[int]

    def pid(self, name: str) -> int:
        """Of a child of the house; Redis, too."""
        if name == "redis":
            found = processes_of(self.installation.data_dir).items()
            return next(pid for pid, command in found if "redis-server" in command)
        return self.installation.child_pid(name)

    def edge_pid(self, place: int) -> int | None:
        """Both are ``trunkline sip`` of one data directory: their ports tell them apart."""
        wanted = f"TRUNKLINE_SIP_PORT={self.edges[place][0]}\0".encode()
        for pid, command in processes_of(self.installation.data_dir).items():
            if "trunkline.cli sip" not in command or "setpriv" in command:
                continue
            try:
                if wanted in Path(f"/proc/{pid}/environ").read_bytes():
                    return pid
            except OSError:
                continue
        return None

    async def calls_up(self) -> float:
        return sum([await gauge(health, "trunkline_calls_live") for _, health in self.edges])

    @property
    def log(self) -> str:
        return self.installation.log + self.second.log.read_text(errors="replace")


@asynccontextmanager
async def two_edges(installation: Installation) -> AsyncIterator[CallHouse]:
    """The second one leans on the same database, Redis and model server, and ends here."""
    environment = dict(installation.environment)
    first_rtp = int(environment["TRUNKLINE_RTP_PORTS"].partition("-")[0])
    rtp = first_rtp + _RTP_PORTS if first_rtp + 2 * _RTP_PORTS < 61_000 else first_rtp - _RTP_PORTS
    ports = free_ports(2)
    sample = f"http://127.0.0.1:{installation.web_port + 3}"
    environment |= {
        "TRUNKLINE_SIP_PORT": str(ports),
        "TRUNKLINE_SIP_HEALTH_PORT": str(ports + 1),
        "TRUNKLINE_RTP_PORTS": f"{rtp}-{rtp + _RTP_PORTS - 1}",
        "TRUNKLINE_SAMPLE_SERVICE_URL": sample,
        "PATH": os.environ["PATH"],
    }
    second = Process(
        "second edge",
        (sys.executable, "-m", "trunkline.cli", "sip"),
        environment,
        installation.data_dir.parent / "second_edge.log",
        f"http://127.0.0.1:{ports + 1}/readyz",
    )
    await second.start()
    try:
        await second.until_ready()
        edges = [(installation.sip_port, installation.web_port + 1), (ports, ports + 1)]
        yield CallHouse(installation, second, edges, {0, 1})
    finally:
        await asyncio.shield(second.stop())
