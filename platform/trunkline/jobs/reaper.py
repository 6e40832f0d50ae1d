"""Calls whose edge has fallen silent are closed as ``edge_lost``, with what was recorded of them.

An edge is silent when its announcement has not changed for 15 s by Redis' own clock: clocks of
different machines are never compared. Without Redis nobody's silence proves anything.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, cast

from redis.asyncio import Redis
from redis.exceptions import RedisError

from trunkline.calls.control import DEAD_AFTER, EDGES_HASH
from trunkline.domain.clock import Clock
from trunkline.domain.events import CallFact, RecordingClosed, RecordingState
from trunkline.domain.ids import CallId
from trunkline.jobs.lost_calls import logged_calls, logged_facts
from trunkline.runtime.logging import get_logger
from trunkline.runtime.telemetry import EDGE_CALLS, EDGE_OLDEST_SECONDS
from trunkline.storage.calls import CallRepository
from trunkline.storage.engine import Sessions
from trunkline.storage.journal import write_facts
from trunkline.storage.lost_edges import (
    close_calls_never_started,
    close_calls_of_lost_edges,
    live_calls_by_edge,
    live_calls_of,
)
from trunkline.storage.recording_files import find_call_file, read_wav

log = get_logger(__name__)

# Facts may reach the database through a spool, some time after the call.
STRAY_AFTER: Final = timedelta(hours=1)
_SEARCHED: Final = "trunkline:searched:"
_AT_ONCE: Final = 200
_SEEN: Final = "trunkline:looked:"
_SEEN_FOR_S: Final = 3600
_LOOKED_AT_LEAST_MS: Final = 12_000  # every REAP_EVERY_S, and one look may fail


async def close_lost_calls(
    sessions: Sessions,
    redis: Redis,
    clock: Clock,
    data_dir: Path,
    dead_after: timedelta = DEAD_AFTER,
) -> tuple[CallId, ...]:
    """Close them and say which; none while Redis is away."""
    async with sessions.reading() as session:
        with_calls = await live_calls_by_edge(session)
    _show(with_calls, clock)
    try:
        announced = cast(list[bytes], await cast(Any, redis.hkeys(EDGES_HASH)))
        edges = {*with_calls, *(edge.decode() for edge in announced)}
        silent = await silent_edges(redis, edges, dead_after)
    except (RedisError, OSError):
        return ()
    now = clock.now()
    lost = {edge: now - silence for edge, silence in silent.items()}
    if lost:
        try:
            await _tell_what_was_logged(sessions, redis, lost, data_dir)
        except RedisError:
            return ()  # in the next round
    async with sessions.writing() as session:
        closed = await close_calls_of_lost_edges(session, lost)
        closed += await close_calls_never_started(session, now - STRAY_AFTER)
    if not closed:
        return ()
    log.warning("calls of lost edges were closed", calls=len(closed), edges=sorted(lost))
    await _forget(redis, lost)
    await write_facts(sessions, await _recordings(sessions, closed, data_dir))
    return closed


async def silent_edges(
    redis: Redis, edges: Iterable[str], dead_after: timedelta
) -> dict[str, timedelta]:
    """Of ``edges``, those silent for longer than ``dead_after``, and for how long they were.

    Each look notes what it saw and when, so the first look at an edge never finds it silent, nor
    does one after a time in which nobody looked: Redis was away, and the edge could not speak.
    """
    silent: dict[str, timedelta] = {}
    seconds, micros = await redis.time()
    now_ms = seconds * 1000 + micros // 1000
    for edge in sorted(edges):
        payload = cast(bytes | None, await cast(Any, redis.hget(EDGES_HASH, edge))) or b""
        seen = cast(bytes | None, await redis.get(_SEEN + edge)) or b""
        since, _, rest = seen.partition(b"|")
        looked, _, before = rest.partition(b"|")
        has_paused = not seen or now_ms - int(looked) > _LOOKED_AT_LEAST_MS
        if has_paused or before != payload:
            since = b"%d" % now_ms
        note = b"%b|%d|%b" % (since, now_ms, payload)
        await redis.set(_SEEN + edge, note, ex=_SEEN_FOR_S)
        silence = timedelta(milliseconds=now_ms - int(since))
        if silence > dead_after:
            silent[edge] = silence
    return silent


def _show(with_calls: Mapping[str, tuple[int, datetime]], clock: Clock) -> None:
    for gauge in (EDGE_CALLS, EDGE_OLDEST_SECONDS):
        gauge.clear()
    now = clock.now()
    for edge, (count, oldest) in with_calls.items():
        EDGE_CALLS.labels(edge=edge).set(count)
        EDGE_OLDEST_SECONDS.labels(edge=edge).set(max(0.0, (now - oldest).total_seconds()))


async def _tell_what_was_logged(
    sessions: Sessions, redis: Redis, edges: Collection[str], data_dir: Path
) -> None:
    """Facts that had no time to leave a killed edge, also of calls that nobody has heard of."""
    folder = data_dir / "recordings"
    async with sessions.reading() as session:
        calls = {
            call_id: find_call_file(folder, call_id, began, ".jsonl")
            for call_id, began in await live_calls_of(session, edges)
        }
    unsearched = {edge for edge in edges if await redis.set(_SEARCHED + edge, 1, nx=True, ex=3600)}
    if unsearched:
        for one in await asyncio.to_thread(logged_calls, folder, unsearched):
            calls.setdefault(one.call_id, one.path)
    for call_id, path in calls.items():
        facts = [] if path is None else await asyncio.to_thread(logged_facts, path, call_id)
        for at in range(0, len(facts), _AT_ONCE):
            await write_facts(sessions, facts[at : at + _AT_ONCE])


async def _forget(redis: Redis, edges: Iterable[str]) -> None:
    """A dead edge's announcement; one that was only silent announces itself again."""
    try:
        for edge in edges:
            await cast(Any, redis.hdel(EDGES_HASH, edge))
            await redis.delete(_SEEN + edge)
    except (RedisError, OSError):
        pass  # nothing depends on it: the edges page shows it as dead until then


async def _recordings(
    sessions: Sessions, call_ids: Iterable[CallId], data_dir: Path
) -> list[CallFact]:
    """What the edge had recorded when it was lost, readable to its last half second."""
    found: list[CallFact] = []
    async with sessions.reading() as session:
        calls = CallRepository(session)
        for call_id in call_ids:
            call = await calls.summary(call_id)
            path = find_call_file(data_dir / "recordings", call_id, call.started_at, ".wav")
            summary = read_wav(path) if path else None
            if path is None or summary is None or await calls.recording(call_id) is not None:
                continue
            found.append(
                RecordingClosed(
                    call_id=call_id,
                    at=call.ended_at or call.started_at,
                    path=str(path.relative_to(data_dir)),
                    state=RecordingState.INCOMPLETE,
                    duration_ms=summary.duration_ms,
                    sample_rate_hz=summary.sample_rate_hz,
                )
            )
    return found
