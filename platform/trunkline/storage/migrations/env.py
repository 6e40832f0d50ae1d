"""Alembic's entry: on the connection it is handed, or on one of its own for the command line."""

from __future__ import annotations

import asyncio
from typing import Any, Literal

from alembic import context
from sqlalchemy import Connection

from trunkline.runtime.settings import load_settings
from trunkline.storage.column_types import Document, UtcDateTime
from trunkline.storage.engine import Sessions, create_engine
from trunkline.storage.rows import Base


def render_item(kind: str, item: Any, autogen_context: Any) -> str | Literal[False]:
    """Our column types by their plain names."""
    if kind == "type" and isinstance(item, (Document, UtcDateTime)):
        name = type(item).__name__
        autogen_context.imports.add(f"from trunkline.storage.column_types import {name}")
        return f"{name}()"
    return False


def run_on(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=True,
        compare_type=True,
        transactional_ddl=True,
        render_item=render_item,
    )
    with context.begin_transaction():
        context.run_migrations()


async def run_alone() -> None:
    url = load_settings().resolved_database_url
    sessions = Sessions(create_engine(url, pooled=False, foreign_keys=False))
    async with sessions.writing() as session:
        await (await session.connection()).run_sync(run_on)
    await sessions.close()


handed: Connection | None = context.config.attributes.get("connection")
if handed is not None:
    run_on(handed)
else:
    asyncio.run(run_alone())
