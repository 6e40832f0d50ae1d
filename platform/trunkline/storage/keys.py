"""API keys: random, hashed, scoped, with an expiry; and their export for the model server."""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import orjson
from sqlalchemy import or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from trunkline.domain.errors import Invalid, NotFound
from trunkline.domain.ids import mint
from trunkline.storage.engine import Sessions
from trunkline.storage.row_views import view_of
from trunkline.storage.rows import ApiKeyRow
from trunkline.storage.views import HOUSE, ApiKeyView, KeyQuota

SCOPES: Final = (
    "admin",  # everything, keys included
    "calls:read",  # lists, transcripts, events, the live stream
    "calls:control",  # hang up
    "calls:takeover",  # have a person talk in the agent's place
    "calls:write",  # order calls, and take orders back
    "recordings:read",
    "flows:read",
    "flows:write",  # drafts
    "flows:publish",  # what serves: publish, restore, withdraw, canaries
    "approvals:read",
    "approvals:decide",  # as a supervisor
    "approvals:manage",  # as a manager
    "approvals:ask",  # for a program that answers calls, and does what is granted
    "escalations:read",
    "escalations:take",  # raise, acknowledge, resolve
    "realtime",  # the model server's endpoint
)
_TOUCH_EVERY: Final = timedelta(minutes=1)
_HINT_CHARS: Final = 7
_EXPORT_DEADLINE_S: Final = 10


def hash_key(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def mint_secret() -> str:
    """``tk_`` and 190 random bits; shown once, never stored."""
    return mint("tk", 40)


def is_in_force(key: ApiKeyView, now: datetime) -> bool:
    return key.revoked_at is None and (key.expires_at is None or now < key.expires_at)


class KeyRepository:
    """Keys inside one session; after a change, ``export_authority`` tells the model server."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def create(
        self,
        name: str,
        scopes: Sequence[str],
        now: datetime,
        *,
        expires_at: datetime | None = None,
        quota: KeyQuota | None = None,
        owner: str = HOUSE,
    ) -> tuple[ApiKeyView, str]:
        """The new key and its secret, which is not kept. Invalid names what is wrong."""
        if not 1 <= len(name.strip()) <= 100 or not name.isprintable():
            raise Invalid("the name must have 1 to 100 printable characters", param="name")
        unknown = [scope for scope in scopes if scope not in SCOPES]
        if unknown or not scopes:
            raise Invalid(f"scopes must be some of {', '.join(SCOPES)}", param="scopes")
        if expires_at is not None and expires_at <= now:
            raise Invalid("expires_at lies in the past", param="expires_at")
        secret = mint_secret()
        row = ApiKeyRow(
            id=mint("key"),
            name=name.strip(),
            hint=secret[:_HINT_CHARS],
            hash=hash_key(secret),
            scopes=sorted(set(scopes)),
            created_at=now,
            expires_at=expires_at,
            quota=asdict(quota) if quota is not None else None,
            owner=owner,
        )
        self._session.add(row)
        await self._session.flush()
        return _view(row), secret

    async def list(
        self, *, owner: str = HOUSE, include_revoked: bool = True
    ) -> tuple[ApiKeyView, ...]:
        query = select(ApiKeyRow).where(ApiKeyRow.owner == owner).order_by(ApiKeyRow.created_at)
        if not include_revoked:
            query = query.where(ApiKeyRow.revoked_at.is_(None))
        return tuple(_view(row) for row in await self._session.scalars(query))

    async def find(self, secret: str, now: datetime) -> ApiKeyView | None:
        """The key in force with this secret; None for unknown, expired and revoked alike."""
        query = select(ApiKeyRow).where(ApiKeyRow.hash == hash_key(secret))
        row = await self._session.scalar(query)
        if row is None:
            return None
        key = _view(row)
        return key if is_in_force(key, now) else None

    async def touch(self, key_id: str, now: datetime) -> None:
        """Note that the key was used; at most once a minute, so that reads stay reads."""
        await self._session.execute(
            update(ApiKeyRow)
            .where(
                ApiKeyRow.id == key_id,
                or_(ApiKeyRow.last_used_at.is_(None), ApiKeyRow.last_used_at < now - _TOUCH_EVERY),
            )
            .values(last_used_at=now)
        )

    async def revoke(self, key_id: str, now: datetime, *, owner: str = HOUSE) -> None:
        """Idempotent; NotFound when there is no such key."""
        row = await self._session.scalar(
            select(ApiKeyRow).where(ApiKeyRow.id == key_id, ApiKeyRow.owner == owner)
        )
        if row is None:
            raise NotFound("there is no such key", code="key_not_found")
        if row.revoked_at is None:
            row.revoked_at = now
            await self._session.flush()


def needs_touch(key: ApiKeyView, now: datetime) -> bool:
    return key.last_used_at is None or now - key.last_used_at > _TOUCH_EVERY


async def export_authority(sessions: Sessions, path: Path) -> None:
    """Write the hashes of all keys not revoked to ``path``, whole or not at all, mode 0600.

    The lock makes exporters take turns, each reading only when it is its turn: the last file
    written is the newest.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = await _turn(path.with_suffix(".lock"))
    try:
        async with sessions.reading() as session:
            rows = await session.scalars(
                select(ApiKeyRow).where(ApiKeyRow.revoked_at.is_(None)).order_by(ApiKeyRow.id)
            )
            document = {"keys": [_entry(row) for row in rows]}
        await asyncio.to_thread(_replace, path, orjson.dumps(document, option=orjson.OPT_INDENT_2))
    finally:
        os.close(descriptor)


def _entry(row: ApiKeyRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "hash": row.hash,
        "scopes": row.scopes,
        "created_at": row.created_at,
        "expires_at": row.expires_at,
        "quota": row.quota,
    }


async def _turn(lock: Path) -> int:
    """Wait for the lock without a thread: waiters in threads would starve the one who works."""
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        async with asyncio.timeout(_EXPORT_DEADLINE_S):
            while True:
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    await asyncio.sleep(0.01)
                else:
                    return descriptor
    except BaseException:  # the lock goes with its descriptor
        os.close(descriptor)
        raise


def _replace(path: Path, content: bytes) -> None:
    with _temporary(path) as temporary:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        temporary.replace(path)


@contextmanager
def _temporary(path: Path) -> Iterator[Path]:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    try:
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def _view(row: ApiKeyRow) -> ApiKeyView:
    return view_of(
        ApiKeyView,
        row,
        key_id=row.id,
        scopes=tuple(row.scopes),
        quota=KeyQuota(**row.quota) if row.quota is not None else None,
    )
