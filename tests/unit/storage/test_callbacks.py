"""Callers who want to be called: kept once, announced once, done once."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import orjson
import pytest
from sqlalchemy import select
from tests.unit.storage.facts import CALL, after, ended, started

from trunkline.domain.errors import NotFound
from trunkline.domain.events import CallbackRequested, QueuePlaced
from trunkline.storage.callbacks import CallbackRepository
from trunkline.storage.engine import Sessions
from trunkline.storage.journal import write_facts
from trunkline.storage.rows import OutboxRow
from trunkline.storage.webhooks import WebhookRepository

WISH: Final = CallbackRequested(CALL, after(9), 9000, "support", "+442071230000", 3, 8200)


async def test_a_wish_is_kept_and_announced_once_however_often_it_is_told(
    sessions: Sessions,
) -> None:
    async with sessions.writing() as session:
        await WebhookRepository(session).add(
            "https://example.org/hook", ["callback.requested"], after(0)
        )
    place = QueuePlaced(CALL, after(1), 1000, "support", 3)
    await write_facts(sessions, [started(), place, WISH])
    await write_facts(sessions, [WISH, ended()])
    async with sessions.reading() as session:
        (wish,) = await CallbackRepository(session).list(is_open=True)
        (row,) = await session.scalars(select(OutboxRow))
    assert (wish.number, wish.queue, wish.position) == ("+442071230000", "support", 3)
    told = orjson.loads(row.body)
    assert told["type"] == "callback.requested"
    assert told["data"]["number"] == "+442071230000"
    assert told["data"]["call_id"] == CALL


async def test_wishes_are_listed_by_queue_longest_waiting_first_until_they_are_done(
    sessions: Sessions,
) -> None:
    later = replace(WISH, at=after(12), number="+442071230001")
    other = replace(WISH, at=after(10), queue="sales")
    await write_facts(sessions, [started(), later, other, WISH])
    async with sessions.writing() as session:
        wishes = CallbackRepository(session)
        first, second = await wishes.list(queue="support", is_open=True)
        assert [first.number, second.number] == ["+442071230000", "+442071230001"]
        await wishes.done(first.callback_id, "ann", after(60))
        again = await wishes.done(first.callback_id, "ben", after(70))
        assert (again.done_by, again.done_at) == ("ann", after(60))
        assert await wishes.list(queue="support", is_open=True) == (second,)
        assert len(await wishes.list()) == 3
        with pytest.raises(NotFound):
            await wishes.done("cb_nobody", "ann", after(60))
