from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from trunkline.realtime.model_table import price_list
from trunkline.realtime.usage import TokenUsage, UsageRecord
from trunkline.storage.engine import Sessions
from trunkline.storage.keys import KeyRepository
from trunkline.storage.usage import UsageRepository
from trunkline.storage.views import KeyQuota

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
RECORD = UsageRecord(
    session_id="sess_1",
    seq=2,
    kind="realtime",
    key_id="key_a",
    model="trunkline-realtime-2026-11-21",
    engine="cascade",
    began_at=NOON,
    at=NOON,
    responses=1,
    tokens=TokenUsage(text_in=1_000_000, audio_out=1_000_000),
)


async def store(sessions: Sessions, *records: UsageRecord) -> None:
    async with sessions.writing() as session:
        for record in records:
            await UsageRepository(session).store(record, price_list(()), "USD")


async def test_a_later_record_replaces_an_earlier_one_whatever_order_they_come_in(
    sessions: Sessions,
) -> None:
    later = replace(RECORD, seq=3, responses=2, tokens=TokenUsage(text_in=2_000_000))
    other = replace(RECORD, session_id="sess_2", key_id="key_b")
    await store(sessions, later, RECORD, other, other)
    async with sessions.reading() as session:
        repository = UsageRepository(session)
        (one,) = await repository.sums(NOON, NOON + timedelta(days=1))
        by_key = await repository.sums(NOON, NOON + timedelta(days=1), group_by="key_id")
        before = await repository.sums(NOON - timedelta(days=1), NOON)
    assert (one.sessions, one.responses, one.text_in, one.audio_out) == (2, 3, 3_000_000, 1_000_000)
    assert one.cost == pytest.approx(3 * 5 + 200)
    assert [(sum_.group, sum_.cost) for sum_ in by_key] == [("key_b", 205.0), ("key_a", 10.0)]
    assert before == ()


async def test_a_keys_quota_is_kept(sessions: Sessions) -> None:
    quota = KeyQuota(sessions=2, requests_per_minute=60, tokens_per_day=1000)
    async with sessions.writing() as session:
        made, secret = await KeyRepository(session).create("web", ["realtime"], NOON, quota=quota)
    async with sessions.reading() as session:
        found = await KeyRepository(session).find(secret, NOON)
    assert found is not None and found.quota == made.quota == quota


async def test_usage_falls_on_the_days_of_whoever_asks(sessions: Sessions) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    # The 25th of October 2026 has 25 hours there.
    midnights = [datetime(2026, 10, day, tzinfo=berlin) for day in (24, 25, 26, 27)]
    late, night, next_day = (
        datetime(2026, 10, 24, 21, 59, tzinfo=UTC),
        datetime(2026, 10, 25, 22, 30, tzinfo=UTC),
        datetime(2026, 10, 25, 23, 0, tzinfo=UTC),
    )
    other = replace(RECORD, session_id="sess_4", key_id="key_b", began_at=next_day)
    await store(
        sessions,
        replace(RECORD, began_at=late),
        replace(RECORD, session_id="sess_2", began_at=night),
        replace(RECORD, session_id="sess_3", began_at=next_day),
        other,
        replace(RECORD, session_id="sess_5", began_at=midnights[-1]),
    )
    async with sessions.reading() as session:
        found = await UsageRepository(session).by_day(midnights)
    assert [(one.day, one.key_id, one.sessions, one.cost) for one in found] == [
        (0, "key_a", 1, 205.0),
        (1, "key_a", 1, 205.0),
        (2, "key_a", 1, 205.0),
        (2, "key_b", 1, 205.0),
    ]
