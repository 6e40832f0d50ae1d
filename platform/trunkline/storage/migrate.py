"""Bring a database to the newest revision; safe when several processes start at once."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from trunkline.domain.errors import ConfigError
from trunkline.storage.engine import Sessions, create_engine, hold

_LOCK: Final = "trunkline.migrate"
_DEADLINE_S: Final = 120


def alembic_config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


async def upgrade_to_head(url: str) -> None:
    """Apply what is missing, all or none. One process works, the others wait and find it done.

    ConfigError when the database is newer than this program, or cannot be reached.
    """
    sessions = Sessions(create_engine(url, pooled=False, foreign_keys=False))
    try:
        async with asyncio.timeout(_DEADLINE_S), sessions.writing(durable=True) as session:
            await hold(session, _LOCK)
            await _upgrade(session)
    except OSError as exc:
        raise ConfigError(f"the database cannot be reached: {exc}") from exc
    except DBAPIError as exc:
        raise ConfigError(f"the database refused: {exc.orig}") from exc
    except TimeoutError:
        raise ConfigError("the database did not answer within two minutes") from None
    finally:
        await sessions.close()


async def _upgrade(session: AsyncSession) -> None:
    config = alembic_config()
    script = ScriptDirectory.from_config(config)
    known = {revision.revision for revision in script.walk_revisions()}

    def run(connection: Connection) -> None:
        current = set(MigrationContext.configure(connection).get_current_heads())
        if current - known:
            raise ConfigError(
                "the database was written by a newer trunkline; install that version, or restore"
                " the backup from before its upgrade"
            )
        if current == set(script.get_heads()):
            return
        config.attributes["connection"] = connection
        command.upgrade(config, "head")

    await (await session.connection()).run_sync(run)


async def pending_revisions(url: str) -> int:
    """How many revisions the database lacks; 0 when it is current. For readiness and ``doctor``."""
    sessions = Sessions(create_engine(url, pooled=False))
    script = ScriptDirectory.from_config(alembic_config())

    def current(connection: Connection) -> str | None:
        return MigrationContext.configure(connection).get_current_revision()

    try:
        async with sessions.reading() as session:
            revision = await (await session.connection()).run_sync(current)
    finally:
        await sessions.close()
    return sum(1 for _ in script.iterate_revisions("head", revision or "base"))
