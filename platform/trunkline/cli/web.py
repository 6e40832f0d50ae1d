"""The web process: the REST API with the dashboard mounted on it."""

from __future__ import annotations

import asyncio
import os

import uvicorn
from fastapi import FastAPI
from redis.asyncio import Redis

from trunkline.api.app import create_api
from trunkline.api.deps import ApiDeps
from trunkline.calls.commands import RedisCommands
from trunkline.calls.flow_shelf import FlowShelf
from trunkline.calls.link_desk import LinkDesk
from trunkline.calls.outbound_rules import outbound_rules
from trunkline.calls.trunk_board import TrunkBoard
from trunkline.dashboard.app import Dashboard, mount
from trunkline.dashboard.deps import DashboardDeps
from trunkline.dashboard.flow_shelf import AgentFlows
from trunkline.dashboard.live_feed import LiveFeed
from trunkline.domain.clock import SystemClock
from trunkline.flows.catalog import catalog_from
from trunkline.jobs.wake import Waker
from trunkline.runtime.health import QuietServer
from trunkline.runtime.settings import Settings
from trunkline.runtime.supervision import stop_on_signals
from trunkline.storage.engine import open_sessions
from trunkline.storage.secret import derive_secret, installation_secret

STREAMS_END_WITHIN_S = 5


async def serve(settings: Settings) -> int:
    """Until SIGTERM: open streams are ended first, so that nothing holds the server up."""
    clock = SystemClock()
    sessions = open_sessions(settings.resolved_database_url)
    redis = Redis.from_url(settings.resolved_redis_url)
    catalog = catalog_from(settings, os.environ)
    shelf = FlowShelf(catalog, sessions)
    await shelf.start()
    commands = RedisCommands(redis, clock)
    waker = Waker(settings.resolved_redis_url)
    links = LinkDesk(sessions, lambda: installation_secret(settings.data_dir), waker, clock)
    dashboards: list[Dashboard] = []

    def pages(app: FastAPI):  # type: ignore[no-untyped-def]
        dashboard = mount(
            app,
            DashboardDeps(
                sessions=sessions,
                feed=LiveFeed(redis, sessions),
                secret=derive_secret(installation_secret(settings.data_dir), "session-cookie"),
                data_dir=settings.data_dir,
                commands=commands,
                flows=AgentFlows(shelf, catalog.environment, settings.served_numbers()),
                wake_worker=waker,
                links=links,
                rules=outbound_rules(settings),
                trunks=TrunkBoard(redis, clock),
            ),
        )
        dashboards.append(dashboard)
        return dashboard.running()

    deps = ApiDeps(
        sessions=sessions,
        redis=redis,
        catalog=catalog,
        commands=commands,
        data_dir=settings.data_dir,
        authority_file=settings.authority_file,
        admin_key=settings.api_key.get_secret_value(),
        clock=clock,
        shelf=shelf,
        rules=outbound_rules(settings),
        dialler=commands,
        wake_worker=waker,
        link_limits=links.limits,
    )
    app = create_api(deps, pages)
    server = QuietServer(
        uvicorn.Config(
            app,
            host=settings.web_bind_address,
            port=settings.web_port,
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=STREAMS_END_WITHIN_S,
            server_header=False,
        )
    )
    stop = stop_on_signals()
    try:
        async with asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(server.serve(), name="web")
            watching = tasks.create_task(shelf.run(), name="flows")
            stopped = tasks.create_task(stop.wait(), name="stop")
            await asyncio.wait([serving, stopped], return_when=asyncio.FIRST_COMPLETED)
            deps.closing.set()
            for dashboard in dashboards:
                dashboard.close()
            server.should_exit = True
            await asyncio.wait([serving])
            watching.cancel()
            stopped.cancel()
    finally:
        await redis.aclose()
        await sessions.close()
    return 0
