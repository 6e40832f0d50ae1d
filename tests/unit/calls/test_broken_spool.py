"""The disk fails as well: facts wait in memory, and not one is lost on their way out of it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import orjson
import pytest
from sqlalchemy.exc import IntegrityError
from tests.fakes.virtual_time import run_virtual
from tests.unit.calls.test_publishing import Database, away, state

from trunkline.calls.fact_json import decode_fact
from trunkline.calls.spool import FactSpool
from trunkline.calls.store_sink import StoreSink


@pytest.fixture
def impossible(tmp_path: Path) -> FactSpool:
    """A spool whose directory cannot be made, until ``mended``."""
    (tmp_path / "spool").write_text("a file where a directory should be")
    return FactSpool(tmp_path / "spool" / "s.jsonl")


def mended(tmp_path: Path) -> None:
    (tmp_path / "spool").unlink()


def test_facts_that_no_disk_takes_go_to_the_database_when_it_is_back(impossible: FactSpool) -> None:
    async def play() -> None:
        database = Database()
        database.raises = away
        sink = StoreSink(database.write, impossible)
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(sink.run())
            for number in range(3):
                sink.publish(state(number))
                await asyncio.sleep(2)
            assert sink.is_spooling
            database.raises = lambda facts: None
            await asyncio.sleep(20)
            assert database.facts == [state(0), state(1), state(2)]
            assert not sink.is_spooling
            running.cancel()

    run_virtual(play())


def test_a_fact_that_cannot_even_be_put_aside_is_tried_until_it_can(
    impossible: FactSpool, tmp_path: Path
) -> None:
    async def play() -> None:
        database = Database()
        database.raises = lambda facts: (
            IntegrityError("insert", {}, Exception("bad")) if state(1) in facts else None
        )
        sink = StoreSink(database.write, impossible)
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(sink.run())
            sink.publish(state(0))
            sink.publish(state(1))
            await asyncio.sleep(5)
            mended(tmp_path)
            sink.publish(state(2))
            await asyncio.sleep(20)
            assert database.facts[-1] == state(2)
            (line,) = (tmp_path / "spool" / "s.rejected.jsonl").read_bytes().splitlines()
            assert decode_fact(orjson.loads(line)) == state(1)
            running.cancel()

    run_virtual(play())


@pytest.mark.parametrize("is_stopped_first", [True, False])
def test_a_write_that_is_cut_off_at_the_end_is_kept_on_disk(
    tmp_path: Path, is_stopped_first: bool
) -> None:
    async def play() -> None:
        database, spool = Database(), FactSpool(tmp_path / "s.jsonl")
        database.hangs = True
        sink = StoreSink(database.write, spool, deadline_s=10)
        sink.publish(state(0))
        async with asyncio.TaskGroup() as tasks:
            if is_stopped_first:  # in the middle of a batch, as when an edge that drained stops
                running = tasks.create_task(sink.run())
                await asyncio.sleep(1)
                running.cancel()
        await sink.close(5)
        assert spool.read(10) == [state(0)]

    run_virtual(play())
