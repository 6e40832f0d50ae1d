"""The API over a migrated SQLite file, asked in process; edges keep what they were told."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from redis.asyncio import Redis
from tests.unit.storage.facts import NOON

from trunkline.api.app import create_api
from trunkline.api.deps import ApiDeps
from trunkline.calls.control import TakeOverCall
from trunkline.calls.flow_shelf import FlowShelf
from trunkline.domain.errors import TrunklineError
from trunkline.domain.ids import CallId
from trunkline.flows.catalog import SHIPPED_AGENTS, FlowCatalog
from trunkline.storage.engine import Sessions, open_sessions
from trunkline.storage.keys import KeyRepository
from trunkline.storage.migrate import upgrade_to_head

ADMIN = "tk_given_by_the_environment"


@dataclass
class ToldEdges:
    """Stands where Redis and an edge would be; ``is_away`` answers as they do when gone."""

    told: list[tuple[str, str, str]] = field(default_factory=list)
    is_away: bool = False

    async def hang_up(self, call_id: CallId, edge_id: str, by: str) -> None:
        if self.is_away:
            raise TrunklineError("Redis is away", code="control_away")
        self.told.append((call_id, edge_id, by))

    async def take_over(self, edge_id: str, wanted: TakeOverCall) -> None:
        if self.is_away:
            raise TrunklineError("Redis is away", code="control_away")
        self.told.append((wanted.call_id, edge_id, wanted.target))


@dataclass
class Api:
    """``http`` asks with the admin key; ``key`` mints others."""

    http: httpx.AsyncClient
    sessions: Sessions
    edges: ToldEdges
    data_dir: Path

    async def key(self, *scopes: str) -> dict[str, str]:
        """Headers of a new key with these scopes."""
        async with self.sessions.writing() as session:
            _, secret = await KeyRepository(session).create("a test's", scopes, NOON)
        return {"authorization": f"Bearer {secret}"}


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("migrated") / "trunkline.db"
    asyncio.run(upgrade_to_head(f"sqlite+aiosqlite:///{path}"))
    return path


@pytest.fixture(scope="session")
def catalog() -> FlowCatalog:
    """Read once: nothing here changes a file of it."""
    shipped = FlowCatalog([SHIPPED_AGENTS], {"TRUNKLINE_SAMPLE_SERVICE_URL": "http://127.0.0.1:1"})
    shipped.load()
    return shipped


@pytest.fixture
async def api(migrated_file: Path, tmp_path: Path, catalog: FlowCatalog) -> AsyncIterator[Api]:
    shutil.copyfile(migrated_file, tmp_path / "trunkline.db")
    sessions = open_sessions(f"sqlite+aiosqlite:///{tmp_path / 'trunkline.db'}")
    redis = Redis.from_url(f"unix://{tmp_path}/nobody.sock")
    edges = ToldEdges()
    app = create_api(
        ApiDeps(
            sessions=sessions,
            redis=redis,
            catalog=catalog,
            commands=edges,
            data_dir=tmp_path,
            authority_file=tmp_path / "authority.json",
            admin_key=ADMIN,
            shelf=FlowShelf(catalog, sessions),
        )
    )
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(
        transport=transport,
        base_url="http://trunkline",
        headers={"authorization": f"Bearer {ADMIN}"},
    ) as http:
        yield Api(http, sessions, edges, tmp_path)
    await redis.aclose()
    await sessions.close()
