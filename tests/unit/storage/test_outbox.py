from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import orjson
import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import StatementError
from tests.unit.storage.claimers import claim_from_processes
from tests.unit.storage.facts import CALL, NOON, after, ended, started, whole_call

from trunkline.domain.call import EndCause
from trunkline.domain.errors import Invalid, NotFound
from trunkline.storage.calls import CallRepository
from trunkline.storage.engine import Sessions
from trunkline.storage.journal import write_facts
from trunkline.storage.outbox import Claimed, Outbox
from trunkline.storage.rows import OutboxRow
from trunkline.storage.webhooks import WebhookRepository


async def add_hook(sessions: Sessions, *events: str) -> str:
    async with sessions.writing() as session:
        hook = await WebhookRepository(session).add(
            "https://example.org/hook", events or ("call.ended",), NOON
        )
    return hook.webhook_id


async def add_rows(sessions: Sessions, count: int) -> None:
    webhook_id = await add_hook(sessions)
    async with sessions.writing() as session:
        for number in range(count):
            await Outbox(session).add(
                f"evt_{number:04}", webhook_id=webhook_id, event="call.ended", body="{}", now=NOON
            )


async def claim(sessions: Sessions, seconds: float, limit: int = 50) -> list[Claimed]:
    async with sessions.writing() as session:
        return await Outbox(session).claim(after(seconds), limit=limit)


async def test_a_row_is_added_once(sessions: Sessions) -> None:
    webhook_id = await add_hook(sessions)
    async with sessions.writing() as session:
        added = [
            await Outbox(session).add(
                "evt_1", webhook_id=webhook_id, event="call.ended", body="{}", now=NOON
            )
            for _ in range(2)
        ]
    assert added == [True, False]


async def test_an_event_of_an_edge_whose_clock_is_ahead_is_due_at_once(sessions: Sessions) -> None:
    await add_hook(sessions, "call.ended")
    await write_facts(sessions, [started(), ended(at=after(7200))])
    assert len(await claim(sessions, 0)) == 1


async def test_a_claimed_row_is_nobody_elses_until_its_lease_ends(sessions: Sessions) -> None:
    await add_rows(sessions, 3)
    first = await claim(sessions, 1)
    assert [row.outbox_id for row in first] == ["evt_0000", "evt_0001", "evt_0002"]
    assert await claim(sessions, 2) == []
    again = await claim(sessions, 300)
    assert [row.attempt for row in again] == [2, 2, 2]


async def test_only_the_claim_that_holds_a_row_settles_it(sessions: Sessions) -> None:
    await add_rows(sessions, 1)
    (slow,) = await claim(sessions, 1)
    (quick,) = await claim(sessions, 300)
    async with sessions.writing() as session:
        outbox = Outbox(session)
        assert not await outbox.settle(slow, after(301))
        assert await outbox.settle(quick, after(301))
        assert not await outbox.settle(quick, after(302))
    assert await claim(sessions, 10_000) == []


async def test_a_row_to_retry_comes_back_when_it_is_due(sessions: Sessions) -> None:
    await add_rows(sessions, 1)
    (row,) = await claim(sessions, 1)
    async with sessions.writing() as session:
        await Outbox(session).retry(row, due_at=after(60), error="refused \x00")
    assert await claim(sessions, 59) == []
    (again,) = await claim(sessions, 60)
    assert again.attempt == 2


async def test_a_row_given_up_stays_and_is_never_claimed(sessions: Sessions) -> None:
    await add_rows(sessions, 1)
    (row,) = await claim(sessions, 1)
    async with sessions.writing() as session:
        await Outbox(session).give_up(row, after(2), error="gone")
    assert await claim(sessions, 10_000) == []
    async with sessions.reading() as session:
        kept = await session.get_one(OutboxRow, "evt_0000")
    assert kept.given_up_at == after(2)
    assert kept.last_error == "gone"


async def test_the_end_of_a_call_is_announced_in_its_own_transaction_and_once(
    sessions: Sessions,
) -> None:
    await add_hook(sessions, "call.ended")
    await add_hook(sessions, "call.started", "call.ended")
    await write_facts(sessions, whole_call())
    await write_facts(sessions, whole_call())
    rows = await claim(sessions, 100)
    assert Counter(row.event for row in rows) == {"call.ended": 2, "call.started": 1}
    assert len({row.outbox_id for row in rows}) == 3
    body = next(orjson.loads(row.body) for row in rows if row.event == "call.ended")
    assert body["type"] == "call.ended"
    assert body["data"]["call_id"] == CALL
    assert body["data"]["end_cause"] == EndCause.CALLER_HANGUP
    assert body["data"]["duration_ms"] == 20_000


async def test_facts_that_fail_half_way_leave_neither_call_nor_announcement(
    sessions: Sessions,
) -> None:
    await add_hook(sessions, "call.started", "call.ended")
    unreadable = replace(ended(), duration_ms=None)  # type: ignore[arg-type]
    unreadable = replace(unreadable, at="yesterday")  # type: ignore[arg-type]
    with pytest.raises((AttributeError, StatementError)):
        await write_facts(sessions, [started(), unreadable])
    assert await claim(sessions, 100) == []
    async with sessions.reading() as session:
        assert await CallRepository(session).live() == ()


async def test_a_removed_webhook_takes_what_waits_for_it_along(sessions: Sessions) -> None:
    await add_rows(sessions, 3)
    async with sessions.writing() as session:
        (hook,) = await WebhookRepository(session).list()
        await WebhookRepository(session).remove(hook.webhook_id)
    assert await claim(sessions, 1) == []
    async with sessions.writing() as session:
        with pytest.raises(NotFound):
            await WebhookRepository(session).remove(hook.webhook_id)


@pytest.mark.parametrize(
    "url", ["", "ftp://example.org", "https://", "javascript:alert(1)", "http://[", "x" * 3000]
)
async def test_a_webhook_wants_a_web_address(sessions: Sessions, url: str) -> None:
    async with sessions.writing() as session:
        with pytest.raises(Invalid) as refusal:
            await WebhookRepository(session).add(url, ["call.ended"], NOON)
    assert refusal.value.param == "url"


async def test_many_claims_in_one_process_share_the_rows(sessions: Sessions) -> None:
    await add_rows(sessions, 100)
    batches = await asyncio.gather(*(claim(sessions, 1, limit=10) for _ in range(12)))
    seen = Counter(row.outbox_id for batch in batches for row in batch)
    assert len(seen) == 100
    assert set(seen.values()) == {1}


async def test_four_processes_never_claim_a_row_twice_and_never_find_the_database_busy(
    sessions: Sessions, database_url: str
) -> None:
    await add_rows(sessions, 400)
    harvests = await asyncio.to_thread(claim_from_processes, database_url, 4)
    assert [error for harvest in harvests for error in harvest.errors] == []
    seen = Counter(row for harvest in harvests for row in harvest.claimed)
    assert len(seen) == 400
    assert set(seen.values()) == {1}
    async with sessions.reading() as session:
        unsent = await session.scalar(
            select(func.count())
            .select_from(OutboxRow)
            .where(OutboxRow.id.in_(seen), OutboxRow.sent_at.is_(None))
        )
        page = await CallRepository(session).list_calls(limit=200)
    assert unsent == 0
    assert {call.call_id for call in page.calls} == {
        call_id for harvest in harvests for call_id in harvest.written
    }


async def test_a_lease_can_be_chosen(sessions: Sessions) -> None:
    await add_rows(sessions, 1)
    async with sessions.writing() as session:
        await Outbox(session).claim(NOON, lease=timedelta(seconds=5))
    assert await claim(sessions, 4) == []
    assert len(await claim(sessions, 6)) == 1
