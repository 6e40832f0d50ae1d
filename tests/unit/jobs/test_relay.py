from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import httpx
import pytest
from sqlalchemy import select
from starlette.requests import Request
from starlette.responses import Response
from tests.unit.storage.facts import NOON, after, whole_call

from trunkline.domain.ids import CallId
from trunkline.jobs.relay import AT_ONCE, GIVE_UP_AFTER, in_batches, next_try, relay, signing_key
from trunkline.storage.engine import Sessions
from trunkline.storage.journal import write_facts
from trunkline.storage.rows import OutboxRow
from trunkline.storage.webhooks import WebhookRepository

SECRET = b"s" * 32


@dataclass
class Wall:
    """A clock that a test moves; aware of nothing but what it is told."""

    at: datetime = after(100)

    def now(self) -> datetime:
        return self.at

    def monotonic_ms(self) -> float:
        return self.at.timestamp() * 1000


@dataclass
class Receiver:
    """A small ASGI web service that keeps what it was sent and answers what the test says."""

    status: int = 204
    seen: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    slow: set[str] = field(default_factory=set)  # paths that never answer

    async def __call__(self, scope, receive, send) -> None:  # type: ignore[no-untyped-def]
        request = Request(scope, receive)
        body = await request.body()
        if request.url.path in self.slow:
            await asyncio.Event().wait()
        self.seen.append((dict(request.headers), body))
        headers = {"location": "http://elsewhere/"} if 300 <= self.status < 400 else None
        await Response(status_code=self.status, headers=headers)(scope, receive, send)


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
async def client(receiver: Receiver) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=receiver)) as client:
        yield client


async def subscribe(sessions: Sessions, url: str = "http://shop.example/hook") -> str:
    async with sessions.writing() as session:
        made = await WebhookRepository(session).add(url, ["call.ended"], NOON)
    return made.webhook_id


async def outbox(sessions: Sessions) -> list[OutboxRow]:
    async with sessions.reading() as session:
        return list(await session.scalars(select(OutboxRow).order_by(OutboxRow.id)))


async def test_an_event_is_delivered_once_and_signed(
    sessions: Sessions, client: httpx.AsyncClient, receiver: Receiver
) -> None:
    webhook_id = await subscribe(sessions)
    await write_facts(sessions, whole_call())
    assert await relay(sessions, client, SECRET, Wall()) == 1
    assert await relay(sessions, client, SECRET, Wall(after(10_000))) == 0
    ((headers, body),) = receiver.seen
    (row,) = await outbox(sessions)
    assert headers["webhook-id"] == row.id
    assert row.sent_at == after(100)
    # As a receiver checks it, from the Standard Webhooks text and not from our code.
    key = base64.b64decode(signing_key(SECRET, webhook_id).removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert int(headers["webhook-timestamp"]) == int(after(100).timestamp())


async def test_a_backlog_is_sent_batch_after_batch() -> None:
    batches = [AT_ONCE, AT_ONCE, 3, AT_ONCE]

    async def batch() -> int:
        return batches.pop(0)

    assert await in_batches(batch, Wall()) == 2 * AT_ONCE + 3
    assert batches == [AT_ONCE]


@pytest.mark.parametrize("status", [301, 400, 404, 429, 500, 503])
async def test_a_refused_event_is_tried_again_later_under_the_same_id(
    sessions: Sessions, client: httpx.AsyncClient, receiver: Receiver, status: int
) -> None:
    await subscribe(sessions)
    await write_facts(sessions, whole_call())
    clock = Wall()
    receiver.status = status
    assert await relay(sessions, client, SECRET, clock) == 0
    assert await relay(sessions, client, SECRET, clock) == 0
    assert len(receiver.seen) == 1
    (row,) = await outbox(sessions)
    assert row.last_error == f"HTTP {status}"
    assert row.due_at > clock.now()
    receiver.status = 200
    clock.at = row.due_at
    assert await relay(sessions, client, SECRET, clock) == 1
    assert len({headers["webhook-id"] for headers, _ in receiver.seen}) == 1


async def test_an_event_is_given_up_after_a_day_and_kept(
    sessions: Sessions, client: httpx.AsyncClient, receiver: Receiver
) -> None:
    await subscribe(sessions)
    await write_facts(sessions, whole_call())
    receiver.status = 500
    clock = Wall()
    for _ in range(100):
        await relay(sessions, client, SECRET, clock)
        (row,) = await outbox(sessions)
        if row.given_up_at is not None:
            break
        clock.at = row.due_at
    assert row.given_up_at is not None
    assert GIVE_UP_AFTER < row.given_up_at - row.created_at < GIVE_UP_AFTER + timedelta(hours=2)
    assert 20 < len(receiver.seen) < 50


async def test_a_slow_receiver_does_not_hold_up_the_others(
    sessions: Sessions, client: httpx.AsyncClient, receiver: Receiver
) -> None:
    await subscribe(sessions, "http://slow.example/slow")
    await subscribe(sessions, "http://quick.example/quick")
    receiver.slow = {"/slow"}
    for number in range(5):
        await write_facts(sessions, whole_call(CallId(f"call_{number}")))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await relay(sessions, client, SECRET, Wall())
    assert len(receiver.seen) == 5
    # What was cut off stays leased, and comes back when the lease has run out.
    receiver.slow = set()
    assert await relay(sessions, client, SECRET, Wall(after(101))) == 0
    assert await relay(sessions, client, SECRET, Wall(after(500))) == 5
    ids = Counter(headers["webhook-id"] for headers, _ in receiver.seen)
    assert len(ids) == 10
    assert set(ids.values()) == {1}


async def test_a_host_that_cannot_be_reached_is_only_a_reason_to_try_again(
    sessions: Sessions,
) -> None:
    await subscribe(sessions, "http://127.0.0.1:1/hook")
    await write_facts(sessions, whole_call())
    async with httpx.AsyncClient(timeout=5) as client:
        assert await relay(sessions, client, SECRET, Wall()) == 0
    (row,) = await outbox(sessions)
    assert row.last_error == "ConnectError"


def test_tries_grow_apart_up_to_an_hour() -> None:
    gaps = []
    for attempt in range(1, 30):
        due = next_try(attempt, NOON, NOON)
        assert due is not None
        gaps.append((due - NOON).total_seconds())
    assert gaps[:4] == [10, 20, 40, 80]
    assert gaps[-1] == max(gaps) == 3600
    assert next_try(3, NOON, NOON + GIVE_UP_AFTER + timedelta(seconds=1)) is None
