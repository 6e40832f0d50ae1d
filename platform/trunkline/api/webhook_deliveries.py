"""Routes: what was posted to a webhook, and posting it again."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import orjson
from fastapi import APIRouter, Depends, Query
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue

from trunkline.api.deps import Deps, needs
from trunkline.api.errors import problems
from trunkline.api.principal import Principal
from trunkline.api.schemas import Id
from trunkline.storage.audit import Audit
from trunkline.storage.deliveries import MAX_LISTED, Deliveries, Delivery, DeliveryState
from trunkline.storage.webhooks import EVENTS

router = APIRouter(
    prefix="/api/v1/webhooks/{webhook_id}/deliveries",
    tags=["webhooks"],
    responses=problems(404),
)

Admin = Annotated[Principal, Depends(needs("admin"))]


def _known(name: str) -> str:
    if name and name not in EVENTS:
        raise ValueError(f"events are {', '.join(EVENTS)}")
    return name


EventName = Annotated[
    str,
    Query(max_length=100, json_schema_extra={"enum": ["", *EVENTS]}),
    AfterValidator(_known),
]


class DeliveryOut(BaseModel):
    """``delivery_id`` is what the receiver saw as ``webhook-id``; the same at every try.

    ``due_at``: when it is tried next; null once it was delivered or given up.
    """

    model_config = ConfigDict(from_attributes=True)

    delivery_id: str
    webhook_id: str
    event: str
    state: DeliveryState
    created_at: datetime
    replayed_at: datetime | None
    attempts: int
    due_at: datetime | None
    sent_at: datetime | None
    given_up_at: datetime | None
    last_error: str = Field(description="Why the last try failed; empty when it did not.")


class DeliveryDetail(DeliveryOut):
    """``body`` as it is kept: decision links are added to it only as it is sent."""

    body: JsonValue

    @classmethod
    def shown(cls, delivery: Delivery) -> DeliveryDetail:
        head = DeliveryOut.model_validate(delivery).model_dump()
        return cls(**head, body=orjson.loads(delivery.body))


@router.get("")
async def list_deliveries(
    webhook_id: Id,
    deps: Deps,
    admin: Admin,
    state: DeliveryState | None = None,
    event: EventName = "",
    limit: Annotated[int, Query(ge=1, le=MAX_LISTED)] = 50,
) -> list[DeliveryOut]:
    """The newest first."""
    async with deps.sessions.reading() as session:
        found = await Deliveries(session, webhook_id, owner=admin.owner).list(
            state=state, event=event, limit=limit
        )
    return [DeliveryOut.model_validate(one) for one in found]


@router.get("/{delivery_id}")
async def get_delivery(webhook_id: Id, delivery_id: Id, deps: Deps, admin: Admin) -> DeliveryDetail:
    async with deps.sessions.reading() as session:
        found = await Deliveries(session, webhook_id, owner=admin.owner).get(delivery_id)
    return DeliveryDetail.shown(found)


@router.post("/{delivery_id}/replay", status_code=202, responses=problems(409))
async def replay_delivery(webhook_id: Id, delivery_id: Id, deps: Deps, admin: Admin) -> DeliveryOut:
    """Post it again within seconds, whatever became of it: the same body and the same
    ``webhook-id``, signed anew, retried for a day like any other."""
    now = deps.clock.now()
    async with deps.sessions.writing(durable=True) as session:
        replayed = await Deliveries(session, webhook_id, owner=admin.owner).replay(delivery_id, now)
        await Audit(session, owner=admin.owner).append(
            admin.name, "webhook.replayed", webhook_id, now, {"delivery": delivery_id}
        )
    return DeliveryOut.model_validate(replayed)
