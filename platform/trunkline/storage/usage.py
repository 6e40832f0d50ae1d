"""Usage of the model server: stored as its records come, summed as it is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from trunkline.realtime.model_table import cost_of, prices_for
from trunkline.realtime.usage import UsageRecord
from trunkline.runtime.model_settings import PriceSettings
from trunkline.storage.upsert import clean_text, upsert
from trunkline.storage.usage_rows import UsageRow
from trunkline.storage.views import HOUSE

GroupBy: TypeAlias = Literal["model", "key_id", "kind", "engine"]
_SUMS: Final = (
    "responses", "text_in", "audio_in", "cached_text_in", "cached_audio_in", "text_out",
    "audio_out", "transcribed_ms", "cost",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class UsageSum:
    """``group`` is the model, key, kind or engine that was asked for."""

    group: str
    currency: str
    sessions: int
    responses: int
    text_in: int
    audio_in: int
    cached_text_in: int
    cached_audio_in: int
    text_out: int
    audio_out: int
    transcribed_ms: int
    cost: float


class UsageRepository:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def store(
        self,
        record: UsageRecord,
        prices: Mapping[str, PriceSettings],
        currency: str,
        *,
        owner: str = HOUSE,
    ) -> None:
        """Replaces an older record of the session; an older one changes nothing."""
        values: dict[str, Any] = {
            "id": clean_text(record.session_id),
            "owner": owner,
            "seq": record.seq,
            "kind": record.kind,
            "key_id": clean_text(record.key_id),
            "model": clean_text(record.model),
            "engine": clean_text(record.engine),
            "began_at": record.began_at,
            "at": record.at,
            "is_over": record.is_over,
            "responses": record.responses,
            **asdict(record.tokens),
            "cost": cost_of(record.tokens, prices_for(record.model, prices)),
            "currency": currency,
        }
        await upsert(
            self._session,
            UsageRow,
            values,
            key=["id"],
            keep=["owner", "began_at"],
            only_if=UsageRow.seq < record.seq,
        )

    async def sums(
        self, since: datetime, to: datetime, *, group_by: GroupBy = "model", owner: str = HOUSE
    ) -> Sequence[UsageSum]:
        """Sessions that began in [since, to), summed; the dearest first."""
        group = getattr(UsageRow, group_by)
        cost = func.sum(UsageRow.cost)
        query = (
            select(
                group,
                UsageRow.currency,
                func.count(),
                *(func.sum(getattr(UsageRow, name)) for name in _SUMS),
            )
            .where(UsageRow.owner == owner, UsageRow.began_at >= since, UsageRow.began_at < to)
            .group_by(group, UsageRow.currency)
            .order_by(cost.desc(), group)
        )
        found = await self._session.execute(query)
        return tuple(_sum(row) for row in found)


def _sum(row: Any) -> UsageSum:
    """PostgreSQL sums bigints to numerics."""
    group, currency, sessions, *counts, cost = row
    named = dict(zip(_SUMS[:-1], (int(count) for count in counts), strict=True))
    return UsageSum(
        group=group, currency=currency, sessions=int(sessions), cost=float(cost), **named
    )
