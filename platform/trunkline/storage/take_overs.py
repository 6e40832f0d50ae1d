"""TakeOvers: who takes which call over, and how they fare."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from trunkline.domain.errors import Conflict
from trunkline.domain.events import TakeOverChanged
from trunkline.domain.ids import CallId, mint
from trunkline.domain.take_over import CLOSED, TakeOverCause, TakeOverStage, may_follow
from trunkline.storage.audit import Audit
from trunkline.storage.escalation_rows import TakeOverRow
from trunkline.storage.upsert import clean_text
from trunkline.storage.views import HOUSE

UNHEARD_AFTER: Final = timedelta(seconds=35)
"""A wish of which the edge has said nothing for so long never came to it."""


@dataclass(frozen=True, slots=True)
class TakeOverView:
    take_over_id: str
    call_id: CallId
    by: str
    stage: TakeOverStage
    cause: str
    asked_at: datetime
    joined_at: datetime | None
    closed_at: datetime | None

    def is_open(self, now: datetime) -> bool:
        is_unheard = self.stage is TakeOverStage.ASKED and now - self.asked_at > UNHEARD_AFTER
        return self.stage not in CLOSED and not is_unheard


class TakeOvers:
    """The rows of one transaction; changing anything needs a writing one."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def ask(
        self, call_id: str, target: str, by: str, now: datetime, *, owner: str = HOUSE
    ) -> TakeOverView:
        """Noted and audited, before the edge is told. Conflict while another is under way."""
        for other in await self.of_call(call_id, owner=owner):
            if other.is_open(now):
                raise Conflict(f"{other.by} is taking the call over", code="take_over_under_way")
        row = TakeOverRow(
            id=mint("take"),
            owner=owner,
            call_id=call_id,
            by=clean_text(by),
            target=clean_text(target),
            stage=TakeOverStage.ASKED.value,
            cause="",
            asked_at=now,
        )
        self._session.add(row)
        await self._session.flush()
        await self._audit(row, now)
        return _view(row)

    async def of_call(self, call_id: str, *, owner: str = HOUSE) -> tuple[TakeOverView, ...]:
        """The newest first."""
        query = (
            select(TakeOverRow)
            .where(TakeOverRow.call_id == call_id, TakeOverRow.owner == owner)
            .order_by(TakeOverRow.asked_at.desc(), TakeOverRow.id)
        )
        return tuple(_view(row) for row in await self._session.scalars(query))

    async def note(self, fact: TakeOverChanged) -> None:
        """What the edge tells; it only moves forward."""
        row = await self._session.get(TakeOverRow, fact.take_over_id, populate_existing=True)
        if row is not None and row.call_id == fact.call_id:
            await self._move(row, TakeOverStage(fact.stage), fact.cause, fact.at)

    async def failed(self, take_over_id: str, cause: TakeOverCause, now: datetime) -> None:
        """No edge could be told of it."""
        row = await self._session.get(TakeOverRow, take_over_id, populate_existing=True)
        if row is not None:
            await self._move(row, TakeOverStage.FAILED, cause.value, now)

    async def call_ended(self, call_id: str, now: datetime) -> None:
        closed = [stage.value for stage in CLOSED]
        query = select(TakeOverRow).where(
            TakeOverRow.call_id == call_id, TakeOverRow.stage.not_in(closed)
        )
        for row in list(await self._session.scalars(query)):
            await self._move(row, TakeOverStage.ENDED, "", now)

    async def _move(self, row: TakeOverRow, stage: TakeOverStage, cause: str, at: datetime) -> None:
        if not may_follow(TakeOverStage(row.stage), stage):
            return
        row.stage, row.cause = stage.value, clean_text(cause)
        if stage is TakeOverStage.JOINED:
            row.joined_at = at
        if stage in CLOSED:
            row.closed_at = at
        await self._session.flush()
        await self._audit(row, at)

    async def _audit(self, row: TakeOverRow, at: datetime) -> None:
        """Nobody's number is in the chain, which is never erased."""
        details = {"call_id": row.call_id, "stage": row.stage, "cause": row.cause}
        await Audit(self._session, owner=row.owner).append(
            row.by, f"take_over.{row.stage}", row.id, at, details
        )


def _view(row: TakeOverRow) -> TakeOverView:
    return TakeOverView(
        take_over_id=row.id,
        call_id=CallId(row.call_id),
        by=row.by,
        stage=TakeOverStage(row.stage),
        cause=row.cause,
        asked_at=row.asked_at,
        joined_at=row.joined_at,
        closed_at=row.closed_at,
    )
