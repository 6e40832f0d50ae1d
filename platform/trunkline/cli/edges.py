"""``trunkline edges``: what each edge behind the front does, and taking one out of service."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import click
from redis.asyncio import Redis
from redis.exceptions import RedisError

from trunkline.calls.fellow_edges import EdgeStatus, Wish, edge_statuses, wish_of
from trunkline.domain.errors import ConfigError, NotFound, TrunklineError
from trunkline.runtime.settings import Settings, load_settings

T = TypeVar("T")

_LOOK_S = 0.5
_START_S = 120.0


@click.group()
def edges() -> None:
    """The edges behind the front: list them, drain one, start them anew one by one."""


@edges.command("list")
def list_command() -> None:
    """Each edge with its calls, and whether it takes new ones."""
    for status in _asked(edge_statuses):
        click.echo(line_of(status, time.time()))


@edges.command()
@click.argument("name")
def drain(name: str) -> None:
    """Give edge NAME no new calls, until `trunkline edges resume NAME`; its calls go on."""
    _asked(lambda redis: _wish(redis, name, Wish.DRAIN))


@edges.command()
@click.argument("name")
def resume(name: str) -> None:
    """Give edge NAME new calls again."""
    _asked(lambda redis: _wish(redis, name, Wish.SERVE))


@edges.command()
@click.argument("names", nargs=-1)
@click.option("--within", "within_s", default=3600, show_default=True, help="Seconds, an edge.")
def restart(names: tuple[str, ...], within_s: int) -> None:
    """Start NAMES, or all edges, anew one after the other, each once its calls are over."""
    _asked(lambda redis: _restart(redis, names, within_s))


def line_of(status: EdgeStatus, now: float) -> str:
    if not status.is_alive(now):
        state = f"not heard of for {now - status.at:.0f} s"
    elif status.takes_calls:
        state = "takes calls"
    else:
        state = "takes no calls"
    registers = ", registers the trunks" if status.registers else ""
    return f"{status.name:<16} {status.live:>4} up  {state}{registers}"


def _asked(ask: Callable[[Redis], Awaitable[T]]) -> T:
    settings = load_settings()

    async def run() -> T:
        redis = Redis.from_url(settings.resolved_redis_url)
        try:
            return await ask(redis)
        except (RedisError, OSError) as exc:
            raise ConfigError(f"Redis does not answer, so no edge can be asked: {exc}") from None
        finally:
            await redis.aclose()

    return asyncio.run(run())


async def _one(redis: Redis, name: str) -> EdgeStatus:
    found = await edge_statuses(redis)
    for status in found:
        if status.name == name:
            return status
    known = ", ".join(status.name for status in found) or "none: is there a front?"
    raise NotFound(f"no edge is called {name!r}; there are: {known}", code="no_such_edge")


async def _wish(redis: Redis, name: str, wish: Wish) -> None:
    await _one(redis, name)
    await wish_of(redis, name, wish)


async def _restart(redis: Redis, names: tuple[str, ...], within_s: float) -> None:
    wanted = names or tuple(status.name for status in await edge_statuses(redis))
    for name in wanted:
        before = await _one(redis, name)
        await wish_of(redis, name, Wish.RESTART)
        click.echo(f"{name}: {before.live} calls up")
        try:
            async with asyncio.timeout(within_s + _START_S):
                await _until_anew(redis, before)
        except TimeoutError:
            await wish_of(redis, name, Wish.SERVE)
            raise TrunklineError(
                f"{name} was not started anew within {within_s:.0f} s; it takes calls again",
                code="edge_busy",
            ) from None
        click.echo(f"{name}: started anew")


async def _until_anew(redis: Redis, before: EdgeStatus) -> None:
    while True:
        found = {status.name: status for status in await edge_statuses(redis)}
        now = found.get(before.name)
        if now is not None and now.edge_id != before.edge_id and now.takes_calls:
            return
        await asyncio.sleep(_LOOK_S)


async def statuses(settings: Settings) -> list[EdgeStatus]:
    """For the doctor; RedisError or OSError when Redis is away."""
    redis = Redis.from_url(settings.resolved_redis_url, socket_timeout=3)
    try:
        return await edge_statuses(redis)
    finally:
        await redis.aclose()
