"""A dashboard over a real database and a board fed by hand; no server, no Redis."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import httpx
import pytest
from redis.asyncio import Redis
from tests.unit.dashboard.page import Node, read_page
from tests.unit.dashboard.story import START

from trunkline.calls.control import TakeOverCall
from trunkline.calls.flow_shelf import FlowShelf
from trunkline.calls.link_desk import LinkDesk
from trunkline.dashboard.app import Dashboard
from trunkline.dashboard.deps import DashboardDeps
from trunkline.dashboard.flow_shelf import AgentFlows
from trunkline.dashboard.live_feed import LiveFeed
from trunkline.domain.events import CallFact
from trunkline.domain.ids import CallId
from trunkline.flows.catalog import SHIPPED_AGENTS, FlowCatalog
from trunkline.runtime.settings import NumberSettings
from trunkline.storage.engine import Sessions, open_sessions
from trunkline.storage.journal import write_facts
from trunkline.storage.migrate import upgrade_to_head
from trunkline.storage.users import create_user

PASSWORD = "a long password 1"
LINK_SECRET = b"s" * 32


@dataclass
class SetClock:
    """Stands still until it is moved."""

    time: datetime = START
    ms: float = 0.0

    def now(self) -> datetime:
        return self.time

    def monotonic_ms(self) -> float:
        return self.ms


@dataclass
class NotedCommands:
    """An edge that obeys by noting what it was told."""

    hung_up: list[tuple[CallId, str, str]] = field(default_factory=list)
    taken: list[TakeOverCall] = field(default_factory=list)

    async def hang_up(self, call_id: CallId, edge_id: str, by: str) -> None:
        self.hung_up.append((call_id, edge_id, by))

    async def take_over(self, edge_id: str, wanted: TakeOverCall) -> None:
        self.taken.append(wanted)


@dataclass
class Office:
    dashboard: Dashboard
    deps: DashboardDeps
    clock: SetClock
    commands: NotedCommands
    client: httpx.AsyncClient
    stream_ms: int = 1000

    @property
    def sessions(self) -> Sessions:
        return self.deps.sessions

    async def store(self, facts: Sequence[CallFact]) -> None:
        await write_facts(self.sessions, facts)

    def show(self, facts: Sequence[CallFact]) -> None:
        """Feed the live board, as the stream would."""
        for fact in facts:
            self.stream_ms += 1
            self.deps.feed.board.apply((self.stream_ms, 0), fact)

    async def log_in(self, username: str = "sue", password: str = PASSWORD) -> httpx.Response:
        form = await self.client.get("/login")
        return await self.client.post(
            "/login",
            data={"username": username, "password": password, "csrf": csrf_of(form.text)},
        )

    async def page(self, path: str, **headers: str) -> Node:
        answer = await self.client.get(path, headers=headers)
        assert answer.status_code == 200, (answer.status_code, answer.text[:500])
        return read_page(answer.text)


def csrf_of(html: str) -> str:
    found = re.search(r'name="csrf" value="([0-9a-f]+)"', html)
    assert found
    return found.group(1)


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Migrated once, with one user of each role; tests get copies."""
    path = tmp_path_factory.mktemp("dashboard") / "empty.db"

    async def make() -> None:
        url = f"sqlite+aiosqlite:///{path}"
        await upgrade_to_head(url)
        sessions = open_sessions(url)
        await create_user(sessions, "sue", PASSWORD, "supervisor", START)
        await create_user(sessions, "vic", PASSWORD, "viewer", START)
        await sessions.close()

    asyncio.run(make())
    return path


@pytest.fixture(scope="session")
def shipped_flows() -> FlowCatalog:
    catalog = FlowCatalog([SHIPPED_AGENTS], {"TRUNKLINE_SAMPLE_SERVICE_URL": "http://127.0.0.1:1"})
    catalog.load()
    return catalog


@pytest.fixture
async def office(
    tmp_path: Path, empty_database: Path, shipped_flows: FlowCatalog
) -> AsyncIterator[Office]:
    for file in empty_database.parent.glob("empty.db*"):
        shutil.copy(file, tmp_path / file.name)
    sessions = open_sessions(f"sqlite+aiosqlite:///{tmp_path / 'empty.db'}")
    clock, commands = SetClock(), NotedCommands()
    feed = LiveFeed(Redis(unix_socket_path=str(tmp_path / "none.sock")), sessions, clock)
    flows = AgentFlows(
        FlowShelf(shipped_flows, sessions),
        shipped_flows.environment,
        [NumberSettings(number="100", agent="energy")],
    )
    links = LinkDesk(sessions, lambda: LINK_SECRET, clock=clock)
    deps = DashboardDeps(sessions, feed, "0" * 64, tmp_path, commands, flows, clock, links=links)
    dashboard = Dashboard(deps)
    transport = httpx.ASGITransport(dashboard.app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://house") as client:
        yield Office(dashboard, deps, clock, commands, client)
    await sessions.close()
