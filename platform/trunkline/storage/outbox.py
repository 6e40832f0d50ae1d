"""The outbox: added to in the transaction of the event, claimed with a lease, settled.

What is posted to webhooks and what is mailed to people lie in one table and are claimed apart.
A lease, not a lock: what a dead worker had claimed comes back when the lease runs out. Only the
claim that holds a row may settle it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Select, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from trunkline.domain.ids import mint
from trunkline.storage.rows import OutboxRow, UserRow, WebhookRow
from trunkline.storage.upsert import clean_text, insert_new
from trunkline.storage.views import HOUSE

LEASE: Final = timedelta(minutes=2)
_MAX_ERROR_CHARS: Final = 500
# Not the event's own time: the edge that noted it may have a clock that is ahead of ours.
AT_ONCE: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Claimed:
    """An outbox row that is ours until its lease ends; ``attempt`` counts from one.

    ``to``: the webhook's or the user's id; ``address``: its URL, or their e-mail address.
    ``since``: when it was added, or wanted again.
    """

    outbox_id: str
    lease: str
    to: str
    address: str
    event: str
    body: str
    attempt: int
    since: datetime


class Outbox:
    """The rows of one transaction; on SQLite that must be a writing one."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(
        self,
        outbox_id: str,
        *,
        event: str,
        body: str,
        now: datetime,
        webhook_id: str | None = None,
        user_id: str | None = None,
        owner: str = HOUSE,
    ) -> bool:
        """Add a row for a webhook or a user; False when that id has been added before (nothing
        changes then)."""
        values = {
            "id": outbox_id,
            "owner": owner,
            "webhook_id": webhook_id,
            "user_id": user_id,
            "event": event,
            "body": body,
            "created_at": now,
            "due_at": AT_ONCE,
        }
        return await insert_new(self._session, OutboxRow, values, key=["id"])

    async def claim(
        self, now: datetime, *, limit: int = 50, lease: timedelta = LEASE
    ) -> list[Claimed]:
        """Take due rows of webhooks that nobody holds; PostgreSQL skips those that another claim
        is taking."""
        query = select(OutboxRow, WebhookRow.id, WebhookRow.url).join(
            WebhookRow, WebhookRow.id == OutboxRow.webhook_id
        )
        return await self._claim(query, now, limit, lease)

    async def claim_mail(
        self, now: datetime, *, limit: int = 50, lease: timedelta = LEASE
    ) -> list[Claimed]:
        """Take due rows for people likewise; ``address`` is the one that they have now."""
        query = select(OutboxRow, UserRow.id, UserRow.email).join(
            UserRow, UserRow.id == OutboxRow.user_id
        )
        return await self._claim(query, now, limit, lease)

    async def _claim(
        self,
        query: Select[OutboxRow, str, str],
        now: datetime,
        limit: int,
        lease: timedelta,
    ) -> list[Claimed]:
        query = (
            query.where(
                OutboxRow.sent_at.is_(None),
                OutboxRow.given_up_at.is_(None),
                OutboxRow.due_at <= now,
                or_(OutboxRow.leased_until.is_(None), OutboxRow.leased_until < now),
            )
            .order_by(OutboxRow.due_at, OutboxRow.created_at, OutboxRow.id)
            .limit(limit)
            .with_for_update(skip_locked=True, of=OutboxRow)
        )
        token = mint("lease")
        claimed: list[Claimed] = []
        for row, to, address in await self._session.execute(query):
            row.lease = token
            row.leased_until = now + lease
            row.attempts += 1
            claimed.append(
                Claimed(
                    row.id,
                    token,
                    to,
                    address,
                    row.event,
                    row.body,
                    row.attempts,
                    row.replayed_at or row.created_at,
                )
            )
        await self._session.flush()
        return claimed

    async def settle(self, claim: Claimed, now: datetime) -> bool:
        """Delivered. False when the lease had passed to another claim meanwhile."""
        return await self._close(claim, sent_at=now, last_error="")

    async def retry(self, claim: Claimed, *, due_at: datetime, error: str) -> bool:
        """Not delivered; due again at ``due_at``."""
        error = clean_text(error)[:_MAX_ERROR_CHARS]
        return await self._close(claim, due_at=due_at, last_error=error)

    async def give_up(self, claim: Claimed, now: datetime, *, error: str) -> bool:
        """Never to be tried again; the row stays, with its error, for an operator to see."""
        error = clean_text(error)[:_MAX_ERROR_CHARS]
        return await self._close(claim, given_up_at=now, last_error=error)

    async def _close(self, claim: Claimed, **values: Any) -> bool:
        done: Any = await self._session.execute(
            update(OutboxRow)
            .where(OutboxRow.id == claim.outbox_id, OutboxRow.lease == claim.lease)
            .values(lease=None, leased_until=None, **values)
        )
        return bool(done.rowcount)
