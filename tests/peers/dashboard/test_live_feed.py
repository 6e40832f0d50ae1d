"""The feed over a real Redis that comes and goes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from redis.asyncio import Redis
from tests.peers.dashboard.redis_peer import redis_peer
from tests.unit.dashboard.story import Story, balance_call, whole_call

from trunkline.calls.commands import RedisCommands
from trunkline.calls.live_sink import FACT_FIELD, LIVE_STREAM, LiveSink
from trunkline.dashboard.live_feed import LiveFeed
from trunkline.domain.call import CallState
from trunkline.domain.clock import SystemClock
from trunkline.domain.errors import TrunklineError
from trunkline.domain.events import CallFact
from trunkline.domain.ids import CallId
from trunkline.storage.engine import Sessions, open_sessions
from trunkline.storage.journal import write_facts
from trunkline.storage.migrate import upgrade_to_head

pytestmark = [pytest.mark.peers, pytest.mark.timeout(60)]


@pytest.fixture
async def sessions(tmp_path: Path) -> AsyncIterator[Sessions]:
    url = f"sqlite+aiosqlite:///{tmp_path / 'feed.db'}"
    await upgrade_to_head(url)
    opened = open_sessions(url)
    yield opened
    await opened.close()


@asynccontextmanager
async def running(*work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Endless work beside the block, cancelled at its end."""
    async with asyncio.TaskGroup() as tasks:
        started = [tasks.create_task(one) for one in work]
        try:
            yield
        finally:
            for task in started:
                task.cancel()


async def until(holds: Callable[[], bool], deadline_s: float = 20) -> None:
    async with asyncio.timeout(deadline_s):
        while not holds():
            await asyncio.sleep(0.02)


def publish(sink: LiveSink, facts: Sequence[CallFact]) -> None:
    for fact in facts:
        sink.publish(fact)


async def test_the_feed_reads_what_was_told_before_it_came_and_survives_redis(
    sessions: Sessions, short_folder: Path
) -> None:
    story = Story(start=SystemClock().now())
    scenes = balance_call(story)
    next(scenes)
    await write_facts(sessions, story.facts)
    async with (
        redis_peer(short_folder) as server,
        Redis.from_url(server.url) as reading,
        Redis.from_url(server.url) as writing,
    ):
        sink, feed = LiveSink(writing), LiveFeed(reading, sessions)
        publish(sink, story.facts)
        async with running(sink.run(), feed.run()):
            await until(lambda: feed.board.live_count == 1)
            call = feed.board.calls[story.call_id]
            told = len(story.facts)
            next(scenes)
            with feed.subscribe(story.call_id) as page:
                publish(sink, story.facts[told:])
                assert await page.wait(10) == {story.call_id}
            await until(lambda: call.step == "greeting")

            await server.kill()
            await until(lambda: not feed.is_connected)
            told = len(story.facts)
            next(scenes)
            next(scenes)
            await write_facts(sessions, story.facts)
            await until(lambda: call.step == "ask_account")
            publish(sink, story.facts[told:])

            await server.start()
            await until(lambda: feed.is_connected)
            await until(lambda: call.agent_text.startswith("What is your eight digit"))
            assert call.state is CallState.ANSWERED


async def test_an_entry_nobody_can_read_does_not_stop_the_feed(
    sessions: Sessions, short_folder: Path
) -> None:
    async with (
        redis_peer(short_folder) as server,
        Redis.from_url(server.url) as reading,
        Redis.from_url(server.url) as writing,
    ):
        for field, value in ((FACT_FIELD, "{}"), (FACT_FIELD, "no json"), ("other", "x")):
            await writing.xadd(LIVE_STREAM, {field: value})
        sink, feed = LiveSink(writing), LiveFeed(reading, sessions)
        publish(sink, whole_call(Story(start=SystemClock().now())))
        async with running(sink.run(), feed.run()):
            await until(lambda: "call_story" in feed.board.calls)
            await until(lambda: feed.board.calls[CallId("call_story")].end_cause is not None)


async def test_a_hang_up_for_a_dead_edge_or_without_redis_is_answered_in_words(
    short_folder: Path,
) -> None:
    async with redis_peer(short_folder) as server, Redis.from_url(server.url) as redis:
        commands = RedisCommands(redis, SystemClock())
        with pytest.raises(TrunklineError, match="does not answer"):
            await commands.hang_up(CallId("call_1"), "edge-gone", "sue")
        await server.kill()
        with pytest.raises(TrunklineError, match="Redis is away"):
            await commands.hang_up(CallId("call_1"), "edge-gone", "sue")
