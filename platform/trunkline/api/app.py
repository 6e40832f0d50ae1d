"""The REST API as one FastAPI application; whoever serves it adds pages behind it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import Any, TypeAlias

from fastapi import FastAPI
from redis.exceptions import RedisError
from sqlalchemy import text

from trunkline.api import (
    approval_links,
    approvals,
    callbacks,
    calls,
    escalations,
    flow_drafts,
    flow_tools,
    flow_versions,
    flows,
    keys,
    live,
    placements,
    policies,
    program_approvals,
    take_overs,
    trunks,
    usage,
    users,
    webhook_deliveries,
    webhooks,
)
from trunkline.api.deps import ApiDeps
from trunkline.api.errors import DescribedApi, add_api_end, add_error_handlers
from trunkline.runtime.health import HealthApp

Extra: TypeAlias = Callable[[FastAPI], AbstractAsyncContextManager[Any]]
"""Mounts more on the app and returns what must run while it serves."""


def create_api(deps: ApiDeps, extra: Extra | None = None) -> FastAPI:
    """``/api/v1``, its description at ``/docs``, and the health paths; then what ``extra`` adds."""
    running: AbstractAsyncContextManager[Any] = nullcontext()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with running:
            yield

    app = DescribedApi(
        title="Trunkline", version="1", docs_url="/docs", redoc_url=None, lifespan=lifespan
    )
    app.state.api = deps
    add_error_handlers(app)
    parts = (
        calls,
        take_overs,
        escalations,
        placements,
        callbacks,
        approvals,
        program_approvals,
        approval_links,
        policies,
        keys,
        webhooks,
        webhook_deliveries,
        users,
        flows,
        flow_drafts,
        flow_versions,
        flow_tools,
        live,
        trunks,
        usage,
    )
    routers = [*(module.router for module in parts), placements.waiting_router]
    for router in routers:
        app.include_router(router)
    add_api_end(app, routers)
    app.router.routes += HealthApp("web", _checks(deps)).routes()
    if extra is not None:
        running = extra(app)
    return app


def _checks(deps: ApiDeps) -> dict[str, Any]:
    async def database() -> str:
        async with deps.sessions.reading() as session:
            await session.execute(text("SELECT 1"))
        return ""

    async def redis() -> str:
        try:
            await deps.redis.ping()
        except (RedisError, OSError) as exc:
            return f"Redis is away: {exc}"
        return ""

    return {"database": database, "redis": redis}
