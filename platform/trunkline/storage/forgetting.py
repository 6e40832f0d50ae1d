"""What is old enough to be forgotten: whole calls, orders of calls, and what was delivered.

A call goes with all that hangs on it (turns, words, tools, approvals, escalations); its links in
the audit chain stay, which name people who decided and hashes, never what a caller said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from trunkline.storage.rows import (
    ApprovalRow,
    BackgroundRunRow,
    CallbackRow,
    CallRow,
    DecisionLinkRow,
    EscalationRow,
    OutboxRow,
    PlacementRow,
    RecordingRow,
)


@dataclass(frozen=True, slots=True)
class OldCall:
    """``recording``: relative to the data directory; None where there is no file any more."""

    call_id: str
    recording: str | None


async def old_calls(
    session: AsyncSession, before: datetime, limit: int, *, after: str = ""
) -> tuple[OldCall, ...]:
    """Ended before then and with nothing left that somebody must see to; by id, from ``after`` on.

    An approval of which nobody knows what became, an escalation that is not resolved, a callback
    that is not done or a tool that still runs keeps its call.
    """
    query = (
        select(CallRow.id, RecordingRow.path, RecordingRow.removed_at)
        .outerjoin(RecordingRow, RecordingRow.call_id == CallRow.id)
        .where(
            CallRow.id > after,
            CallRow.state == "ended",
            func.coalesce(CallRow.ended_at, CallRow.state_at) < before,
            ~_has(
                ApprovalRow.call_id,
                or_(ApprovalRow.next_due_at.is_not(None), ApprovalRow.state == "unknown"),
            ),
            ~_has(EscalationRow.call_id, EscalationRow.state.in_(("raised", "acknowledged"))),
            ~_has(CallbackRow.call_id, CallbackRow.done_at.is_(None)),
            ~_has(BackgroundRunRow.call_id, BackgroundRunRow.ended_at.is_(None)),
        )
        .order_by(CallRow.id)
        .limit(limit)
    )
    return tuple(
        OldCall(call_id, path if removed_at is None else None)
        for call_id, path, removed_at in await session.execute(query)
    )


def _has(call_id: InstrumentedAttribute[str], condition: ColumnElement[bool]) -> Any:
    return exists().where(call_id == CallRow.id, condition)


async def forget_calls(session: AsyncSession, call_ids: Sequence[str]) -> int:
    """How many rows of calls went; what hangs on them goes by the database's own cascade."""
    return await _count(session, delete(CallRow).where(CallRow.id.in_(call_ids)))


async def forget_orders(session: AsyncSession, before: datetime, limit: int) -> int:
    """Orders of calls that ended before then, with their attempts."""
    old = (
        select(PlacementRow.id)
        .where(PlacementRow.state == "ended", PlacementRow.ended_at < before)
        .limit(limit)
    )
    return await _count(session, delete(PlacementRow).where(PlacementRow.id.in_(old)))


async def forget_deliveries(session: AsyncSession, before: datetime, limit: int) -> int:
    """What was sent or given up before then; what is still to be sent stays however old it is."""
    old = (
        select(OutboxRow.id)
        .where(func.coalesce(OutboxRow.sent_at, OutboxRow.given_up_at) < before)
        .limit(limit)
    )
    return await _count(session, delete(OutboxRow).where(OutboxRow.id.in_(old)))


async def forget_links(session: AsyncSession, before: datetime, limit: int) -> int:
    """Links that decide and ended before then: whoever uses one is told that it is not known."""
    old = select(DecisionLinkRow.id).where(DecisionLinkRow.expires_at < before).limit(limit)
    return await _count(session, delete(DecisionLinkRow).where(DecisionLinkRow.id.in_(old)))


async def _count(session: AsyncSession, statement: Any) -> int:
    result: Any = await session.execute(statement.execution_options(synchronize_session=False))
    return int(result.rowcount)
