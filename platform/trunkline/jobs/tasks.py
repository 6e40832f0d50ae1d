"""The tasks: each opens its own loop and connections, looks at the rows, and does what is due."""

from __future__ import annotations

import asyncio
import os
import ssl
import threading
import time
from collections.abc import Awaitable, Callable
from functools import cache, partial
from typing import Final

import httpx
from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from trunkline.calls.commands import RedisCommands
from trunkline.calls.control import ControlSender
from trunkline.calls.outbound_rules import outbound_rules
from trunkline.domain.clock import SystemClock
from trunkline.domain.errors import ConfigError
from trunkline.flows.tool_runner import ToolRunner, secrets_from
from trunkline.jobs.app import app
from trunkline.jobs.approvals import keep_clocks, tell_news
from trunkline.jobs.dialler import place_due_calls
from trunkline.jobs.mail import has_mail, send_mail
from trunkline.jobs.reaper import close_lost_calls
from trunkline.jobs.relay import in_batches, relay
from trunkline.jobs.retention import expire_calls, expire_deliveries, expire_recordings
from trunkline.jobs.tool_runs import run_due_tools, tell_results
from trunkline.jobs.usage import store_usage
from trunkline.realtime.model_table import price_list
from trunkline.runtime.logging import get_logger
from trunkline.runtime.mail_settings import mail_server, public_url
from trunkline.runtime.settings import Settings, load_settings
from trunkline.storage.database_clock import read_clock
from trunkline.storage.engine import Sessions, create_engine, is_away
from trunkline.storage.secret import installation_secret

log = get_logger(__name__)

_DEADLINE_S: Final = 240


class Pulse:
    """When a task last began, for the process's readiness."""

    def __init__(self) -> None:
        self._at = time.monotonic()

    def beat(self) -> None:
        self._at = time.monotonic()

    @property
    def age_s(self) -> float:
        return time.monotonic() - self._at


pulse = Pulse()


def _run(job: Callable[[Settings, Sessions], Awaitable[int]]) -> int:
    """Celery is synchronous: a task has a loop of its own."""
    settings = load_settings()
    pulse.beat()

    async def main() -> int:
        sessions = Sessions(_engine(settings.resolved_database_url, threading.get_ident()))
        try:
            async with asyncio.timeout(_DEADLINE_S):
                return await job(settings, sessions)
        except (SQLAlchemyError, RedisError, OSError) as exc:
            if isinstance(exc, SQLAlchemyError) and not is_away(exc):
                raise
            # Nothing is lost: every round looks at the rows anew. A traceback a second would hide
            # what else is wrong.
            log.warning("a round met something that is away", reason=type(exc).__name__)
            return 0

    return asyncio.run(main())


@cache
def _engine(url: str, thread: int) -> AsyncEngine:
    """One a thread, for its compiled statements; without a pool it belongs to no loop."""
    return create_engine(url, pooled=False)


@cache
def _authorities() -> ssl.SSLContext:
    """Read once a process: webhooks are looked for every two seconds."""
    return httpx.create_ssl_context()


def _base_url(settings: Settings) -> str:
    """Where links lead; without one that can be read, deliveries go on and carry none."""
    try:
        return public_url(settings)
    except ConfigError as exc:
        log.error("no links are sent until a setting is mended", reason=exc.message)
        return ""


@app.task(name="trunkline.relay_outbox")
def relay_outbox() -> int:
    async def job(settings: Settings, sessions: Sessions) -> int:
        async with httpx.AsyncClient(
            timeout=10, follow_redirects=False, verify=_authorities()
        ) as client:
            secret, clock = installation_secret(settings.data_dir), await read_clock(sessions)
            batch = partial(relay, sessions, client, secret, clock, base_url=_base_url(settings))
            return await in_batches(batch, clock)

    return _run(job)


@app.task(name="trunkline.send_mail")
def send_mail_task() -> int:
    async def job(settings: Settings, sessions: Sessions) -> int:
        if not await has_mail(sessions):
            return 0
        try:
            server = mail_server(settings)
        except ConfigError as exc:
            log.error("mail waits for a setting to be mended", reason=exc.message)
            return 0
        secret = installation_secret(settings.data_dir)
        return await send_mail(sessions, server, secret, _base_url(settings))

    return _run(job)


@app.task(name="trunkline.close_lost_calls")
def close_lost_calls_task() -> int:
    async def job(settings: Settings, sessions: Sessions) -> int:
        redis = Redis.from_url(settings.resolved_redis_url, socket_timeout=3)
        try:
            closed = await close_lost_calls(sessions, redis, SystemClock(), settings.data_dir)
        finally:
            await redis.aclose()
        return len(closed)

    return _run(job)


@app.task(name="trunkline.place_due_calls")
def place_due_calls_task() -> int:
    async def job(settings: Settings, sessions: Sessions) -> int:
        redis = Redis.from_url(settings.resolved_redis_url, socket_timeout=3)
        clock = SystemClock()
        try:
            return await place_due_calls(
                sessions, RedisCommands(redis, clock), outbound_rules(settings), clock
            )
        finally:
            await redis.aclose()

    return _run(job)


@app.task(name="trunkline.store_usage")
def store_usage_task() -> int:
    async def job(settings: Settings, sessions: Sessions) -> int:
        redis = Redis.from_url(settings.resolved_redis_url, socket_timeout=3)
        try:
            return await store_usage(
                sessions, redis, price_list(settings.models), settings.currency
            )
        finally:
            await redis.aclose()

    return _run(job)


@app.task(name="trunkline.run_tools")
def run_tools_task() -> int:
    async def job(settings: Settings, sessions: Sessions) -> int:
        secrets = secrets_from(os.environ)
        async with ToolRunner(secrets=secrets, mcp_commands=settings.mcp_commands) as runner:
            ended = await run_due_tools(sessions, runner, await read_clock(sessions))
        # Somebody may be waiting on the phone: they are told now, not in the next round.
        await _tell(settings, sessions)
        return ended

    return _run(job)


@app.task(name="trunkline.keep_approvals")
def keep_approvals_task() -> int:
    async def job(settings: Settings, sessions: Sessions) -> int:
        kept = await keep_clocks(sessions)
        return kept + await _tell(settings, sessions)

    return _run(job)


async def _tell(settings: Settings, sessions: Sessions) -> int:
    clock = SystemClock()
    redis = Redis.from_url(settings.resolved_redis_url, socket_timeout=3)
    try:
        send = ControlSender(redis, clock).send
        news = await tell_news(sessions, send)
        return news + await tell_results(sessions, send, await read_clock(sessions))
    finally:
        await redis.aclose()


@app.task(name="trunkline.expire_records")
def expire_records_task() -> int:
    async def job(settings: Settings, sessions: Sessions) -> int:
        now, folder = SystemClock().now(), settings.data_dir
        gone = await expire_recordings(sessions, folder, settings.recordings_keep_days, now)
        gone += await expire_calls(sessions, folder, settings.calls_keep_days, now)
        return gone + await expire_deliveries(sessions, settings.deliveries_keep_days, now)

    return _run(job)
