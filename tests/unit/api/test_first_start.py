"""A first start makes keys and a user once; the second finds them."""

from __future__ import annotations

import stat
from pathlib import Path

import orjson
import pytest
from pydantic import SecretStr

from trunkline.api.first_start import prepare_installation
from trunkline.domain.clock import SystemClock
from trunkline.runtime.settings import Settings
from trunkline.storage.engine import open_sessions
from trunkline.storage.keys import hash_key
from trunkline.storage.users import authenticate


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path, database_url="", api_key=SecretStr(""))


async def test_what_is_shown_once_works(settings: Settings) -> None:
    shown = dict(await prepare_installation(settings))
    assert set(shown) == {"API key", "Dashboard user", "Dashboard password"}
    keys = orjson.loads(settings.authority_file.read_bytes())["keys"]
    by_hash = {key["hash"]: key["scopes"] for key in keys}
    assert by_hash[hash_key(shown["API key"])] == ["admin"]
    assert by_hash[hash_key(settings.resolved_edge_key())] == ["realtime"]
    sessions = open_sessions(settings.resolved_database_url)
    user = await authenticate(
        sessions, shown["Dashboard user"], shown["Dashboard password"], SystemClock().now()
    )
    await sessions.close()
    assert user is not None
    assert user.role == "admin"


async def test_a_second_start_makes_nothing_new(settings: Settings) -> None:
    await prepare_installation(settings)
    before = settings.resolved_edge_key()
    assert await prepare_installation(settings) == []
    assert settings.resolved_edge_key() == before


async def test_a_given_api_key_needs_no_other(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, api_key=SecretStr("tk_given"))
    assert "API key" not in dict(await prepare_installation(settings))
    assert settings.resolved_edge_key() == "tk_given"


async def test_a_lost_key_file_is_renewed_and_the_old_key_ends(settings: Settings) -> None:
    await prepare_installation(settings)
    old = settings.resolved_edge_key()
    settings.edge_key_file.unlink()
    await prepare_installation(settings)
    hashes = {k["hash"] for k in orjson.loads(settings.authority_file.read_bytes())["keys"]}
    assert hash_key(old) not in hashes
    assert hash_key(settings.resolved_edge_key()) in hashes


async def test_key_files_are_private(settings: Settings) -> None:
    await prepare_installation(settings)
    for path in (settings.edge_key_file, settings.authority_file):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
