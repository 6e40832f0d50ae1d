"""Edges that fall silent, with a real Redis and the edge's own announcing listener."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import orjson
import pytest
from redis.asyncio import Redis
from tests.peers.drivers.redis import PrivateRedis
from tests.unit.storage.facts import answered, caller_turn, ended, started

from trunkline.audio.recording import wav_header
from trunkline.calls.control import EDGES_HASH, ControlListener
from trunkline.calls.fact_json import encode_fact
from trunkline.domain.call import CallState, EndCause
from trunkline.domain.clock import SystemClock
from trunkline.domain.events import CallFact, RecordingState
from trunkline.domain.ids import CallId
from trunkline.jobs.reaper import close_lost_calls, silent_edges
from trunkline.storage.calls import CallRepository
from trunkline.storage.engine import Sessions
from trunkline.storage.journal import write_facts
from trunkline.storage.views import CallDetail

pytestmark = pytest.mark.peers

CALL = CallId("call_of_a_lost_edge")
PATIENCE = timedelta(milliseconds=800)


class OtherClock(SystemClock):
    """An edge whose clock is an hour slow."""

    def now(self) -> datetime:
        return datetime.now(UTC) - timedelta(hours=1)


def listener(redis: Redis, edge_id: str = "edge_one") -> ControlListener:
    return ControlListener(
        redis,
        edge_id,
        OtherClock(),
        obey=lambda command: None,
        live_count=lambda: 1,
        is_draining=lambda: False,
    )


async def test_after_a_time_without_redis_no_edge_is_taken_for_lost(redis: Redis) -> None:
    """Nobody could speak meanwhile, and nobody looked."""
    seconds, _ = await redis.time()
    await cast(Any, redis.hset(EDGES_HASH, "edge_one", "as before"))
    long_ago = (seconds - 60) * 1000
    await redis.set("trunkline:looked:edge_one", f"{long_ago}|{long_ago}|as before")
    assert await silent_edges(redis, ["edge_one"], PATIENCE) == {}
    async with asyncio.timeout(30):
        while not await silent_edges(redis, ["edge_one"], PATIENCE):
            await asyncio.sleep(0.05)


async def reap(sessions: Sessions, redis: Redis, tmp_path: Path) -> tuple[CallId, ...]:
    return await close_lost_calls(sessions, redis, SystemClock(), tmp_path, PATIENCE)


async def reap_until_closed(sessions: Sessions, redis: Redis, tmp_path: Path) -> None:
    async with asyncio.timeout(30):
        while not await reap(sessions, redis, tmp_path):
            await asyncio.sleep(0.05)


async def detail(sessions: Sessions) -> CallDetail:
    async with sessions.reading() as session:
        return await CallRepository(session).detail(CALL)


@pytest.fixture
async def live_call(sessions: Sessions) -> None:
    await write_facts(sessions, [started(CALL, datetime.now(UTC))])


@pytest.mark.usefixtures("live_call")
async def test_a_silent_edges_call_is_closed_with_what_was_recorded(
    sessions: Sessions, redis: Redis, tmp_path: Path
) -> None:
    path = tmp_path / f"recordings/{datetime.now(UTC):%Y/%m/%d}/{CALL}.wav"
    path.parent.mkdir(parents=True)
    # The header says one second; half a second more came before the edge was killed.
    path.write_bytes(wav_header(8000, 32_000) + bytes(48_000))
    await cast(Any, redis.hset(EDGES_HASH, "edge_one", '{"at":"x"}'))
    await reap_until_closed(sessions, redis, tmp_path)
    call = await detail(sessions)
    assert call.summary.state is CallState.ENDED
    assert call.summary.end_cause is EndCause.EDGE_LOST
    assert call.recording is not None
    assert call.recording.state is RecordingState.INCOMPLETE
    assert (call.recording.duration_ms, call.recording.sample_rate_hz) == (1500, 8000)
    assert (tmp_path / call.recording.path) == path
    assert await cast(Any, redis.hgetall(EDGES_HASH)) == {}


@pytest.mark.usefixtures("live_call")
async def test_what_stands_in_a_lost_calls_event_log_only_is_told_before_it_is_closed(
    sessions: Sessions, redis: Redis, tmp_path: Path
) -> None:
    path = tmp_path / f"recordings/{datetime.now(UTC):%Y/%m/%d}/{CALL}.jsonl"
    path.parent.mkdir(parents=True)
    turn = caller_turn("what is my balance", call_id=CALL)
    lines = [
        {"at_ms": 5, "event": "speech_started"},
        {"at_ms": 9, "event": "fact", "document": encode_fact(turn)},
        {"at_ms": 9, "event": "fact", "document": {"fact": "of a later version"}},
    ]
    whole = b"\n".join(orjson.dumps(line) for line in lines)
    path.write_bytes(whole + b'\n{"at_ms":10,"event":"fact","docu')
    await reap_until_closed(sessions, redis, tmp_path)
    call = await detail(sessions)
    assert [turn.text for turn in call.turns] == ["what is my balance"]
    assert call.summary.end_cause is EndCause.EDGE_LOST


async def test_a_call_that_nobody_had_been_told_of_is_found_by_its_event_log(
    sessions: Sessions, redis: Redis, tmp_path: Path
) -> None:
    """Answered a moment before its edge was killed, and not yet written down anywhere else."""
    path = tmp_path / f"recordings/{datetime.now(UTC):%Y/%m/%d}/{CALL}.jsonl"
    path.parent.mkdir(parents=True)
    at = datetime.now(UTC)
    facts: list[CallFact] = [started(CALL, at), answered(CALL, at)]
    lines = [{"at_ms": 0, "event": "fact", "document": encode_fact(fact)} for fact in facts]
    path.write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in lines))
    await cast(Any, redis.hset(EDGES_HASH, "edge_one", '{"at":"x"}'))
    await reap_until_closed(sessions, redis, tmp_path)
    call = await detail(sessions)
    assert call.summary.answered_at is not None
    assert call.summary.end_cause is EndCause.EDGE_LOST


@pytest.mark.usefixtures("live_call")
async def test_a_call_that_had_ended_when_its_edge_was_killed_keeps_its_own_end(
    sessions: Sessions, redis: Redis, tmp_path: Path
) -> None:
    path = tmp_path / f"recordings/{datetime.now(UTC):%Y/%m/%d}/{CALL}.jsonl"
    path.parent.mkdir(parents=True)
    line = {"at_ms": 9, "event": "fact", "document": encode_fact(ended(CALL, datetime.now(UTC)))}
    path.write_bytes(orjson.dumps(line) + b"\n")
    async with asyncio.timeout(30):
        while (await detail(sessions)).summary.end_cause is None:
            await reap(sessions, redis, tmp_path)
            await asyncio.sleep(0.05)
    assert (await detail(sessions)).summary.end_cause is EndCause.CALLER_HANGUP


@pytest.mark.usefixtures("live_call")
async def test_an_edge_that_never_announced_itself_is_lost_too(
    sessions: Sessions, redis: Redis, tmp_path: Path
) -> None:
    assert await reap(sessions, redis, tmp_path) == ()
    await reap_until_closed(sessions, redis, tmp_path)


@pytest.mark.usefixtures("live_call")
async def test_an_edge_whose_clock_is_wrong_is_alive_while_it_announces_itself(
    sessions: Sessions, redis: Redis, tmp_path: Path
) -> None:
    looks = 0

    async def announce() -> None:
        number = 0
        while True:
            number += 1
            await cast(Any, redis.hset(EDGES_HASH, "edge_one", f'{{"at":"past","n":{number}}}'))
            await asyncio.sleep(PATIENCE.total_seconds() / 20)

    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        announcing = tasks.create_task(announce())
        while looks < 20:
            assert await reap(sessions, redis, tmp_path) == ()
            looks += 1
            await asyncio.sleep(PATIENCE.total_seconds() / 10)
        announcing.cancel()
    await reap_until_closed(sessions, redis, tmp_path)


@pytest.mark.usefixtures("live_call")
async def test_without_redis_nobodys_silence_proves_anything(
    sessions: Sessions, redis: Redis, redis_server: PrivateRedis, tmp_path: Path
) -> None:
    await reap(sessions, redis, tmp_path)
    redis_server.kill()
    assert await reap(sessions, redis, tmp_path) == ()
    assert (await detail(sessions)).summary.is_live


@pytest.mark.usefixtures("live_call")
async def test_the_edges_own_listener_counts_as_a_sign_of_life(
    sessions: Sessions, redis: Redis, tmp_path: Path
) -> None:
    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        running = tasks.create_task(listener(redis).run())
        while not await cast(Any, redis.hexists(EDGES_HASH, "edge_one")):
            await asyncio.sleep(0.01)
        await reap(sessions, redis, tmp_path)
        closed = await close_lost_calls(
            sessions, redis, SystemClock(), tmp_path, timedelta(seconds=15)
        )
        assert closed == ()
        running.cancel()
    # It left in order, and so is missing from now on.
    await reap_until_closed(sessions, redis, tmp_path)
