"""Routes: deciding by a signed link, for programs that pass links on to people.

The token goes in the body, where no log of requests keeps it. It needs no key: it is one.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StrictBool

from trunkline.api.deps import Deps, needs
from trunkline.api.errors import problems
from trunkline.api.principal import Principal
from trunkline.calls.approval_desk import MAX_REASON_CHARS
from trunkline.calls.link_desk import LinkDesk
from trunkline.domain.approval import Approval, ApprovalState
from trunkline.domain.decision_link import MAX_CHARS, LinkDecision
from trunkline.storage.audit import Audit
from trunkline.storage.decision_links import DecisionLinks
from trunkline.storage.secret import installation_secret

_PROBLEMS = {status: one for status, one in problems(404, 409).items() if status != 401}
router = APIRouter(prefix="/api/v1/approval-links", tags=["approvals"])

Admin = Annotated[Principal, Depends(needs("admin"))]


class _Wanted(BaseModel):
    model_config = ConfigDict(extra="forbid")


class LinkToken(_Wanted):
    """``token``: as the webhook gave it, or the last part of the link."""

    token: str = Field(min_length=1, max_length=MAX_CHARS)


class LinkChoice(LinkToken):
    """``reason`` is needed to refuse, and is for the record."""

    decision: LinkDecision
    reason: str = Field(default="", max_length=MAX_REASON_CHARS)


class LinkedApproval(BaseModel):
    """What the link asks of whom. ``decisions``: what this person may decide by it now."""

    approval_id: str
    question: str
    tool: str
    arguments: dict[str, Any]
    arguments_hash: str
    amount: str | None
    is_verified: bool
    state: ApprovalState
    person_id: str
    decisions: list[LinkDecision]
    grants_given: int
    grants_needed: int
    sla_at: datetime
    expires_at: datetime
    now: datetime


class LinkDecided(BaseModel):
    """``grants_given`` of ``grants_needed``: with fewer, another person must agree too."""

    approval_id: str
    state: ApprovalState
    grants_given: int
    grants_needed: int


class KeyRotation(_Wanted):
    """``at_once``: what was signed before counts no more; else until its own end."""

    at_once: StrictBool = False


class KeyGeneration(BaseModel):
    generation: int


def get_link_desk(deps: Deps) -> LinkDesk:
    return LinkDesk(
        deps.sessions,
        lambda: installation_secret(deps.data_dir),
        deps.wake_worker,
        deps.clock,
        deps.link_limits,
    )


Links = Annotated[LinkDesk, Depends(get_link_desk)]


@router.post("/look", responses=_PROBLEMS)
async def look_at_link(
    wanted: LinkToken, request: Request, response: Response, links: Links
) -> LinkedApproval:
    """What is asked, exactly. Changes nothing; the link still counts."""
    _keep_nowhere(response)
    opened = await links.open(wanted.token, _address(request))
    parked, one = opened.shown.parked, opened.shown.parked.approval
    return LinkedApproval(
        approval_id=one.approval_id,
        question=parked.question,
        tool=one.tool,
        arguments=dict(one.arguments),
        arguments_hash=one.arguments_hash,
        amount=None if one.amount is None else str(one.amount),
        is_verified=parked.is_verified,
        state=one.state,
        person_id=opened.person.person_id,
        decisions=list(opened.decisions),
        grants_given=len(one.grants),
        grants_needed=one.grants_needed,
        sla_at=one.sla_at,
        expires_at=one.expires_at,
        now=opened.shown.now,
    )


@router.post("/decide", responses=_PROBLEMS)
async def decide_by_link(
    wanted: LinkChoice, request: Request, response: Response, links: Links
) -> LinkDecided:
    """Approve or refuse as whom the link was sent to, once."""
    _keep_nowhere(response)
    decided = await links.decide(wanted.token, wanted.decision, wanted.reason, _address(request))
    return _decided(decided.approval)


@router.post("/keys", status_code=201, responses=problems())
async def rotate_link_keys(wanted: KeyRotation, deps: Deps, admin: Admin) -> KeyGeneration:
    """Sign links with a new key from now on."""
    now = deps.clock.now()
    async with deps.sessions.writing(durable=True) as session:
        generation = await DecisionLinks(session).rotate(now, at_once=wanted.at_once)
        await Audit(session, owner=admin.owner).append(
            admin.name,
            "approval_link.key_rotated",
            str(generation),
            now,
            {"at_once": wanted.at_once},
        )
    return KeyGeneration(generation=generation)


def _decided(approval: Approval) -> LinkDecided:
    return LinkDecided(
        approval_id=approval.approval_id,
        state=approval.state,
        grants_given=len(approval.grants),
        grants_needed=approval.grants_needed,
    )


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


def _keep_nowhere(response: Response) -> None:
    response.headers["cache-control"] = "no-store"
    response.headers["referrer-policy"] = "no-referrer"
