"""Calls whose edge has fallen silent are closed as ``edge_lost``."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from trunkline.calls.control import DEAD_AFTER, announced_edges
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


async def _lost(redis: Redis, with_calls: frozenset[str], now: datetime) -> dict[str, datetime]:
    """Edges that are dead, and when each was last heard of."""
    announced = {edge.edge_id: edge for edge in await announced_edges(redis)}
    lost: dict[str, datetime] = {}
    for edge in with_calls:
        if edge in announced:
            if not announced[edge].is_alive(now):
                lost[edge] = announced[edge].at
            continue
        # No announcement: the edge is gone, or Redis has just lost its memory. Only time tells.
        key = f"trunkline:missing:{edge}"
        await redis.set(key, now.isoformat(), nx=True, ex=int(4 * DEAD_AFTER.total_seconds()))
        since = await redis.get(key)
        missing_since = (
            datetime.fromisoformat(since.decode() if isinstance(since, bytes) else since)
            if since
            else now
        )
        if now - missing_since > DEAD_AFTER:
            lost[edge] = missing_since
    return lost


async def close_lost_calls(sessions: Sessions, redis_url: str, clock: Clock) -> int:
    """How many calls were closed. Without Redis nobody's silence proves anything: none are."""
    now = clock.now()
    async with sessions.reading() as session:
        with_calls = await edges_with_live_calls(session)
    redis = Redis.from_url(redis_url, socket_timeout=3)
    try:
        lost = await _lost(redis, with_calls, now)
    except (RedisError, OSError):
        return 0
    finally:
        await redis.aclose()
    async with sessions.writing() as session:
        closed = await close_calls_of_lost_edges(session, lost) if lost else ()
        closed += await close_calls_never_started(session, now - STRAY_AFTER)
    if closed:
        log.warning("calls of lost edges were closed", calls=len(closed), edges=sorted(lost))
    return len(closed)
