"""The dashboard as a part of the web process: ``mount`` it last, and ``run`` it beside the server.

dashboard = mount(app, DashboardDeps(...))
async with dashboard.running():   # in the web process's lifespan
    ...
dashboard.close()                 # when the process is told to stop: ends the open streams
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from fastapi import FastAPI, Request
from starlette.responses import Response
from starlette.types import ASGIApp

from trunkline.dashboard import (
    approval_pages,
    approval_stream,
    call_detail,
    call_list,
    decision_pages,
    escalation_pages,
    flow_edits,
    flow_pages,
    flow_publishing,
    live_pages,
    login,
    policy_pages,
    recordings,
    take_over_pages,
    trunk_page,
    usage_page,
    user_pages,
)
from trunkline.dashboard.deps import DashboardDeps, Desk
from trunkline.dashboard.errors import add_error_pages
from trunkline.dashboard.security import SecurityHeaders

_PARTS: Final = (
    login,
    live_pages,
    approval_stream,  # its fixed paths before the pages' own
    approval_pages,
    decision_pages,
    escalation_pages,
    take_over_pages,
    call_list,
    recordings,
    call_detail,
    flow_pages,
    flow_edits,
    flow_publishing,
    trunk_page,
    usage_page,
    policy_pages,
    user_pages,
)


class Dashboard:
    """The pages as an ASGI app, and the life of the feed behind them."""

    def __init__(self, deps: DashboardDeps) -> None:
        self._deps = deps
        self.desk = Desk(deps)
        # Outermost, so that even the page of an unforeseen error carries the headers.
        self.app: ASGIApp = SecurityHeaders(_build(self.desk))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Follow the live stream and the approvals; ends open pages' streams on the way out."""
        async with asyncio.TaskGroup() as tasks:
            feed = tasks.create_task(self._deps.feed.run(), name="live feed")
            approvals = tasks.create_task(self.desk.approvals.run(), name="approvals feed")
            try:
                yield
            finally:
                self.close()
                feed.cancel()
                approvals.cancel()

    def close(self) -> None:
        self._deps.feed.close()
        self.desk.approvals.close()


def mount(app: FastAPI, deps: DashboardDeps) -> Dashboard:
    """Put the dashboard under ``/``; whatever ``app`` routed before it keeps its place."""
    dashboard = Dashboard(deps)
    app.mount("/", dashboard.app)
    return dashboard


def _build(desk: Desk) -> FastAPI:
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.state.desk = desk
    add_error_pages(app, desk)
    for part in _PARTS:
        app.include_router(part.router)

    @app.get("/static/{version}/{name:path}")
    async def static_file(request: Request, version: str, name: str) -> Response:
        return desk.assets.respond(version, name, request)

    @app.get("/favicon.ico")
    async def favicon(request: Request) -> Response:
        return desk.assets.respond(desk.assets.version, "icon.svg", request)

    return app
