"""What the routes are given: storage, Redis, the flows, and who is asking."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Protocol

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from redis.asyncio import Redis

from trunkline.api.limits import RateLimits
from trunkline.api.principal import Principal, identify
from trunkline.calls.approval_desk import Wake
from trunkline.calls.flow_shelf import FlowShelf
from trunkline.calls.link_desk import LinkLimits
from trunkline.calls.order_desk import Dialler
from trunkline.calls.take_over_desk import TakesOver
from trunkline.domain.clock import Clock, SystemClock
from trunkline.domain.errors import Forbidden, TooMany, Unauthorized
from trunkline.domain.ids import CallId
from trunkline.domain.outbound import OutboundRules
from trunkline.flows.catalog import FlowCatalog
from trunkline.storage.engine import Sessions


class CallCommands(TakesOver, Protocol):
    """What may be asked of the edge that carries a call; ``RedisCommands`` is one."""

    async def hang_up(self, call_id: CallId, edge_id: str, by: str) -> None:
        """Raises TrunklineError when no edge can take it."""
        ...


@dataclass(frozen=True, slots=True)
class ApiDeps:
    """``admin_key``: TRUNKLINE_API_KEY or empty; recordings' paths are under ``data_dir``.

    ``shelf`` knows what is published; without one the files of ``catalog`` are all that serves.
    ``rules`` are what ordered calls must obey, and ``dialler`` tells an edge of one at once;
    ``wake_worker`` has what was granted run at once.
    Set ``closing`` when the process is told to stop: open streams end, and do not hold it up.
    """

    sessions: Sessions
    redis: Redis
    catalog: FlowCatalog
    commands: CallCommands
    data_dir: Path
    authority_file: Path
    admin_key: str = field(default="", repr=False)
    clock: Clock = field(default_factory=SystemClock)
    limits: RateLimits = field(default_factory=RateLimits)
    link_limits: LinkLimits = field(default_factory=LinkLimits)
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    shelf: FlowShelf | None = None
    rules: OutboundRules = field(default_factory=OutboundRules)
    dialler: Dialler | None = None
    wake_worker: Wake | None = None

    @property
    def flows(self) -> FlowShelf:
        return self.shelf or FlowShelf(self.catalog)


def get_deps(request: Request) -> ApiDeps:
    deps: ApiDeps = request.app.state.api
    return deps


Deps = Annotated[ApiDeps, Depends(get_deps)]
_bearer = HTTPBearer(auto_error=False, description="An API key: `tk_…`")


async def get_principal(
    request: Request,
    deps: Deps,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> Principal:
    """Unauthorized without a key in force; TooMany when the key, or a guessing address, is over."""
    now = deps.clock.monotonic_ms() / 1000
    address = request.client.host if request.client else ""
    if wait_s := deps.limits.wait_for_guess(address, now):
        raise TooMany("too many wrong keys from this address", retry_after_s=wait_s)
    secret = credentials.credentials if credentials else ""
    principal = await identify(deps.sessions, deps.clock, secret, deps.admin_key)
    if principal is None:
        if secret:
            deps.limits.guessed(address, now)
        raise Unauthorized("send an API key in force: Authorization: Bearer tk_…")
    if wait_s := deps.limits.wait_for_key(principal.key_id, now):
        raise TooMany("too many requests with this key", retry_after_s=wait_s)
    return principal


Asking = Annotated[Principal, Depends(get_principal)]


def needs(scope: str) -> Callable[[Principal], Awaitable[Principal]]:
    """A dependency that refuses keys without the scope; ``admin`` has every scope."""

    async def check(principal: Asking) -> Principal:
        if not principal.may(scope):
            raise Forbidden(f"this key lacks the scope {scope}", code="missing_scope")
        return principal

    return check
