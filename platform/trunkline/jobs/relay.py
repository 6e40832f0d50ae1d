"""The outbox relayed to webhooks: at least once, signed, with back-off and an end.

A delivery is signed as Standard Webhooks does (webhook-id, webhook-timestamp, webhook-signature
``v1,`` base64 HMAC-SHA256 of ``id.timestamp.body``); its id is the receiver's idempotency key.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

import httpx
import orjson
from sqlalchemy.exc import SQLAlchemyError

from trunkline.domain.clock import Clock
from trunkline.domain.decision_link import write_token
from trunkline.runtime.logging import get_logger
from trunkline.storage.decision_links import DecisionLinks
from trunkline.storage.engine import Sessions
from trunkline.storage.outbox import Claimed, Outbox
from trunkline.storage.secret import derive_secret

log = get_logger(__name__)

FIRST_RETRY: Final = timedelta(seconds=10)
LONGEST_RETRY: Final = timedelta(hours=1)
GIVE_UP_AFTER: Final = timedelta(hours=24)
AT_ONCE: Final = 20
_AT_A_STRETCH_MS: Final = 20_000  # then the next round goes on
_WITH_LINKS: Final = "approval.requested"


def next_try(attempt: int, since: datetime, now: datetime) -> datetime | None:
    """When attempt ``attempt`` (from one) having failed, the next is due; None to give up."""
    if now - since > GIVE_UP_AFTER:
        return None
    doublings = min(attempt - 1, 16)
    return now + min(FIRST_RETRY * (1 << doublings), LONGEST_RETRY)


def signing_key(installation: bytes, webhook_id: str) -> str:
    """What the receiver checks signatures with: ``whsec_`` and base64, shown by the API."""
    raw = bytes.fromhex(derive_secret(installation, f"webhook:{webhook_id}"))
    return "whsec_" + base64.b64encode(raw).decode()


def signature(key: str, delivery_id: str, timestamp: int, body: str) -> str:
    raw = base64.b64decode(key.removeprefix("whsec_"))
    text = f"{delivery_id}.{timestamp}.{body}".encode()
    return "v1," + base64.b64encode(hmac.new(raw, text, hashlib.sha256).digest()).decode()


async def in_batches(batch: Callable[[], Awaitable[int]], clock: Clock) -> int:
    """One after the other while whole ones are delivered: a backlog waits for no round."""
    delivered, until_ms = 0, clock.monotonic_ms() + _AT_A_STRETCH_MS
    while True:
        now = await batch()
        delivered += now
        if now < AT_ONCE or clock.monotonic_ms() > until_ms:
            return delivered


async def relay(
    sessions: Sessions,
    client: httpx.AsyncClient,
    installation: bytes,
    clock: Clock,
    *,
    base_url: str = "",
) -> int:
    """Claim what is due, send it, settle each; how many were delivered.

    ``base_url``: where people reach the dashboard; empty: nobody is sent links that decide.

    A claim is sent side by side, so that it is over well before its lease is, however slow the
    receivers are (``client`` must have a timeout).
    """
    async with sessions.writing() as session:
        claimed = await Outbox(session).claim(clock.now(), limit=AT_ONCE)
    delivered: list[bool] = []

    async def deliver(claim: Claimed) -> None:
        if base_url and claim.event == _WITH_LINKS:
            body = await _with_links(sessions, claim, installation, base_url)
            claim = replace(claim, body=body)
        error = await _post(client, claim, signing_key(installation, claim.to), clock)
        try:
            delivered.append(await _settle(sessions, claim, error, clock.now()))
        except (SQLAlchemyError, OSError) as exc:
            # Sent again when its lease is over; the others go on.
            log.warning("a delivery could not be noted", reason=type(exc).__name__)

    async with asyncio.TaskGroup() as tasks:
        for claim in claimed:
            tasks.create_task(deliver(claim), name=f"webhook {claim.outbox_id}")
    return sum(delivered)


async def _with_links(
    sessions: Sessions, claim: Claimed, installation: bytes, base_url: str
) -> str:
    """The body with the links that were issued with it: signed now, and stored nowhere."""
    async with sessions.reading() as session:
        links = DecisionLinks(session)
        carried = await links.carried_by(claim.outbox_id)
        if not carried:
            return claim.body
        keys = await links.keys(installation)
    document = orjson.loads(claim.body)
    told = []
    for sent in carried:
        token = write_token(sent.link, keys)
        told.append(
            {
                "user": sent.to.username,
                "role": sent.to.role,
                "decisions": sent.link.decisions,
                "expires_at": sent.link.expires_at,
                "token": token,
                "url": f"{base_url}/decide/{token}",
            }
        )
    document["data"]["links"] = told
    return orjson.dumps(document).decode()


async def _settle(sessions: Sessions, claim: Claimed, error: str, now: datetime) -> bool:
    async with sessions.writing() as session:
        outbox = Outbox(session)
        if not error:
            return await outbox.settle(claim, now)
        due_at = next_try(claim.attempt, claim.since, now)
        if due_at is not None:
            await outbox.retry(claim, due_at=due_at, error=error)
        else:
            await outbox.give_up(claim, now, error=error)
            log.error("a webhook was given up", webhook=claim.to, reason=error)
    return False


async def _post(client: httpx.AsyncClient, claim: Claimed, key: str, clock: Clock) -> str:
    """Empty when the receiver took it (2xx), else why not."""
    timestamp = int(clock.now().timestamp())
    try:
        answer = await client.post(
            claim.address,
            content=claim.body,
            headers={
                "content-type": "application/json",
                "webhook-id": claim.outbox_id,
                "webhook-timestamp": str(timestamp),
                "webhook-signature": signature(key, claim.outbox_id, timestamp, claim.body),
            },
        )
    except (httpx.HTTPError, httpx.InvalidURL) as exc:
        return type(exc).__name__
    return "" if answer.is_success else f"HTTP {answer.status_code}"
