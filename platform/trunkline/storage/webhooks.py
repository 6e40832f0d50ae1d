"""WebhookRepository: where events are posted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from trunkline.domain.errors import Invalid, NotFound
from trunkline.domain.ids import mint
from trunkline.storage.rows import WebhookRow
from trunkline.storage.views import HOUSE, WebhookView

EVENTS: Final = (
    "call.started",
    "call.ended",
    "placement.ended",
    "callback.requested",
    "tool.finished",
    "approval.requested",
    "approval.decided",
    "escalation.raised",
)


class WebhookRepository:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(
        self,
        url: str,
        events: Sequence[str],
        now: datetime,
        *,
        has_links: bool = False,
        owner: str = HOUSE,
    ) -> WebhookView:
        """Invalid when the URL is not http(s) with a host, or an event is unknown.

        ``has_links``: with ``approval.requested`` it is sent links that decide.
        """
        try:
            parts = urlsplit(url)
        except ValueError:
            parts = urlsplit("")
        if parts.scheme not in ("http", "https") or not parts.hostname or len(url) > 2000:
            raise Invalid("url must be an http or https address", param="url")
        unknown = [name for name in events if name not in EVENTS]
        if unknown or not events:
            raise Invalid(f"events must be some of {', '.join(EVENTS)}", param="events")
        row = WebhookRow(
            id=mint("wh"),
            url=url,
            events=sorted(set(events)),
            created_at=now,
            has_links=has_links,
            owner=owner,
        )
        self._session.add(row)
        await self._session.flush()
        return _view(row)

    async def list(self, *, owner: str = HOUSE) -> tuple[WebhookView, ...]:
        query = select(WebhookRow).where(WebhookRow.owner == owner).order_by(WebhookRow.created_at)
        return tuple(_view(row) for row in await self._session.scalars(query))

    async def subscribed(self, event: str, *, owner: str = HOUSE) -> tuple[WebhookView, ...]:
        return tuple(hook for hook in await self.list(owner=owner) if event in hook.events)

    async def remove(self, webhook_id: str, *, owner: str = HOUSE) -> None:
        """What waits for it goes too. NotFound when there is none."""
        done: Any = await self._session.execute(
            delete(WebhookRow).where(WebhookRow.id == webhook_id, WebhookRow.owner == owner)
        )
        if not done.rowcount:
            raise NotFound("there is no such webhook", code="webhook_not_found")


def _view(row: WebhookRow) -> WebhookView:
    return WebhookView(
        webhook_id=row.id,
        url=row.url,
        events=tuple(row.events),
        created_at=row.created_at,
        owner=row.owner,
        has_links=row.has_links,
    )
