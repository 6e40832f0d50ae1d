"""``make bench``: measure, and print the tables of docs/benchmarks.md with machine and commit."""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from pathlib import Path

from tests.peers.drivers.installation import Installation, running, start

from benchmarks import calls, edge_cpu, flow_runner, guardrails, realtime_latency
from benchmarks.machine import commit, machine, table


def start_twice(data_dir: Path) -> list[tuple[str, str]]:
    """First start makes the database, keys and rendered lines; the second finds them."""
    rows = []
    for label in ("first start, empty data directory", "second start"):
        installation = start(data_dir)
        rows.append((label, f"{installation.ready_after_s:.1f} s to ready"))
        installation.stop()
    return rows


async def load_rows(installation: Installation, counts: list[int]) -> list[tuple[str, str]]:
    rows = []
    for count in counts:
        loads = await edge_cpu.under_load(installation, count)
        for name, load in loads.items():
            rows.append(
                (
                    f"{name}, {count} calls",
                    f"{load.cpu_percent:.1f} % of a core, {load.cpu_percent / count:.2f} % a call, "
                    f"{load.rss_mb:.0f} MB",
                )
            )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=50, help="barge-in trials")
    parser.add_argument("--calls", type=int, nargs="*", default=[1, 10], help="calls under load")
    options = parser.parse_args()
    print(f"machine: {machine()}\ncommit: {commit()}\ncommand: make bench")
    table("Flow runner, per event", flow_runner.rows())
    table("Guardrails, on held-out sentences", guardrails.rows())
    table("The Realtime server", realtime_latency.rows())
    with tempfile.TemporaryDirectory(prefix="tl-bench-") as scratch:
        table("Start", start_twice(Path(scratch) / "start"))
        with running(Path(scratch) / "run") as installation:
            figures = asyncio.run(calls.measure(installation, options.trials))
            table("One call at a time", figures.rows())
            table("Processor and memory", asyncio.run(load_rows(installation, options.calls)))


if __name__ == "__main__":
    main()
