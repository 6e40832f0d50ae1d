from __future__ import annotations

import asyncio
import hashlib
from datetime import datetime
from pathlib import Path

import orjson
import pytest
from tests.unit.storage.facts import NOON, after

from trunkline.domain.errors import Invalid, NotFound
from trunkline.storage.engine import Sessions
from trunkline.storage.keys import KeyRepository, export_authority
from trunkline.storage.rows import ApiKeyRow
from trunkline.storage.views import ApiKeyView


async def make(
    sessions: Sessions, *scopes: str, expires_at: datetime | None = None
) -> tuple[ApiKeyView, str]:
    async with sessions.writing() as session:
        return await KeyRepository(session).create(
            "a key", scopes or ("calls:read",), NOON, expires_at=expires_at
        )


async def found(sessions: Sessions, secret: str, at: datetime = NOON) -> ApiKeyView | None:
    async with sessions.reading() as session:
        return await KeyRepository(session).find(secret, at)


async def test_a_key_is_found_by_its_secret_and_by_nothing_else(sessions: Sessions) -> None:
    key, secret = await make(sessions, "calls:read", "recordings:read", "calls:read")
    assert key.scopes == ("calls:read", "recordings:read")
    assert secret.startswith(key.hint)
    assert len(secret) > 40
    again = await found(sessions, secret)
    assert again is not None
    assert again.key_id == key.key_id
    for wrong in ("", secret[:-1], secret + "x", secret.upper(), key.hint, "\ud800"):
        assert await found(sessions, wrong) is None


async def test_the_secret_itself_is_not_stored(sessions: Sessions) -> None:
    key, secret = await make(sessions)
    async with sessions.reading() as session:
        row = await session.get_one(ApiKeyRow, key.key_id)
    assert row.hash == hashlib.sha256(secret.encode()).hexdigest()
    assert len(row.hint) < 10


async def test_a_key_ends_at_its_expiry_and_when_it_is_revoked(sessions: Sessions) -> None:
    _, short = await make(sessions, expires_at=after(60))
    assert await found(sessions, short, after(59)) is not None
    assert await found(sessions, short, after(60)) is None
    key, secret = await make(sessions)
    async with sessions.writing() as session:
        await KeyRepository(session).revoke(key.key_id, after(1))
        await KeyRepository(session).revoke(key.key_id, after(9))
        kept = {view.key_id: view for view in await KeyRepository(session).list()}
    assert kept[key.key_id].revoked_at == after(1)
    assert await found(sessions, secret) is None
    async with sessions.writing() as session:
        with pytest.raises(NotFound):
            await KeyRepository(session).revoke("key_nobody", NOON)


async def test_use_is_noted_at_most_once_a_minute(sessions: Sessions) -> None:
    key, secret = await make(sessions)
    seen = []
    for seconds in (1, 30, 62):
        async with sessions.writing() as session:
            await KeyRepository(session).touch(key.key_id, after(seconds))
        view = await found(sessions, secret)
        seen.append(view and view.last_used_at)
    assert seen == [after(1), after(1), after(62)]


@pytest.mark.parametrize(
    ("name", "scopes", "expires_at", "param"),
    [
        ("", ["admin"], None, "name"),
        ("x" * 101, ["admin"], None, "name"),
        ("a\nb", ["admin"], None, "name"),
        ("k", [], None, "scopes"),
        ("k", ["root"], None, "scopes"),
        ("k", ["admin"], NOON, "expires_at"),
    ],
)
async def test_a_wrong_value_of_a_key_is_named(
    sessions: Sessions, name: str, scopes: list[str], expires_at: datetime | None, param: str
) -> None:
    async with sessions.writing() as session:
        with pytest.raises(Invalid) as refusal:
            await KeyRepository(session).create(name, scopes, NOON, expires_at=expires_at)
    assert refusal.value.param == param


async def test_the_model_server_is_given_hashes_of_keys_not_revoked(
    sessions: Sessions, tmp_path: Path
) -> None:
    key, secret = await make(sessions, "realtime", expires_at=after(60))
    gone, _ = await make(sessions)
    async with sessions.writing() as session:
        await KeyRepository(session).revoke(gone.key_id, NOON)
    path = tmp_path / "data" / "authority.json"
    await export_authority(sessions, path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert secret not in path.read_text()
    (entry,) = orjson.loads(path.read_bytes())["keys"]
    assert entry["id"] == key.key_id
    assert entry["hash"] == hashlib.sha256(secret.encode()).hexdigest()
    assert entry["scopes"] == ["realtime"]
    assert datetime.fromisoformat(entry["expires_at"]) == after(60)


async def test_exports_that_race_end_with_the_newest(sessions: Sessions, tmp_path: Path) -> None:
    path = tmp_path / "authority.json"

    async def add_and_export() -> None:
        await make(sessions)
        await export_authority(sessions, path)

    await asyncio.gather(*(add_and_export() for _ in range(8)))
    assert len(orjson.loads(path.read_bytes())["keys"]) == 8
    assert sorted(item.name for item in tmp_path.glob("*authority*")) == [
        "authority.json",
        "authority.lock",
    ]
