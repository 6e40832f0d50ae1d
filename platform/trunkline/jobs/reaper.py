"""Calls whose edge has fallen silent are closed as ``edge_lost``."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from trunkline.calls.control import announced_edges
from trunkline.domain.clock import Clock
from trunkline.runtime.logging import get_logger
from trunkline.storage.engine import Sessions
from trunkline.storage.lost_edges import (
    close_calls_never_started,
    close_calls_of_lost_edges,
    edges_with_live_calls,
)

log = get_logger(__name__)

# Facts may reach the database through a spool, some time after the call.
STRAY_AFTER: Final = timedelta(hours=1)


async def close_lost_calls(sessions: Sessions, redis_url: str, clock: Clock) -> int:
    """How many calls were closed. Without Redis nobody's silence proves anything: none are."""
    redis = Redis.from_url(redis_url, socket_timeout=3)
    try:
        announced = {edge.edge_id: edge for edge in await announced_edges(redis)}
    except (RedisError, OSError):
        return 0
    finally:
        await redis.aclose()
    now = clock.now()
    async with sessions.reading() as session:
        with_calls = await edges_with_live_calls(session)
    # An edge that left (no announcement) has ended its calls itself, or was killed with no trace.
    lost = {
        edge: announced[edge].at if edge in announced else now
        for edge in with_calls
        if edge not in announced or not announced[edge].is_alive(now)
    }
    async with sessions.writing() as session:
        closed = await close_calls_of_lost_edges(session, lost) if lost else ()
        closed += await close_calls_never_started(session, now - STRAY_AFTER)
    if closed:
        log.warning("calls of lost edges were closed", calls=len(closed), edges=sorted(lost))
    return len(closed)
