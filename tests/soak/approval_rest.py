"""Whether a storm has come to rest."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from sqlalchemy import func, select, update
from sqlalchemy.exc import SQLAlchemyError

from trunkline.domain.approval import OPEN, UNDER_WAY
from trunkline.domain.call import CallState
from trunkline.storage.approval_rows import ApprovalRow
from trunkline.storage.background_rows import BackgroundRunRow
from trunkline.storage.engine import Sessions
from trunkline.storage.rows import CallRow, OutboxRow

_LONG_AGO: Final = datetime(1970, 1, 2, tzinfo=UTC)


async def restlessness(sessions: Sessions) -> dict[str, int]:
    """What is still open, under way or unsent; empty when all is at rest."""
    waiting = [state.value for state in OPEN | UNDER_WAY]
    counts = {
        "approvals": select(func.count()).select_from(ApprovalRow)
        .where(ApprovalRow.state.in_(waiting)),
        "runs": select(func.count()).select_from(BackgroundRunRow)
        .where(BackgroundRunRow.ended_at.is_(None)),
        "webhooks": select(func.count()).select_from(OutboxRow)
        .where(OutboxRow.sent_at.is_(None), OutboxRow.given_up_at.is_(None)),
        "calls": select(func.count()).select_from(CallRow)
        .where(CallRow.state != CallState.ENDED.value),
    }  # fmt: skip
    try:
        async with sessions.reading() as session:
            found = {name: int(await session.scalar(q) or 0) for name, q in counts.items()}
    except (SQLAlchemyError, OSError):
        return {"databases": 1}
    return {name: count for name, count in found.items() if count}


async def end_leases(sessions: Sessions) -> None:
    """What dead workers hold comes back at once, and what waits for another try is due: a slice
    of a storm has no minutes to wait. Nothing else may hold a lease now."""
    async with sessions.writing() as session:
        for row in (BackgroundRunRow, OutboxRow):
            held = update(row).where(row.leased_until.is_not(None)).values(leased_until=_LONG_AGO)
            await session.execute(held)
            await session.execute(update(row).values(due_at=_LONG_AGO))
