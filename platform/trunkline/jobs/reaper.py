"""Calls whose edge has fallen silent are closed as ``edge_lost``, with what was recorded of them.

An edge is silent when its announcement has not changed for 15 s by Redis' own clock: clocks of
different machines are never compared. Without Redis nobody's silence proves anything.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, cast

import orjson
from redis.asyncio import Redis
from redis.exceptions import RedisError

from trunkline.calls.control import DEAD_AFTER, EDGES_HASH
from trunkline.calls.fact_json import decode_fact
from trunkline.domain.clock import Clock
from trunkline.domain.errors import Invalid
from trunkline.domain.events import (
    CallEnded,
    CallFact,
    RecordingClosed,
    RecordingState,
    StepEntered,
    TurnEnded,
)
from trunkline.domain.ids import CallId
from trunkline.runtime.logging import get_logger
from trunkline.storage.calls import CallRepository
from trunkline.storage.engine import Sessions
from trunkline.storage.journal import write_facts
from trunkline.storage.lost_edges import (
    close_calls_never_started,
    close_calls_of_lost_edges,
    edges_with_live_calls,
    live_calls_of,
)
from trunkline.storage.recording_files import find_call_file, read_wav

log = get_logger(__name__)

# Facts may reach the database through a spool, some time after the call.
STRAY_AFTER: Final = timedelta(hours=1)
_OF_RECORD: Final = (StepEntered, TurnEnded, CallEnded, RecordingClosed)
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
        with_calls = await edges_with_live_calls(session)
    try:
        silent = await silent_edges(redis, with_calls, dead_after)
    except (RedisError, OSError):
        return ()
    now = clock.now()
    lost = {edge: now - silence for edge, silence in silent.items()}
    if lost:
        await _tell_what_was_logged(sessions, lost, data_dir)
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


async def _tell_what_was_logged(sessions: Sessions, edges: Collection[str], data_dir: Path) -> None:
    """Facts that had no time to leave a killed edge: they stand in its calls' event logs."""
    async with sessions.reading() as session:
        calls = await live_calls_of(session, edges)
    for call_id, began in calls:
        path = find_call_file(data_dir / "recordings", call_id, began, ".jsonl")
        if path is not None:
            facts = await asyncio.to_thread(logged_facts, path, call_id)
            for at in range(0, len(facts), _AT_ONCE):
                await write_facts(sessions, facts[at : at + _AT_ONCE])


def logged_facts(path: Path, call_id: CallId) -> list[CallFact]:
    """What a call's event log tells of words, steps and the end; lines that are broken are left.

    Tools and approvals are not among them: what they set off must not begin a minute late.
    """
    facts: list[CallFact] = []
    try:
        with path.open("rb") as lines:
            for line in lines:
                if b'"event":"fact"' not in line:
                    continue
                try:
                    fact = decode_fact(orjson.loads(line)["document"])
                except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError, Invalid):
                    continue  # the line at which the edge was killed, or a later version's
                if isinstance(fact, _OF_RECORD) and fact.call_id == call_id:
                    facts.append(fact)
    except OSError as exc:
        log.warning("a lost call's event log cannot be read", reason=exc.strerror)
    return facts


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
