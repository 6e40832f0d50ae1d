"""INSERT … ON CONFLICT on both databases, and values that both accept."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from trunkline.domain.events import Json
from trunkline.storage.rows import Base


async def insert_new(
    session: AsyncSession, kind: type[Base], values: Mapping[str, Any], *, key: Sequence[str]
) -> bool:
    """Insert a row unless its key is there; says whether it was new."""
    statement = _insert(session, kind).values(**values).on_conflict_do_nothing(index_elements=key)
    done: Any = await session.execute(statement)
    return bool(done.rowcount)


async def upsert(
    session: AsyncSession,
    kind: type[Base],
    values: Mapping[str, Any],
    *,
    key: Sequence[str],
    keep: Sequence[str] = (),
    only_if: ColumnElement[bool] | None = None,
) -> None:
    """Insert a row, or overwrite what is given of it, but for the columns in ``keep``.

    ``only_if`` may compare with the row that is there.
    """
    statement = _insert(session, kind).values(**values)
    changed = {
        name: statement.excluded[name] for name in values if name not in key and name not in keep
    }
    await session.execute(
        statement.on_conflict_do_update(index_elements=key, set_=changed, where=only_if)
    )


def _insert(session: AsyncSession, kind: type[Base]) -> sqlite.Insert | postgresql.Insert:
    if session.get_bind().dialect.name == "sqlite":
        return sqlite.insert(kind)
    return postgresql.insert(kind)


def digest_id(prefix: str, *parts: object) -> str:
    """An id that the same parts always give, for rows whose facts carry none."""
    joined = "\x1f".join(str(part) for part in parts)
    return f"{prefix}_{hashlib.sha256(joined.encode('utf-8', 'replace')).hexdigest()[:32]}"


def clean_text(text: str) -> str:
    """Without what PostgreSQL refuses in a text: NUL and lone surrogates."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()


def clean_json(value: Any) -> Json:
    """A value that JSON and JSONB can hold; numbers that are none become null."""
    match value:
        case str():
            return clean_text(value)
        case bool() | int() | None:
            return value
        case float():
            return value if math.isfinite(value) else None
        case Mapping():
            return {clean_text(str(key)): clean_json(inner) for key, inner in value.items()}
        case list() | tuple():
            return [clean_json(inner) for inner in value]
        case _:
            return clean_text(str(value))
