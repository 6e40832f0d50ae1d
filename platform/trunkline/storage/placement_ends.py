"""How ordered calls end: attempts settled by the end of their call, orders ended or tried again."""

from __future__ import annotations

from datetime import datetime, timedelta

import orjson
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from trunkline.domain.call import EndCause
from trunkline.domain.placement import PlacementOutcome
from trunkline.domain.tariff import Billing, Price
from trunkline.storage.outbox import Outbox
from trunkline.storage.placement_rows import AttemptRow, PlacementRow
from trunkline.storage.placements_from_rows import retry_policy
from trunkline.storage.rows import CallRow
from trunkline.storage.upsert import digest_id
from trunkline.storage.webhooks import WebhookRepository


async def settle_attempt(session: AsyncSession, call: CallRow) -> None:
    """The call has ended: what it cost is known, and so is whether it is tried again.

    For any call; one that nobody ordered changes nothing. A truer end (after ``edge_lost``)
    corrects the attempt, and never dials again what has been decided already.
    """
    attempt = await session.get(AttemptRow, call.id, populate_existing=True, with_for_update=True)
    if attempt is None or call.ended_at is None or call.end_cause is None:
        return
    was_settled = attempt.ended_at is not None
    price = Price(attempt.per_minute, Billing(attempt.first_s, attempt.then_s))
    talked_ms = call.duration_ms or 0 if call.answered_at is not None else 0
    attempt.cost, attempt.granted = price.cost(talked_ms / 1000), 0
    attempt.ended_at, attempt.cause = call.ended_at, call.end_cause
    attempt.duration_ms = call.duration_ms
    await session.flush()
    if was_settled:
        return
    row = await session.scalar(
        select(PlacementRow)
        .where(PlacementRow.id == attempt.placement_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if row is not None and row.state == "calling":
        await _go_on(session, row, attempt, EndCause(call.end_cause), call)


async def _go_on(
    session: AsyncSession, row: PlacementRow, attempt: AttemptRow, cause: EndCause, call: CallRow
) -> None:
    assert call.ended_at is not None
    was_answered = call.answered_at is not None
    row.cause = cause.value
    is_cancelled = row.cancelled_at is not None or cause is EndCause.OPERATOR_HANGUP
    again_at = (
        None
        if is_cancelled
        else retry_policy(row.retry).next_try(
            attempt.number, cause, was_answered=was_answered, now=call.ended_at
        )
    )
    if again_at is not None:
        row.state, row.due_at = "queued", again_at
        row.expires_at = again_at + timedelta(seconds=row.valid_s)
        await session.flush()
        return
    if was_answered:
        outcome = PlacementOutcome.ANSWERED
    elif is_cancelled:
        outcome = PlacementOutcome.CANCELLED
    else:
        outcome = PlacementOutcome.UNANSWERED
    await end_placement(session, row, outcome, call.ended_at)


async def end_placement(
    session: AsyncSession, row: PlacementRow, outcome: PlacementOutcome, at: datetime
) -> None:
    """The order is over; webhooks are told once. What was for the flow alone is kept no longer."""
    row.state, row.outcome, row.ended_at = "ended", outcome.value, at
    row.variables = {}
    await session.flush()
    await _announce(session, row, at)


async def _announce(session: AsyncSession, row: PlacementRow, at: datetime) -> None:
    event = "placement.ended"
    outbox = Outbox(session)
    for webhook in await WebhookRepository(session).subscribed(event, owner=row.owner):
        delivery_id = digest_id("evt", webhook.webhook_id, event, row.id)
        body = {
            "id": delivery_id,
            "type": event,
            "created_at": at.isoformat(),
            "data": {
                "call_id": row.id,
                "to": row.target,
                "agent": row.agent,
                "outcome": row.outcome,
                "cause": row.cause,
                "reason": row.reason,
                "attempts": row.attempts,
                "created_at": row.created_at,
                "ended_at": row.ended_at,
                "metadata": row.details,
            },
        }
        await outbox.add(
            delivery_id,
            webhook_id=webhook.webhook_id,
            event=event,
            body=orjson.dumps(body).decode(),
            now=at,
            owner=row.owner,
        )
