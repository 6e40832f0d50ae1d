from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing

import pytest
from sqlalchemy import make_url, text
from sqlalchemy.exc import IntegrityError
from tests.unit.storage.facts import NOON

from trunkline.domain.errors import ConfigError
from trunkline.storage.engine import Sessions, create_engine, hold, lock_key
from trunkline.storage.kept_settings import KeptSettings


async def pragma(sessions: Sessions, name: str, *, durable: bool | None) -> object:
    """``durable`` None: in a reading session."""
    if durable is None:
        async with sessions.reading() as session:
            return await session.scalar(text(f"PRAGMA {name}"))
    async with sessions.writing(durable=durable) as session:
        return await session.scalar(text(f"PRAGMA {name}"))


async def test_sqlite_is_set_up_for_several_processes(sessions: Sessions) -> None:
    assert await pragma(sessions, "journal_mode", durable=None) == "wal"
    assert await pragma(sessions, "foreign_keys", durable=None) == 1
    assert await pragma(sessions, "busy_timeout", durable=None) == 15_000


async def test_only_durable_transactions_wait_for_the_disk(sessions: Sessions) -> None:
    normal, full = 1, 2
    assert await pragma(sessions, "synchronous", durable=True) == full
    assert await pragma(sessions, "synchronous", durable=False) == normal


async def test_a_write_transaction_holds_the_file_from_its_first_moment(
    sessions: Sessions, database_url: str
) -> None:
    # Another process that does not wait.
    with closing(sqlite3.connect(make_url(database_url).database or "", timeout=0)) as other:
        async with sessions.writing():
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                other.execute("BEGIN IMMEDIATE")
            assert other.execute("SELECT 1").fetchone() == (1,)
        async with sessions.reading() as session:
            await session.execute(text("SELECT count(*) FROM calls"))
            other.execute("BEGIN IMMEDIATE")
            other.rollback()


async def test_writers_of_one_process_wait_for_each_other_in_order(sessions: Sessions) -> None:
    async def add_one() -> None:
        async with sessions.writing() as session:
            kept = KeptSettings(session)
            await kept.put("count", await kept.get("count", 0) + 1, NOON)

    await asyncio.gather(*(add_one() for _ in range(30)))
    async with sessions.reading() as session:
        assert await KeptSettings(session).get("count") == 30


async def test_a_failed_transaction_leaves_nothing(sessions: Sessions) -> None:
    with pytest.raises(IntegrityError):
        async with sessions.writing() as session:
            await KeptSettings(session).put("a", 1, NOON)
            await session.execute(
                text(
                    "INSERT INTO words (turn_id, seq, text, start_ms, end_ms, fate, is_estimated)"
                    " VALUES ('nobody', 0, '', 0, 0, 'heard', false)"
                )
            )
    async with sessions.reading() as session:
        assert await KeptSettings(session).get("a", "nothing") == "nothing"


async def test_documents_come_back_as_they_were_put(sessions: Sessions) -> None:
    value = {"a": [1, 2.5, None, True, "ü"], "b": {"c": ""}}
    async with sessions.writing() as session:
        await KeptSettings(session).put("doc", value, NOON)
        await KeptSettings(session).put("none", None, NOON)
        await KeptSettings(session, owner="other").put("doc", "theirs", NOON)
    async with sessions.reading() as session:
        assert await KeptSettings(session).get("doc") == value
        assert await KeptSettings(session).get("none", "default") is None
        assert await KeptSettings(session, owner="other").get("doc") == "theirs"


async def test_holding_a_name_is_harmless_where_writers_are_alone(sessions: Sessions) -> None:
    async with sessions.writing() as session:
        await hold(session, "anything")


@pytest.mark.parametrize(
    ("url", "advice"),
    [
        ("nonsense", "no database URL"),
        ("mysql://localhost/x", "SQLite .* and PostgreSQL"),
        ("sqlite+aiosqlite://", "must name a file"),
        ("sqlite+aiosqlite:///:memory:", "must name a file"),
    ],
)
def test_a_wrong_database_url_is_named(url: str, advice: str) -> None:
    with pytest.raises(ConfigError, match=advice):
        create_engine(url)


@pytest.mark.parametrize("url", ["postgresql://u:p@host/db", "postgres://u:p@host/db"])
async def test_a_plain_postgres_url_is_understood(url: str) -> None:
    engine = create_engine(url)
    assert engine.url.drivername == "postgresql+asyncpg"
    await engine.dispose()


def test_a_lock_key_is_stable_and_fits_postgres() -> None:
    assert lock_key("a") == lock_key("a") != lock_key("b")
    assert all(-(2**63) <= lock_key(str(number)) < 2**63 for number in range(100))


async def test_a_transaction_that_is_cut_off_lets_go_of_the_file(
    sessions: Sessions, database_url: str
) -> None:
    """Whatever still reads in it: a cursor that lives on kept the lock on everybody's writes."""
    async with sessions.engine.connect() as connection:
        raw = (await connection.get_raw_connection()).driver_connection
        assert raw is not None
        await raw.execute("BEGIN IMMEDIATE")
        living = await raw.execute("SELECT name FROM sqlite_master")
        await connection.invalidate()
        with closing(sqlite3.connect(make_url(database_url).database or "", timeout=1)) as other:
            other.isolation_level = None
            other.execute("BEGIN IMMEDIATE")
            other.execute("ROLLBACK")
        del living
