"""The audit chain: each link's hash covers the link before it, so that no link goes unseen."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime

import orjson
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from trunkline.domain.events import Json
from trunkline.storage.engine import hold
from trunkline.storage.rows import AuditRow
from trunkline.storage.upsert import clean_json, clean_text
from trunkline.storage.views import HOUSE, AuditView

_ORIGIN = "0" * 64


class Audit:
    """The chain of one owner, inside one session; appending needs a writing one."""

    def __init__(self, session: AsyncSession, *, owner: str = HOUSE) -> None:
        self._session = session
        self._owner = owner

    async def append(
        self,
        actor: str,
        action: str,
        subject: str,
        now: datetime,
        details: Mapping[str, Json] | None = None,
    ) -> AuditView:
        """Add a link; other appenders to the same chain wait for this transaction."""
        await hold(self._session, f"trunkline.audit.{self._owner}")
        last = await self._session.scalar(
            select(AuditRow)
            .where(AuditRow.owner == self._owner)
            .order_by(AuditRow.seq.desc())
            .limit(1)
        )
        row = AuditRow(
            owner=self._owner,
            seq=1 if last is None else last.seq + 1,
            at=now,
            actor=clean_text(actor),
            action=action,
            subject=clean_text(subject),
            details=orjson.dumps(clean_json(details or {}), option=orjson.OPT_SORT_KEYS).decode(),
            hash="",
        )
        row.hash = link_hash(row, _ORIGIN if last is None else last.hash)
        self._session.add(row)
        await self._session.flush()
        return _view(row)

    async def latest(self, limit: int = 100) -> tuple[AuditView, ...]:
        """Newest first."""
        query = (
            select(AuditRow)
            .where(AuditRow.owner == self._owner)
            .order_by(AuditRow.seq.desc())
            .limit(limit)
        )
        return tuple(_view(row) for row in await self._session.scalars(query))

    async def first_broken(self) -> int | None:
        """The number of the first link that is missing or was changed; None when all hold.

        A chain cut at its end looks whole: keep ``latest(1)`` somewhere else to see that.
        """
        previous, expected = _ORIGIN, 1
        query = select(AuditRow).where(AuditRow.owner == self._owner).order_by(AuditRow.seq)
        async for row in await self._session.stream_scalars(query.execution_options(yield_per=500)):
            if row.seq != expected or row.hash != link_hash(row, previous):
                return expected
            previous, expected = row.hash, expected + 1
        return None


def link_hash(row: AuditRow, previous: str) -> str:
    """SHA-256 over the link before and every field of this one."""
    fields = [
        previous,
        row.owner,
        row.seq,
        row.at.astimezone(UTC).isoformat(timespec="microseconds"),
        row.actor,
        row.action,
        row.subject,
        row.details,
    ]
    return hashlib.sha256(orjson.dumps(fields)).hexdigest()


def _view(row: AuditRow) -> AuditView:
    return AuditView(
        seq=row.seq,
        at=row.at,
        actor=row.actor,
        action=row.action,
        subject=row.subject,
        details=orjson.loads(row.details),
        hash=row.hash,
    )
