from __future__ import annotations

import asyncio

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect, text
from tests.unit.storage.facts import whole_call
from tests.unit.storage.migrators import migrate_from_processes

from trunkline.domain.errors import ConfigError
from trunkline.storage.engine import Sessions, create_engine, open_sessions
from trunkline.storage.journal import write_facts
from trunkline.storage.migrate import alembic_config, pending_revisions, upgrade_to_head
from trunkline.storage.rows import Base


async def test_migrations_give_exactly_the_tables_of_the_rows(sessions: Sessions) -> None:
    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, Base.metadata))

    async with sessions.reading() as session:
        assert await (await session.connection()).run_sync(differences) == []


async def test_every_row_says_whose_it_is(sessions: Sessions) -> None:
    def without_owner(connection: Connection) -> list[str]:
        tables = inspect(connection)
        return [
            name
            for name in tables.get_table_names()
            if name != "alembic_version"
            and "owner" not in {column["name"] for column in tables.get_columns(name)}
        ]

    async with sessions.reading() as session:
        assert await (await session.connection()).run_sync(without_owner) == []


async def test_processes_that_start_at_once_all_find_the_database_ready(empty_url: str) -> None:
    assert await pending_revisions(empty_url) > 0
    assert await asyncio.to_thread(migrate_from_processes, empty_url, 3) == ["", "", ""]
    assert await pending_revisions(empty_url) == 0
    sessions = open_sessions(empty_url)
    await write_facts(sessions, whole_call())
    await sessions.close()


async def test_upgrading_again_changes_nothing_and_keeps_the_rows(
    sessions: Sessions, database_url: str
) -> None:
    await write_facts(sessions, whole_call())
    await upgrade_to_head(database_url)
    async with sessions.reading() as session:
        assert await session.scalar(text("SELECT count(*) FROM calls")) == 1


async def test_a_database_of_a_newer_program_is_left_alone(
    sessions: Sessions, database_url: str
) -> None:
    async with sessions.writing() as session:
        await session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(ConfigError, match="newer trunkline"):
        await upgrade_to_head(database_url)


async def test_every_migration_can_be_taken_back(database_url: str) -> None:
    sessions = Sessions(create_engine(database_url, pooled=False, foreign_keys=False))

    def down(connection: Connection) -> list[str]:
        config = alembic_config()
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
        return inspect(connection).get_table_names()

    async with sessions.writing() as session:
        assert await (await session.connection()).run_sync(down) == ["alembic_version"]
    await sessions.close()
    await upgrade_to_head(database_url)
    assert await pending_revisions(database_url) == 0
