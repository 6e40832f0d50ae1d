"""A database that is slow and not away: it is asked for less at a time, and takes everything."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from tests.fakes.virtual_time import run_virtual
from tests.unit.storage.facts import after, caller_turn

from trunkline.calls.spool import FactSpool
from trunkline.calls.store_sink import StoreSink
from trunkline.domain.events import CallFact
from trunkline.runtime.supervision import nursery


def test_what_is_too_much_for_a_slow_database_at_once_is_written_in_parts(tmp_path: Path) -> None:
    taken: list[CallFact] = []

    async def write(facts: Sequence[CallFact]) -> None:
        await asyncio.sleep(0.05 * len(facts))
        taken.extend(facts)

    async def play() -> None:
        spool = FactSpool(tmp_path / "facts.jsonl")
        facts = [caller_turn("yes", seq=number, at=after(number)) for number in range(200)]
        spool.append(facts)  # ten seconds' work, and five is what each write may take
        sink = StoreSink(write, spool)
        async with nursery("test") as background:
            background.start(sink.run(), "store")
            async with asyncio.timeout(120):
                while sink.is_spooling or not taken:
                    await asyncio.sleep(1)
        assert taken == facts

    run_virtual(play())
