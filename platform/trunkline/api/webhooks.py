"""Routes: where events are posted."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field, StrictBool

from trunkline.api.deps import ApiDeps, Deps, needs
from trunkline.api.errors import problems
from trunkline.api.principal import Principal
from trunkline.api.schemas import Id
from trunkline.jobs.relay import signing_key
from trunkline.storage.audit import Audit
from trunkline.storage.secret import installation_secret
from trunkline.storage.views import WebhookView
from trunkline.storage.webhooks import EVENTS, WebhookRepository

router = APIRouter(prefix="/api/v1/webhooks", tags=["webhooks"], responses=problems())

Admin = Annotated[Principal, Depends(needs("admin"))]


class NewWebhook(BaseModel):
    model_config = ConfigDict(extra="forbid")

    url: str = Field(
        pattern=r"^https?://[^/\s]", max_length=2000, examples=["https://example.org/trunkline"]
    )
    events: list[Annotated[str, Field(json_schema_extra={"enum": list(EVENTS)})]] = Field(
        min_length=1, max_length=10, examples=[["call.ended"]]
    )
    decision_links: StrictBool = Field(
        default=False,
        description="With approval.requested, send links by which the people who are asked decide"
        " without logging in: only to a receiver that hands each to nobody else.",
    )


class WebhookOut(BaseModel):
    """``signing_secret`` is what deliveries are signed with (Standard Webhooks, ``v1``)."""

    webhook_id: str
    url: str
    events: tuple[str, ...]
    decision_links: bool
    created_at: datetime
    signing_secret: str


@router.get("")
async def list_webhooks(deps: Deps, admin: Admin) -> list[WebhookOut]:
    async with deps.sessions.reading() as session:
        found = await WebhookRepository(session).list(owner=admin.owner)
    return [_out(deps, webhook) for webhook in found]


@router.post("", status_code=201, responses=problems(400))
async def create_webhook(wanted: NewWebhook, deps: Deps, admin: Admin) -> WebhookOut:
    """Events are posted at least once; ``webhook-id`` is the same for every try of one."""
    now = deps.clock.now()
    async with deps.sessions.writing(durable=True) as session:
        made = await WebhookRepository(session).add(
            wanted.url,
            wanted.events,
            now,
            has_links=wanted.decision_links,
            owner=admin.owner,
        )
        await Audit(session, owner=admin.owner).append(
            admin.name, "webhook.created", made.webhook_id, now
        )
    return _out(deps, made)


@router.delete("/{webhook_id}", status_code=204, responses=problems(404))
async def remove_webhook(webhook_id: Id, deps: Deps, admin: Admin) -> None:
    """What still waits to be delivered to it goes too."""
    now = deps.clock.now()
    async with deps.sessions.writing(durable=True) as session:
        await WebhookRepository(session).remove(webhook_id, owner=admin.owner)
        await Audit(session, owner=admin.owner).append(
            admin.name, "webhook.removed", webhook_id, now
        )


def _out(deps: ApiDeps, webhook: WebhookView) -> WebhookOut:
    return WebhookOut(
        webhook_id=webhook.webhook_id,
        url=webhook.url,
        events=webhook.events,
        decision_links=webhook.has_links,
        created_at=webhook.created_at,
        signing_secret=signing_key(installation_secret(deps.data_dir), webhook.webhook_id),
    )
