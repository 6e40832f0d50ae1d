"""What a process tree holds: open files and resident memory, read from /proc."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
from benchmarks.edge_cpu import rss_mb, tree
from tests.peers.drivers.installation import Installation


@dataclass(frozen=True, slots=True)
class Held:
    """``files``: open descriptors, sockets among them; ``rss_mb``: resident megabytes; both of the
    whole tree, which has so many ``processes``."""

    files: int
    rss_mb: float
    processes: int


def held(pid: int) -> Held:
    family = tree(pid)
    files = sum(len(os.listdir(f"/proc/{one}/fd")) for one in family)
    return Held(files, rss_mb(pid), len(family))


def open_files(pid: int) -> Mapping[str, int]:
    """What the descriptors of one process lead to, numbers left out: for the failure message."""
    found: dict[str, int] = {}
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            kind = re.sub(r"\d+", "N", os.readlink(entry))
        except OSError:
            continue
        found[kind] = found.get(kind, 0) + 1
    return found


async def gauge(port: int, name: str) -> float:
    """The sum of one metric's samples on that process's /metrics."""
    async with httpx.AsyncClient(timeout=10, trust_env=False) as client:
        page = (await client.get(f"http://127.0.0.1:{port}/metrics")).raise_for_status().text
    return sum(float(m) for m in re.findall(rf"(?m)^{name}(?:\{{.*\}})? (\S+)$", page))


async def calls_up(installation: Installation) -> float:
    return await gauge(installation.web_port + 1, "trunkline_calls_live")


async def sessions_up(installation: Installation) -> float:
    return await gauge(installation.model_port, "trunkline_realtime_sessions_live")


async def tasks_of_model(installation: Installation) -> float:
    """Of the model server's event loop; the request that asks is among them."""
    return await gauge(installation.model_port, "trunkline_model_tasks")


async def until_idle(installation: Installation, deadline_s: float) -> None:
    """No call on the edge and no session on the model server; AssertionError says what is left."""
    calls = sessions = -1.0
    try:
        async with asyncio.timeout(deadline_s):
            while calls or sessions:
                calls, sessions = await calls_up(installation), await sessions_up(installation)
                if calls or sessions:
                    await asyncio.sleep(0.2)
    except TimeoutError:
        raise AssertionError(f"still up: {calls:g} calls, {sessions:g} sessions") from None
