"""One of several processes that claim outbox rows and write facts at the same time."""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from tests.unit.storage.facts import after, whole_call

from trunkline.domain.ids import CallId
from trunkline.storage.engine import open_sessions
from trunkline.storage.journal import write_facts
from trunkline.storage.outbox import Outbox


@dataclass(frozen=True, slots=True)
class Harvest:
    claimed: tuple[str, ...]
    written: tuple[str, ...]
    errors: tuple[str, ...]


async def _claim_all(url: str, name: str) -> Harvest:
    sessions = open_sessions(url)
    claimed: list[str] = []
    written: list[str] = []
    errors: list[str] = []
    while True:
        try:
            async with sessions.writing() as session:
                batch = await Outbox(session).claim(after(0), limit=5)
            call_id = CallId(f"call_{name}_{len(written)}")
            # Without its end, which would put more into the outbox.
            await write_facts(sessions, whole_call(call_id)[:-1])
            written.append(call_id)
        except Exception as exc:  # every error is a finding of this test, whatever it is
            errors.append(f"{type(exc).__name__}: {exc}")
            break
        if not batch:
            break
        claimed += [row.outbox_id for row in batch]
        for row in batch:
            async with sessions.writing() as session:
                if not await Outbox(session).settle(row, after(1)):
                    errors.append(f"{row.outbox_id} was not ours")
    await sessions.close()
    return Harvest(tuple(claimed), tuple(written), tuple(errors))


def claim_all(url: str, name: str) -> Harvest:
    return asyncio.run(_claim_all(url, name))


def claim_from_processes(url: str, count: int) -> Sequence[Harvest]:
    """Blocks; each process has its own interpreter, loop and connections."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(count, mp_context=spawn) as pool:
        return list(pool.map(claim_all, [url] * count, [f"p{number}" for number in range(count)]))
