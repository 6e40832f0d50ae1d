"""``trunkline dial``: a call ordered on this machine, and followed to its end."""

from __future__ import annotations

import asyncio
import getpass
import hashlib
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Final

import orjson
from redis.asyncio import Redis

from trunkline.calls.commands import RedisCommands
from trunkline.calls.flow_shelf import FlowShelf
from trunkline.calls.order_desk import CallOrder, OrderDesk
from trunkline.calls.outbound_rules import outbound_rules
from trunkline.domain.clock import SystemClock
from trunkline.domain.errors import Invalid
from trunkline.domain.events import Json
from trunkline.domain.placement import PlacementOutcome, PlacementState
from trunkline.domain.tariff import as_amount
from trunkline.flows.catalog import catalog_from
from trunkline.runtime.settings import Settings
from trunkline.storage.engine import Sessions, open_sessions
from trunkline.storage.placement_views import PlacementView
from trunkline.storage.placements import Placements

_LOOK_S: Final = 0.25


def variables_from(given: Sequence[str]) -> dict[str, Json]:
    """``name=text`` or ``name:=JSON`` each: account numbers are text, whatever they look like."""
    found: dict[str, Json] = {}
    for pair in given:
        name, equals, text = pair.partition("=")
        is_json = name.endswith(":")
        name = name.removesuffix(":").strip()
        try:
            if not equals or not name:
                raise ValueError(pair)
            found[name] = orjson.loads(text) if is_json else text
        except ValueError:  # JSON that cannot be read is one too
            wants = "--var wants NAME=TEXT, or NAME:=JSON for numbers, lists, true and false"
            raise Invalid(f"{wants}; not {pair!r}", param="variables") from None
    return found


def digest_of(*parts: str) -> str:
    """Tells two orders with one idempotency key apart."""
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()


@asynccontextmanager
async def _desk(settings: Settings) -> AsyncIterator[OrderDesk]:
    sessions = open_sessions(settings.resolved_database_url, pooled=False)
    redis = Redis.from_url(settings.resolved_redis_url)
    clock = SystemClock()
    try:
        shelf = FlowShelf(catalog_from(settings, os.environ), sessions)
        await shelf.start()
        rules = outbound_rules(settings)
        yield OrderDesk(sessions, rules, shelf.serving(), RedisCommands(redis, clock), clock)
    finally:
        await redis.aclose()
        await sessions.close()


async def dial(
    settings: Settings, order: CallOrder, *, waits: bool, tell: Callable[[str], None]
) -> PlacementView:
    """Order the call; with ``waits`` follow it, ``tell``-ing every change, until the order ends."""
    async with _desk(settings) as desk:
        ordered = await desk.order(replace(order, by=f"cli:{getpass.getuser()}"))
        placement = ordered.placement
        tell(f"{placement.placement_id}  {placement.target} → {placement.agent}")
        shown = ""
        while waits:
            line = state_line(placement)
            if line != shown:
                shown = line
                tell(line)
            if placement.state is PlacementState.ENDED:
                break
            await asyncio.sleep(_LOOK_S)
            placement = await _look(desk.sessions, placement)
        return placement


async def _look(sessions: Sessions, placement: PlacementView) -> PlacementView:
    async with sessions.reading() as session:
        return await Placements(session).get(placement.placement_id, owner=placement.owner)


def state_line(placement: PlacementView) -> str:
    """Where it stands, in words."""
    if placement.state is PlacementState.QUEUED:
        return f"queued, due {placement.due_at:%Y-%m-%d %H:%M:%S} UTC"
    if placement.state is not PlacementState.ENDED:
        return f"{placement.state} (attempt {len(placement.attempts)})"
    cause = f": {placement.cause}" if placement.cause else ""
    why = f" ({placement.reason})" if placement.reason else ""
    last = placement.attempts[-1] if placement.attempts else None
    talked = f", {(last.duration_ms or 0) / 1000:.1f} s" if last and last.duration_ms else ""
    cost = sum(attempt.cost for attempt in placement.attempts)
    paid = f", {as_amount(cost)} {last.currency}" if last and cost else ""
    return f"{placement.outcome}{cause}{why}{talked}{paid}"


def is_good(placement: PlacementView, *, waited: bool) -> bool:
    return not waited or placement.outcome is PlacementOutcome.ANSWERED
