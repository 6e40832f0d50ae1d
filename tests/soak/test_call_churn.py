"""A busy line for a long while: nothing stays behind, and memory does not grow with the calls."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

import pytest
from benchmarks.edge_cpu import rss_mb
from benchmarks.rtp_caller import RtpCaller
from tests.peers.drivers.installation import Installation, running
from tests.soak.churn import LONG, Churn
from tests.soak.processes import Held, held, open_files, until_idle
from tests.soak.reckoning import complaints, log_complaints, until_all_written

pytestmark = [pytest.mark.soak, pytest.mark.timeout(0)]

MINUTES: Final = float(os.environ.get("SOAK_MINUTES", "30"))
SEED: Final = int(os.environ.get("SOAK_SEED", "1"))
CALLS_A_ROUND: Final = 40
# So many talk at once in a room with this many cores; more, and what is measured is the overload.
AT_ONCE: Final = int(os.environ.get("SOAK_AT_ONCE", str(min(20, 4 * (os.cpu_count() or 1)))))
# Pools fill and caches settle in the first rounds.
WARM_ROUNDS: Final = 3
_FILES_MORE: Final = 4
_RSS_MORE_MB: Final = 40.0
_MB_A_CALL: Final = 3.0
_VANISHED_S: Final = 90.0  # a minute without media ends a call


async def test_a_long_run_of_restless_callers_leaves_nothing_behind(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with running(tmp_path_factory.mktemp("tl") / "var") as installation:
        pids = {name: installation.child_pid(name) for name in ("sip", "model")}
        churn = Churn(installation, SEED, LONG)
        churn.prepare()
        rounds: dict[str, list[Held]] = {name: [] for name in pids}
        until = time.monotonic() + MINUTES * 60
        while time.monotonic() < until or len(rounds["sip"]) < 2 * WARM_ROUNDS:
            await churn.run(CALLS_A_ROUND, AT_ONCE)
            await until_idle(installation, _VANISHED_S)
            for name, pid in pids.items():
                rounds[name].append(held(pid))
        await until_all_written(installation, churn.stories, 30)
        assert not await complaints(installation, churn.stories)
        assert not log_complaints(installation, churn.stories)
        for name, pid in pids.items():
            assert installation.child_pid(name) == pid, f"{name} died and was started again"
            assert_flat(name, rounds[name], open_files(pid))


async def test_a_call_takes_at_most_three_megabytes_of_the_edge(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with running(tmp_path_factory.mktemp("tl") / "var") as installation:
        pid = installation.child_pid("sip")
        async with talking(installation, 1):
            before_mb = rss_mb(pid)  # what the first call loads is no call's own
        async with talking(installation, AT_ONCE):
            more_mb = rss_mb(pid) - before_mb
        assert more_mb / AT_ONCE <= _MB_A_CALL


@asynccontextmanager
async def talking(installation: Installation, calls: int) -> AsyncIterator[None]:
    """So many callers who have all heard the agent."""
    async with AsyncExitStack() as stack:
        for _ in range(calls):
            caller = RtpCaller("127.0.0.1", installation.sip_port)
            await stack.enter_async_context(caller)
            await caller.invite()
            await caller.first_loud(caller.answered_at)
        yield


def assert_flat(name: str, rounds: Sequence[Held], files: object) -> None:
    """The last third of the rounds holds what the first third after warming up held."""
    steady = rounds[WARM_ROUNDS:]
    third = max(1, len(steady) // 3)
    first, last = steady[:third], steady[-third:]
    more_files = statistics.median(r.files for r in last) - statistics.median(
        r.files for r in first
    )
    more_mb = statistics.median(r.rss_mb for r in last) - statistics.median(r.rss_mb for r in first)
    told = f"{name}: {[(r.files, round(r.rss_mb)) for r in rounds]} {files}"
    assert more_files <= _FILES_MORE, told
    assert more_mb <= _RSS_MORE_MB, told
