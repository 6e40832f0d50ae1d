"""Usage from a model server over a real Redis into the database, also across Redis's death."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from redis.asyncio import Redis
from tests.peers.drivers.redis import PrivateRedis

from trunkline.domain.clock import SystemClock
from trunkline.domain.errors import TooMany
from trunkline.jobs.usage import store_usage
from trunkline.model.access import Access
from trunkline.model.authority import FileAuthority, Principal
from trunkline.model.client_secrets import StartConfig
from trunkline.model.house_redis import HouseRedis
from trunkline.model.quotas import Quota, Quotas
from trunkline.model.usage import SessionMeter, UsageSink
from trunkline.realtime.model_table import ModelTable, price_list
from trunkline.realtime.usage import RECORD_FIELD, USAGE_STREAM, TokenUsage
from trunkline.storage.engine import Sessions
from trunkline.storage.usage import UsageRepository, UsageSum

pytestmark = pytest.mark.peers
CARD = ModelTable((), ("scripted",)).default()
TOKENS = TokenUsage(text_in=1000, audio_out=500)
KEY = Principal("key_a", frozenset(), Quota(tokens_per_day=1500))


class House:
    """One model server's sink, with a client of its own."""

    def __init__(self, url: str, spool: Path) -> None:
        clock = SystemClock()
        self.redis = HouseRedis(Redis.from_url(url), clock)
        self.quotas = Quotas(clock)
        self.sink = UsageSink(self.redis, self.quotas, clock, spool)

    def meter(self, session_id: str) -> SessionMeter:
        return SessionMeter(self.sink, self.quotas, KEY, CARD, session_id)


async def reported(sessions: Sessions) -> UsageSum:
    now = SystemClock().now()
    async with sessions.reading() as session:
        (one,) = await UsageRepository(session).sums(
            now - timedelta(hours=1), now + timedelta(hours=1)
        )
    return one


async def test_usage_is_stored_priced_and_taken_out_of_the_stream(
    redis_server: PrivateRedis, redis: Redis, sessions: Sessions, tmp_path: Path
) -> None:
    house = House(redis_server.url, tmp_path / "spool")
    meter = house.meter("sess_1")
    meter.add(TOKENS, responses=1)
    await house.sink.flush()
    meter.add(TOKENS, responses=1)
    meter.close()
    await house.sink.flush()
    await redis.xadd(USAGE_STREAM, {RECORD_FIELD: b"nonsense"})
    assert await store_usage(sessions, redis, price_list(()), "USD") == 1
    one = await reported(sessions)
    assert (one.sessions, one.responses, one.text_in, one.audio_out) == (1, 2, 2000, 1000)
    assert one.cost == pytest.approx((2000 * 5 + 1000 * 200) / 1e6)
    assert await redis.xlen(USAGE_STREAM) == 0
    await house.redis.aclose()


async def test_what_was_used_while_redis_was_away_is_told_by_the_next_process(
    redis_server: PrivateRedis, sessions: Sessions, tmp_path: Path
) -> None:
    spool = tmp_path / "usage" / "spool"
    first = House(redis_server.url, spool)
    redis_server.kill()
    first.meter("sess_1").add(TOKENS, responses=1)
    await first.sink.flush()
    await first.redis.aclose()
    assert spool.exists()
    redis_server.start()
    second = House(redis_server.url, spool)
    running = asyncio.create_task(second.sink.run())
    try:
        async with asyncio.timeout(10):
            while spool.exists():
                await asyncio.sleep(0.02)
    finally:
        running.cancel()
        await asyncio.wait([running])
    client = Redis.from_url(redis_server.url)
    assert await store_usage(sessions, client, price_list(()), "USD") == 1
    assert (await reported(sessions)).text_in == 1000
    await client.aclose()
    await second.redis.aclose()


async def test_a_day_of_tokens_and_an_ephemeral_key_hold_on_every_server_of_the_house(
    redis_server: PrivateRedis, tmp_path: Path
) -> None:
    one = House(redis_server.url, tmp_path / "one")
    other = House(redis_server.url, tmp_path / "other")
    one.meter("sess_1").add(TOKENS)
    await one.sink.flush()
    other.quotas.require_tokens(KEY.key_id, KEY.quota)
    await other.sink.learn_tokens(KEY.key_id)
    with pytest.raises(TooMany):
        other.quotas.require_tokens(KEY.key_id, KEY.quota)

    authority = FileAuthority(tmp_path / "none.json", admin_key="tk_admin")
    start = StartConfig("", {"type": "realtime", "instructions": "Both."})
    value, _ = await Access(authority, one.redis).secrets.mint("admin", start, 30)
    assert (await Access(authority, other.redis).admit(value)).start == start
    await one.redis.aclose()
    await other.redis.aclose()
