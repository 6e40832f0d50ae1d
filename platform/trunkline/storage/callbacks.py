"""CallbackRepository: who wants to be called, and who has been."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from trunkline.domain.errors import NotFound
from trunkline.domain.events import CallbackRequested
from trunkline.storage.announcements import announce_callback
from trunkline.storage.callback_rows import CallbackRow
from trunkline.storage.upsert import clean_text, digest_id, insert_new
from trunkline.storage.views import HOUSE


@dataclass(frozen=True, slots=True)
class CallbackView:
    """``number`` is empty when the caller withheld it; ``done_at`` None: still to be called."""

    callback_id: str
    call_id: str
    at: datetime
    queue: str
    number: str
    position: int
    waited_ms: int
    done_at: datetime | None
    done_by: str


class CallbackRepository:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def note(self, fact: CallbackRequested) -> None:
        """A wish and its announcement; noting it again changes nothing."""
        callback_id = digest_id("cb", fact.call_id, fact.queue, fact.at.isoformat())
        values = {
            "id": callback_id,
            "call_id": fact.call_id,
            "at": fact.at,
            "at_ms": fact.at_ms,
            "queue": clean_text(fact.queue),
            "number": clean_text(fact.number),
            "position": fact.position,
            "waited_ms": fact.waited_ms,
            "done_by": "",
        }
        await insert_new(self._session, CallbackRow, values, key=["id"])
        await announce_callback(self._session, callback_id, fact)

    async def list(
        self, *, queue: str = "", is_open: bool = False, limit: int = 50, owner: str = HOUSE
    ) -> tuple[CallbackView, ...]:
        """Those who have waited longest come first."""
        query = select(CallbackRow).where(CallbackRow.owner == owner)
        if queue:
            query = query.where(CallbackRow.queue == clean_text(queue))
        if is_open:
            query = query.where(CallbackRow.done_at.is_(None))
        query = query.order_by(CallbackRow.at, CallbackRow.id).limit(limit)
        return tuple(_view(row) for row in await self._session.scalars(query))

    async def done(
        self, callback_id: str, by: str, now: datetime, *, owner: str = HOUSE
    ) -> CallbackView:
        """They have been called; the first to say so is kept. NotFound when there is no wish."""
        where = (CallbackRow.id == callback_id, CallbackRow.owner == owner)
        await self._session.execute(
            update(CallbackRow)
            .where(*where, CallbackRow.done_at.is_(None))
            .values(done_at=now, done_by=by)
        )
        found: Any = await self._session.scalar(
            select(CallbackRow).where(*where).execution_options(populate_existing=True)
        )
        if found is None:
            raise NotFound("there is no such callback", code="callback_not_found")
        return _view(found)


def _view(row: CallbackRow) -> CallbackView:
    return CallbackView(
        callback_id=row.id,
        call_id=row.call_id,
        at=row.at,
        queue=row.queue,
        number=row.number,
        position=row.position,
        waited_ms=row.waited_ms,
        done_at=row.done_at,
        done_by=row.done_by,
    )
