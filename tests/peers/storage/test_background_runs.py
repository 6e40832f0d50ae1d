"""Tool runs in the background, on PostgreSQL; and no claim twice among workers that hurry."""

from __future__ import annotations

import asyncio

import pytest
from tests.unit.jobs.test_tool_runs import *  # noqa: F403
from tests.unit.jobs.test_tool_runs import Service, asked, letter
from tests.unit.storage.facts import after

from trunkline.storage.background_runs import BackgroundRuns, ClaimedRun
from trunkline.storage.engine import Sessions
from trunkline.storage.journal import write_facts

pytestmark = pytest.mark.peers
RUNS = 30


async def test_workers_that_claim_side_by_side_never_get_the_same_run(
    live: Sessions, service: Service
) -> None:
    for number in range(RUNS):
        await write_facts(live, asked(letter(service), f"run_{number:020d}"))

    async def claim() -> list[ClaimedRun]:
        claimed = []
        for _ in range(RUNS):
            async with live.writing(durable=True) as session:
                claimed += await BackgroundRuns(session).claim(after(1), RUNS)
        return claimed

    claims = [run.run_id for found in await asyncio.gather(*(claim() for _ in range(4)))
              for run in found]  # fmt: skip
    assert sorted(claims) == sorted(set(claims))
    assert len(claims) == RUNS
