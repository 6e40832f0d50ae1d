"""What was posted to a webhook, what waits, and what somebody wants to be posted again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from trunkline.domain.errors import Conflict, NotFound
from trunkline.storage.outbox import AT_ONCE
from trunkline.storage.rows import OutboxRow, WebhookRow
from trunkline.storage.views import HOUSE

MAX_LISTED: Final = 200


class DeliveryState(StrEnum):
    WAITING = "waiting"
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event on its way to one webhook; ``due_at`` is None once nothing more is tried."""

    delivery_id: str
    webhook_id: str
    event: str
    state: DeliveryState
    created_at: datetime
    replayed_at: datetime | None
    attempts: int
    due_at: datetime | None
    sent_at: datetime | None
    given_up_at: datetime | None
    last_error: str
    body: str


class Deliveries:
    """The deliveries of one webhook inside one session; NotFound when ``owner`` has no such one."""

    def __init__(self, session: AsyncSession, webhook_id: str, *, owner: str = HOUSE) -> None:
        self._session = session
        self._webhook_id = webhook_id
        self._owner = owner

    async def list(
        self, *, state: DeliveryState | None = None, event: str = "", limit: int = 50
    ) -> tuple[Delivery, ...]:
        """The newest first."""
        await self._check_webhook()
        query = self._query()
        if event:
            query = query.where(OutboxRow.event == event)
        if state is DeliveryState.DELIVERED:
            query = query.where(OutboxRow.sent_at.is_not(None))
        elif state is DeliveryState.GIVEN_UP:
            query = query.where(OutboxRow.given_up_at.is_not(None))
        elif state is DeliveryState.WAITING:
            query = query.where(OutboxRow.sent_at.is_(None), OutboxRow.given_up_at.is_(None))
        query = query.order_by(OutboxRow.created_at.desc(), OutboxRow.id).limit(limit)
        return tuple(_view(row) for row in await self._session.scalars(query))

    async def get(self, delivery_id: str) -> Delivery:
        return _view(await self._row(delivery_id))

    async def replay(self, delivery_id: str, now: datetime) -> Delivery:
        """Due at once, under the same id, with a day of tries anew.

        Conflict while it is being tried: it may arrive without that.
        """
        row = await self._row(delivery_id, is_locked=True)
        if row.leased_until is not None and row.leased_until >= now:
            raise Conflict("it is being delivered just now", code="delivery_under_way")
        row.sent_at = row.given_up_at = row.lease = row.leased_until = None
        row.replayed_at, row.due_at, row.attempts, row.last_error = now, AT_ONCE, 0, ""
        await self._session.flush()
        return _view(row)

    def _query(self) -> Select[OutboxRow]:
        return select(OutboxRow).where(
            OutboxRow.webhook_id == self._webhook_id, OutboxRow.owner == self._owner
        )

    async def _check_webhook(self) -> None:
        query = select(WebhookRow.id).where(
            WebhookRow.id == self._webhook_id, WebhookRow.owner == self._owner
        )
        if await self._session.scalar(query) is None:
            raise NotFound("there is no such webhook", code="webhook_not_found")

    async def _row(self, delivery_id: str, *, is_locked: bool = False) -> OutboxRow:
        await self._check_webhook()
        query = self._query().where(OutboxRow.id == delivery_id)
        if is_locked:
            query = query.with_for_update().execution_options(populate_existing=True)
        row = await self._session.scalar(query)
        if row is None:
            raise NotFound("there is no such delivery", code="delivery_not_found")
        return row


def _view(row: OutboxRow) -> Delivery:
    is_open = row.sent_at is None and row.given_up_at is None
    state = DeliveryState.DELIVERED if row.sent_at is not None else DeliveryState.GIVEN_UP
    return Delivery(
        delivery_id=row.id,
        webhook_id=row.webhook_id or "",
        event=row.event,
        state=DeliveryState.WAITING if is_open else state,
        created_at=row.created_at,
        replayed_at=row.replayed_at,
        attempts=row.attempts,
        # "At once" is kept as a time long past, which would only puzzle a reader.
        due_at=max(row.due_at, row.replayed_at or row.created_at).astimezone(UTC)
        if is_open
        else None,
        sent_at=row.sent_at,
        given_up_at=row.given_up_at,
        last_error=row.last_error,
        body=row.body,
    )
