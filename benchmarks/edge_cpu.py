"""CPU and memory of each process while N calls are up, the Realtime hop included."""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tests.peers.drivers.installation import Installation

from benchmarks.calls import RATE, speech
from benchmarks.rtp_caller import RtpCaller

TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Load:
    """Per cent of one core, and resident megabytes, of one process tree."""

    cpu_percent: float
    rss_mb: float


def tree(pid: int) -> list[int]:
    """The process and its descendants."""
    found = [pid]
    for parent in found:
        for task in Path(f"/proc/{parent}/task").glob("*/children"):
            with suppress(OSError):  # a thread that has ended since it was listed
                found += [int(child) for child in task.read_text().split()]
    return found


def cpu_seconds(pid: int) -> float:
    total = 0
    for one in tree(pid):
        with suppress(OSError):
            fields = Path(f"/proc/{one}/stat").read_text().rsplit(") ", 1)[1].split()
            total += int(fields[11]) + int(fields[12])
    return total / TICKS_PER_S


def rss_mb(pid: int) -> float:
    total = 0
    for one in tree(pid):
        pages = int(Path(f"/proc/{one}/statm").read_text().split()[1])
        total += pages * os.sysconf("SC_PAGE_SIZE")
    return total / 1e6


def call_audio(installation: Installation) -> NDArray[np.int16]:
    """What each caller says over and over: a phrase and five seconds of quiet."""
    phrase = speech(installation, "What are your opening hours please?", "ash")
    return np.concatenate([phrase, np.zeros(5 * RATE, np.int16)])


async def under_load(
    installation: Installation, calls: int, seconds: float = 20
) -> dict[str, Load]:
    """Load of ``sip`` and ``model`` with that many calls talking and listening."""
    pids = {name: installation.child_pid(name) for name in ("sip", "model")}
    audio = call_audio(installation)
    async with AsyncExitStack() as stack:
        callers = []
        for _ in range(calls):
            caller = await stack.enter_async_context(RtpCaller("127.0.0.1", installation.sip_port))
            await caller.invite()
            callers.append(caller)
        await asyncio.sleep(2)
        for caller in callers:
            caller.repeat(audio)
        before = {name: cpu_seconds(pid) for name, pid in pids.items()}
        started = time.monotonic()
        await asyncio.sleep(seconds)
        took = time.monotonic() - started
        return {
            name: Load((cpu_seconds(pid) - before[name]) / took * 100, rss_mb(pid))
            for name, pid in pids.items()
        }
