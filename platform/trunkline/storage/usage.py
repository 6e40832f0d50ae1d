"""Usage of the model server: stored as its records come, summed as it is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias

from sqlalchemy import case, func, select
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


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageCounts:
    """What sessions used; ``cached_…`` is part of ``…_in``; ``cost`` in ``currency``."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageSum(UsageCounts):
    """``group`` is the model, key, kind or engine that was asked for."""

    group: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DayUsage(UsageCounts):
    """One key's use of one model on one day; days count from 0."""

    day: int
    key_id: str
    model: str


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
        query = (
            select(UsageRow.currency, *_summed(UsageRow), group)
            .where(UsageRow.owner == owner, UsageRow.began_at >= since, UsageRow.began_at < to)
            .group_by(group, UsageRow.currency)
            .order_by(func.sum(UsageRow.cost).desc(), group)
        )
        found = await self._session.execute(query)
        return tuple(UsageSum(group=row[-1], **_counts(row)) for row in found)

    async def by_day(
        self, midnights: Sequence[datetime], *, owner: str = HOUSE
    ) -> Sequence[DayUsage]:
        """Sessions by key, model and the day that they began on.

        ``midnights`` are where days begin, ascending, and the end of the last: whoever asks knows
        the time zone, and which of its days have 23 hours.
        """
        began = UsageRow.began_at
        ends = [(began < end, day) for day, end in enumerate(midnights[1:])]
        # In a query of its own: as a parameter, it would be another expression in each place.
        rows = (
            select(UsageRow, case(*ends).label("day"))
            .where(UsageRow.owner == owner, began >= midnights[0], began < midnights[-1])
            .subquery()
        )
        group = (rows.c.day, rows.c.key_id, rows.c.model)
        query = (
            select(rows.c.currency, *_summed(rows.c), *group)
            .group_by(*group, rows.c.currency)
            .order_by(*group)
        )
        found = await self._session.execute(query)
        return tuple(
            DayUsage(day=row[-3], key_id=row[-2], model=row[-1], **_counts(row)) for row in found
        )


def _summed(columns: Any) -> list[Any]:
    return [func.count(), *(func.sum(getattr(columns, name)) for name in _SUMS)]


def _counts(row: Any) -> dict[str, Any]:
    """The counts that ``_summed`` names; PostgreSQL sums bigints to numerics."""
    currency, sessions, *sums = row[: len(_SUMS) + 2]
    named = dict(zip(_SUMS, sums, strict=True))
    cost = float(named.pop("cost"))
    whole = {name: int(count) for name, count in named.items()}
    return {"currency": currency, "sessions": int(sessions), **whole, "cost": cost}
