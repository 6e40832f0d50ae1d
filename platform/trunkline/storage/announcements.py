"""What webhooks are told of calls: rows in the outbox, in the transaction of the event itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

import orjson
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from trunkline.domain.events import CallbackRequested, Json
from trunkline.storage.outbox import Outbox
from trunkline.storage.placement_rows import AttemptRow, PlacementRow
from trunkline.storage.rows import CallRow
from trunkline.storage.upsert import digest_id
from trunkline.storage.webhooks import WebhookRepository


@dataclass(frozen=True, slots=True)
class Added:
    """A delivery that waits; ``has_links``: its receiver is sent links that decide."""

    delivery_id: str
    has_links: bool


async def announce_call_started(session: AsyncSession, call_id: str, at: datetime) -> None:
    await _announce(session, "call.started", call_id, at)


async def announce_call_ended(session: AsyncSession, call_id: str, at: datetime) -> None:
    """Tell of the end once: a later, truer cause does not announce the call again."""
    await _announce(session, "call.ended", call_id, at)


async def announce_callback(
    session: AsyncSession, callback_id: str, wish: CallbackRequested
) -> None:
    """Somebody who waited in a queue wants to be called."""
    said = {
        "callback_id": callback_id,
        "queue": wish.queue,
        "number": wish.number,
        "position": wish.position,
        "waited_ms": wish.waited_ms,
    }
    await _announce(session, "callback.requested", wish.call_id, wish.at, said)


async def announce_tool_finished(
    session: AsyncSession, call_id: str, run: Mapping[str, Json], at: datetime
) -> None:
    """A tool in the background came back too late for its call."""
    await _announce(session, "tool.finished", call_id, at, run)


async def announce_approval(
    session: AsyncSession, event: str, call_id: str, said: Mapping[str, Json], at: datetime
) -> list[Added]:
    """``approval.requested`` (again when it is escalated or edited), ``approval.decided`` and its
    end."""
    return await _announce(session, event, call_id, at, said)


async def announce_escalation(
    session: AsyncSession, call_id: str, said: Mapping[str, Json], at: datetime
) -> None:
    """A call needs a person; told once."""
    await _announce(session, "escalation.raised", call_id, at, said)


async def _announce(
    session: AsyncSession,
    event: str,
    call_id: str,
    at: datetime,
    more: Mapping[str, Json] = MappingProxyType({}),
) -> list[Added]:
    call = await session.get(CallRow, call_id, populate_existing=True)
    if call is None:
        return []
    document = {**_call_document(call), **await _placed(session, call_id), **more}
    outbox, added = Outbox(session), []
    for webhook in await WebhookRepository(session).subscribed(event, owner=call.owner):
        ids = ("callback_id", "run_id", "approval_id", "escalation_id")
        subject = next((more[name] for name in ids if more.get(name)), "")
        delivery_id = digest_id(
            "evt", webhook.webhook_id, event, subject or call_id, *_times(more.get("revision"))
        )
        body = {
            "id": delivery_id,
            "type": event,
            "created_at": at.isoformat(),
            "data": document,
        }
        is_new = await outbox.add(
            delivery_id,
            webhook_id=webhook.webhook_id,
            event=event,
            body=orjson.dumps(body).decode(),
            now=at,
            owner=call.owner,
        )
        if is_new:
            added.append(Added(delivery_id, webhook.has_links))
    return added


def _times(revision: Json) -> tuple[Json, ...]:
    """An approval is told of more than once, each time at another revision."""
    return () if revision is None else (revision,)


async def _placed(session: AsyncSession, call_id: str) -> dict[str, Json]:
    """What the orderer of a call wants to be told with it, and which order it belongs to."""
    query = (
        select(PlacementRow.id, PlacementRow.details)
        .join(AttemptRow, AttemptRow.placement_id == PlacementRow.id)
        .where(AttemptRow.call_id == call_id)
    )
    row = (await session.execute(query)).one_or_none()
    return {} if row is None else {"placement_id": row.id, "metadata": row.details}


def _call_document(call: CallRow) -> dict[str, Json]:
    return {
        "call_id": call.id,
        "state": call.state,
        "direction": call.direction,
        "trunk": call.trunk,
        "caller_number": call.caller_number,
        "called_number": call.called_number,
        "agent": call.agent,
        "started_at": call.started_at,
        "answered_at": call.answered_at,
        "ended_at": call.ended_at,
        "duration_ms": call.duration_ms,
        "end_cause": call.end_cause,
    }
