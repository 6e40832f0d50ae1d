"""Processor time and memory of processes and of their threads, between two moments, from /proc."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from benchmarks.edge_cpu import TICKS_PER_S, cpu_seconds, rss_mb


def thread_seconds(pid: int) -> Mapping[str, float]:
    """Processor seconds of a process's threads by name; threads of one name are added up."""
    found: defaultdict[str, float] = defaultdict(float)
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            fields = (task / "stat").read_text().rsplit(") ", 1)[1].split()
            name = (task / "comm").read_text().strip()
        except OSError:  # the thread has ended
            continue
        label = "main" if task.name == str(pid) else name
        found[label] += (int(fields[11]) + int(fields[12])) / TICKS_PER_S
    return found


class Stretch:
    """From its making to ``end``: per cent of one core of each process named."""

    def __init__(self, pids: Mapping[str, int], threads_of: str) -> None:
        self._pids = pids
        self._threads_of = pids[threads_of]
        self._cpu = {name: cpu_seconds(pid) for name, pid in pids.items()}
        self._threads = thread_seconds(self._threads_of)
        self._began = time.monotonic()
        self.percent: dict[str, float] = {}
        self.thread_percent: dict[str, float] = {}
        self.rss_mb: dict[str, float] = {}

    def end(self) -> None:
        took = time.monotonic() - self._began
        for name, pid in self._pids.items():
            self.percent[name] = (cpu_seconds(pid) - self._cpu[name]) / took * 100
            self.rss_mb[name] = rss_mb(pid)
        for name, seconds in thread_seconds(self._threads_of).items():
            self.thread_percent[name] = (seconds - self._threads.get(name, 0.0)) / took * 100
