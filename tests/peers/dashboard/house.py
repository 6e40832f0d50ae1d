"""A whole web house on this machine: database, Redis on a socket, the dashboard on a free port."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from redis.asyncio import Redis
from tests.peers.dashboard.redis_peer import redis_peer
from tests.unit.dashboard.conftest import LINK_SECRET

from trunkline.calls.commands import RedisCommands
from trunkline.calls.control import ControlCommand, ControlListener
from trunkline.calls.flow_shelf import FlowShelf
from trunkline.calls.link_desk import LinkDesk
from trunkline.calls.live_sink import LiveSink
from trunkline.dashboard.app import mount
from trunkline.dashboard.deps import DashboardDeps
from trunkline.dashboard.flow_shelf import AgentFlows
from trunkline.dashboard.live_feed import LiveFeed
from trunkline.domain.clock import SystemClock
from trunkline.domain.events import CallFact
from trunkline.flows.catalog import SHIPPED_AGENTS, FlowCatalog
from trunkline.runtime.health import QuietServer
from trunkline.runtime.settings import NumberSettings
from trunkline.storage.engine import Sessions, open_sessions
from trunkline.storage.journal import write_facts
from trunkline.storage.migrate import upgrade_to_head
from trunkline.storage.users import create_user

ENVIRONMENT = {"TRUNKLINE_SAMPLE_SERVICE_URL": "http://127.0.0.1:1"}
USER, PASSWORD = "ops", "a long password 1"


@dataclass
class House:
    url: str
    data_dir: Path
    sessions: Sessions
    redis: Redis
    sink: LiveSink
    feed: LiveFeed
    commands: asyncio.Queue[ControlCommand]

    async def tell(self, facts: Sequence[CallFact], *, stored: bool = True) -> None:
        """What an edge does with facts: to the live stream at once, to storage batched."""
        for fact in facts:
            self.sink.publish(fact)
        if stored:
            await write_facts(self.sessions, facts)


@asynccontextmanager
async def open_house(folder: Path) -> AsyncIterator[House]:
    url = f"sqlite+aiosqlite:///{folder / 'house.db'}"
    await upgrade_to_head(url)
    sessions = open_sessions(url)
    clock = SystemClock()
    await create_user(sessions, USER, PASSWORD, "supervisor", clock.now())
    port_socket = socket.create_server(("127.0.0.1", 0))
    commands: asyncio.Queue[ControlCommand] = asyncio.Queue(maxsize=100)
    async with redis_peer(folder) as peer, Redis.from_url(peer.url) as redis:
        feed = LiveFeed(redis, sessions)
        catalog = FlowCatalog([SHIPPED_AGENTS], ENVIRONMENT)
        catalog.load()
        numbers = [NumberSettings(number="100", agent="energy")]
        flows = AgentFlows(FlowShelf(catalog, sessions), ENVIRONMENT, numbers)
        deps = DashboardDeps(
            sessions,
            feed,
            "0" * 64,
            folder,
            RedisCommands(redis, clock),
            flows,
            clock,
            links=LinkDesk(sessions, lambda: LINK_SECRET),
        )
        app = FastAPI(openapi_url=None)
        dashboard = mount(app, deps)
        server = QuietServer(uvicorn.Config(app, log_level="warning", lifespan="off"))
        sink = LiveSink(redis)
        edge = ControlListener(
            redis, "edge-1", clock,
            obey=commands.put_nowait, live_count=lambda: 0, is_draining=lambda: False,
        )  # fmt: skip
        async with dashboard.running(), asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(server.serve([port_socket]))
            others = [tasks.create_task(sink.run()), tasks.create_task(edge.run())]
            try:
                address = f"http://127.0.0.1:{port_socket.getsockname()[1]}"
                yield House(address, folder, sessions, redis, sink, feed, commands)
            finally:
                dashboard.close()
                server.should_exit = True
                await asyncio.wait([serving], timeout=10)
                for task in others:
                    task.cancel()
    await sessions.close()
