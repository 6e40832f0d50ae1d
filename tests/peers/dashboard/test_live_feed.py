"""The feed over a real Redis that comes and goes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from redis.asyncio import Redis
from tests.peers.drivers.redis import private_redis
from tests.unit.dashboard.story import Story, balance_call, whole_call

from trunkline.calls.commands import RedisCommands
from trunkline.calls.live_sink import FACT_FIELD, LIVE_STREAM, LiveSink
from trunkline.dashboard.live_feed import LiveFeed
from trunkline.domain.call import CallState
from trunkline.domain.clock import SystemClock
from trunkline.domain.errors import TrunklineError
from trunkline.domain.ids import CallId
from trunkline.storage.engine import open_sessions
from trunkline.storage.journal import write_facts
from trunkline.storage.migrate import upgrade_to_head

pytestmark = [pytest.mark.peers, pytest.mark.timeout(60)]


async def until(holds: Callable[[], bool], deadline_s: float = 15) -> None:
    async with asyncio.timeout(deadline_s):
        while not holds():
            await asyncio.sleep(0.02)


async def test_the_feed_reads_what_was_told_before_it_came_and_survives_redis(
    tmp_path: Path,
) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'feed.db'}"
    await upgrade_to_head(url)
    sessions = open_sessions(url)
    with private_redis() as server:
        redis, other = Redis.from_url(server.url), Redis.from_url(server.url)
        story = Story(start=SystemClock().now())
        scenes = balance_call(story)
        next(scenes)
        await write_facts(sessions, story.facts)
        sink = LiveSink(other)
        feed = LiveFeed(redis, sessions)
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(sink.run())]
            for fact in story.facts:
                sink.publish(fact)
            running.append(tasks.create_task(feed.run()))
            await until(lambda: feed.board.live_count == 1)
            call = feed.board.calls[story.call_id]
            with feed.subscribe(story.call_id) as page:
                told = len(story.facts)
                next(scenes)
                for fact in story.facts[told:]:
                    sink.publish(fact)
                assert await page.wait(10) == {story.call_id}
            await until(lambda: call.step == "greeting")

            server.kill()
            await until(lambda: not feed.is_connected)
            told = len(story.facts)
            next(scenes)
            next(scenes)
            await write_facts(sessions, story.facts[told:])
            await until(lambda: call.step == "ask_account")
            for fact in story.facts[told:]:
                sink.publish(fact)

            server.start()
            await until(lambda: feed.is_connected)
            await until(lambda: call.agent_text.startswith("What is your eight digit"))
            assert call.state is CallState.ANSWERED
            for task in running:
                task.cancel()
        await redis.aclose()
        await other.aclose()
    await sessions.close()


async def test_an_entry_nobody_can_read_does_not_stop_the_feed(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'feed.db'}"
    await upgrade_to_head(url)
    sessions = open_sessions(url)
    with private_redis() as server:
        redis = Redis.from_url(server.url)
        for field, value in ((FACT_FIELD, "{}"), (FACT_FIELD, "no json"), ("other", "x")):
            await redis.xadd(LIVE_STREAM, {field: value})
        sink = LiveSink(redis)
        feed = LiveFeed(Redis.from_url(server.url), sessions)
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(sink.run()), tasks.create_task(feed.run())]
            for fact in whole_call(Story(start=SystemClock().now())):
                sink.publish(fact)
            await until(lambda: "call_story" in feed.board.calls)
            await until(lambda: feed.board.calls[CallId("call_story")].end_cause is not None)
            for task in running:
                task.cancel()
        await redis.aclose()
        await feed._redis.aclose()
    await sessions.close()


async def test_a_hang_up_for_a_dead_edge_or_without_redis_is_answered_in_words() -> None:
    with private_redis() as server:
        redis = Redis.from_url(server.url)
        commands = RedisCommands(redis, SystemClock())
        with pytest.raises(TrunklineError, match="does not answer"):
            await commands.hang_up(CallId("call_1"), "edge-gone", "sue")
        server.kill()
        with pytest.raises(TrunklineError, match="Redis is away"):
            await commands.hang_up(CallId("call_1"), "edge-gone", "sue")
        await redis.aclose()
