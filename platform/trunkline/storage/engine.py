"""Engine and transactions: SQLite that behaves under several processes, PostgreSQL with a pool.

Every SQLite write transaction begins with ``BEGIN IMMEDIATE``: with the deferred BEGIN, four
processes double-claimed 980 of 1,000 outbox rows and met SQLITE_BUSY in spite of the busy timeout.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import event, text
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import (
    ArgumentError,
    DataError,
    DBAPIError,
    IntegrityError,
    NotSupportedError,
    ProgrammingError,
)
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, NullPool
from sqlalchemy.util.concurrency import in_greenlet

from trunkline.domain.errors import ConfigError

BUSY_TIMEOUT_MS: Final = 15_000
_BEGIN: Final = "trunkline_begin"
_WRITE: Final = "write"
_DURABLE: Final = "durable"


def create_engine(url: str, *, pooled: bool = True, foreign_keys: bool = True) -> AsyncEngine:
    """An engine for ``sqlite+aiosqlite:///…`` or ``postgresql+asyncpg://…``.

    ``pooled=False`` is for short-lived loops (a background task); ``foreign_keys=False`` is for
    migrations, which rebuild SQLite tables. ConfigError names what is wrong with the URL.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise ConfigError(
            "TRUNKLINE_DATABASE_URL is no database URL; write sqlite+aiosqlite:///PATH"
            " or postgresql+asyncpg://USER@HOST/NAME"
        ) from None
    if parsed.drivername in ("postgresql", "postgres"):
        parsed = parsed.set(drivername="postgresql+asyncpg")
    elif parsed.drivername == "sqlite":
        parsed = parsed.set(drivername="sqlite+aiosqlite")
    if parsed.drivername not in ("sqlite+aiosqlite", "postgresql+asyncpg"):
        raise ConfigError(
            f"TRUNKLINE_DATABASE_URL names {parsed.drivername}; SQLite (sqlite+aiosqlite) and"
            " PostgreSQL (postgresql+asyncpg) are supported"
        )
    # Parameters hold what callers said and who they are: never in an error's text.
    options: dict[str, Any] = {"hide_parameters": True}
    if not pooled:
        options["poolclass"] = NullPool
    if parsed.get_backend_name() == "sqlite":
        if not parsed.database or parsed.database == ":memory:":
            raise ConfigError("TRUNKLINE_DATABASE_URL must name a file: processes share it")
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_async_engine(parsed, **options)
        _teach_sqlite(engine, foreign_keys=foreign_keys)
        return engine
    if pooled:
        options |= {"pool_size": 10, "max_overflow": 10, "pool_timeout": 10, "pool_pre_ping": True}
    return create_async_engine(parsed, **options)


def _teach_sqlite(engine: AsyncEngine, *, foreign_keys: bool) -> None:
    def prepare(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
        # The driver's own BEGIN is deferred and comes late; ours is sent by the listener below.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=NORMAL")
        cursor.execute(f"PRAGMA foreign_keys={'ON' if foreign_keys else 'OFF'}")
        cursor.close()

    def begin(connection: Connection) -> None:
        kind = connection.get_execution_options().get(_BEGIN)
        if kind is None:
            connection.exec_driver_sql("BEGIN")
            return
        # The level cannot change inside a transaction, and the connection is a pool's.
        level = "FULL" if kind == _DURABLE else "NORMAL"
        connection.exec_driver_sql(f"PRAGMA synchronous={level}")
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    def roll_back(connection: DBAPIConnection, *_: Any) -> None:
        # Cut off in the middle of a statement, it is closed while its cursor lives on: SQLite then
        # keeps its transaction, and the lock on the whole file, until the cursor is collected.
        if in_greenlet():  # else it is collected itself, cursors and all
            connection.rollback()

    event.listen(engine.sync_engine, "invalidate", roll_back)
    event.listen(engine.sync_engine, "connect", prepare)
    event.listen(engine.sync_engine, "begin", begin)


class Sessions:
    """Transactions of one database: ``reading()``, and ``writing()`` which commits at its end.

    Belongs to one event loop. On SQLite the writers of this process queue here, in order, and only
    then compete with other processes for the file.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self.is_sqlite = engine.dialect.name == "sqlite"
        self._write = engine.execution_options(**{_BEGIN: _WRITE})
        self._durable = engine.execution_options(**{_BEGIN: _DURABLE})
        self._writer = asyncio.Lock()

    @asynccontextmanager
    async def reading(self) -> AsyncGenerator[AsyncSession]:
        """A consistent view; nothing written in it is kept."""
        async with AsyncSession(self.engine, expire_on_commit=False) as session:
            yield session

    @asynccontextmanager
    async def writing(self, *, durable: bool = False) -> AsyncGenerator[AsyncSession]:
        """One transaction, committed at the end, rolled back when the block raises.

        ``durable`` waits for the disk (approvals, money).
        """
        async with AsyncExitStack() as stack:
            if self.is_sqlite:
                await stack.enter_async_context(self._writer)
            bound = self._durable if durable else self._write
            session = AsyncSession(bound, expire_on_commit=False)
            await stack.enter_async_context(session)
            async with session.begin():
                await session.connection()  # BEGIN IMMEDIATE now, not at the first statement
                yield session

    async def close(self) -> None:
        await self.engine.dispose()


async def hold(session: AsyncSession, name: str) -> None:
    """Keep other transactions out of what ``name`` names until this one ends.

    PostgreSQL: an advisory lock. On SQLite a writing transaction is alone already.
    """
    if session.get_bind().dialect.name == "postgresql":
        await session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": lock_key(name)})


async def database_now(session: AsyncSession) -> datetime:
    """The one clock of everybody who writes here; on SQLite that is this machine's own."""
    if session.get_bind().dialect.name == "postgresql":
        now: datetime | None = await session.scalar(text("SELECT clock_timestamp()"))
        if now is not None:
            return now.astimezone(UTC)
    return datetime.now(UTC)


def is_away(exc: Exception) -> bool:
    """The database was away, or ended this transaction for reasons of its own (a deadlock, a lock
    that another held for too long): the same again may well succeed."""
    ours = (ProgrammingError, DataError, IntegrityError, NotSupportedError)
    return isinstance(exc, OSError) or (isinstance(exc, DBAPIError) and not isinstance(exc, ours))


def lock_key(name: str) -> int:
    """A PostgreSQL advisory lock's signed 64-bit key, stable for a name."""
    digest = hashlib.sha256(name.encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


def open_sessions(url: str, *, pooled: bool = True) -> Sessions:
    return Sessions(create_engine(url, pooled=pooled))
