"""What must exist before anything serves: the schema, an admin key, a user, our own key."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Final

from trunkline.domain.clock import Clock, SystemClock
from trunkline.domain.errors import Conflict
from trunkline.runtime.settings import Settings
from trunkline.storage.engine import Sessions, hold, open_sessions
from trunkline.storage.kept_settings import KeptSettings
from trunkline.storage.keys import KeyRepository, export_authority
from trunkline.storage.migrate import upgrade_to_head
from trunkline.storage.users import UserRepository, hash_password

FIRST_USER: Final = "admin"
_LOCK: Final = "trunkline.first_start"
_KEY_MADE: Final = "first_start.admin_key"
_EDGE_KEY: Final = "first_start.edge_key"


async def prepare_installation(
    settings: Settings, clock: Clock | None = None
) -> list[tuple[str, str]]:
    """Migrate, then make what is missing; the (name, secret) pairs must be shown once, now.

    Safe to run again and by several processes at once: each thing is made by one of them.
    """
    clock = clock or SystemClock()
    await upgrade_to_head(settings.resolved_database_url)
    sessions = open_sessions(settings.resolved_database_url, pooled=False)
    try:
        shown = await _admin_key(settings, sessions, clock)
        shown += await _first_user(sessions, clock)
        await _edge_key(settings, sessions, clock)
        await export_authority(sessions, settings.authority_file)
    finally:
        await sessions.close()
    return shown


async def _admin_key(settings: Settings, sessions: Sessions, clock: Clock) -> list[tuple[str, str]]:
    """A key of our own, unless TRUNKLINE_API_KEY is one already."""
    if settings.api_key.get_secret_value():
        return []
    async with sessions.writing(durable=True) as session:
        await hold(session, _LOCK)
        kept = KeptSettings(session)
        if await kept.get(_KEY_MADE):
            return []
        key, secret = await KeyRepository(session).create("first key", ["admin"], clock.now())
        await kept.put(_KEY_MADE, key.key_id, clock.now())
    return [("API key", secret)]


async def _first_user(sessions: Sessions, clock: Clock) -> list[tuple[str, str]]:
    async with sessions.reading() as session:
        if await UserRepository(session).count():
            return []
    password = secrets.token_urlsafe(15)
    hashed = await hash_password(password)
    async with sessions.writing(durable=True) as session:
        await hold(session, _LOCK)
        users = UserRepository(session)
        if await users.count():
            return []
        try:
            await users.add(FIRST_USER, hashed, "admin", clock.now())
        except Conflict:
            return []
    return [("Dashboard user", FIRST_USER), ("Dashboard password", password)]


async def _edge_key(settings: Settings, sessions: Sessions, clock: Clock) -> None:
    """The key file of our own processes, and its hash in the database; a lost file is renewed."""
    async with sessions.writing(durable=True) as session:
        await hold(session, _LOCK)
        repository, kept = KeyRepository(session), KeptSettings(session)
        path = settings.edge_key_file
        if path.is_file():
            known = await repository.find(path.read_text().strip(), clock.now())
            if known is not None:
                return
        if old := await kept.get(_EDGE_KEY):
            await repository.revoke(old, clock.now())
        key, secret = await repository.create(
            "this installation's own processes", ["realtime"], clock.now()
        )
        await kept.put(_EDGE_KEY, key.key_id, clock.now())
        _write_private(path, secret)


def _write_private(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    temporary.replace(path)
