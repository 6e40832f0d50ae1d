"""Routes: what a person is asked before it is done, and what they decide."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query

from trunkline.api.approval_schemas import (
    AskedApproval,
    AskedApprovalDetail,
    Editing,
    Escalating,
    Granting,
    Refusing,
    Settling,
)
from trunkline.api.deps import Asking, Deps, needs
from trunkline.api.errors import problems
from trunkline.api.principal import Principal
from trunkline.api.schemas import Id
from trunkline.calls.approval_desk import ApprovalDesk
from trunkline.domain.approval import ApprovalState, Person, Role
from trunkline.domain.errors import Forbidden
from trunkline.storage.approval_views import Parked

router = APIRouter(prefix="/api/v1/approvals", tags=["approvals"], responses=problems())

_VIA: Final = "api"
Reader = Annotated[Principal, Depends(needs("approvals:read"))]


async def get_person(principal: Asking) -> tuple[Person, str]:
    """The key as a person, and whose approvals it may decide. A key is one person, never two."""
    if principal.may("admin"):
        role = Role.ADMIN
    elif principal.may("approvals:manage"):
        role = Role.MANAGER
    elif principal.may("approvals:decide"):
        role = Role.SUPERVISOR
    else:
        raise Forbidden("this key lacks the scope approvals:decide", code="missing_scope")
    return Person(f"key:{principal.key_id}", role), principal.owner


Decider = Annotated[tuple[Person, str], Depends(get_person)]


def get_desk(deps: Deps) -> ApprovalDesk:
    return ApprovalDesk(deps.sessions, deps.wake_worker)


Desk = Annotated[ApprovalDesk, Depends(get_desk)]


@router.get("")
async def list_approvals(
    desk: Desk,
    reader: Reader,
    is_open: Annotated[bool, Query(alias="open")] = True,
    call_id: Annotated[str | None, Query(pattern=r"^[A-Za-z0-9_]{1,64}$")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 100,
) -> list[AskedApproval]:
    """Open ones, longest waiting first, and those whose outcome nobody knows: a person has to find
    out. ``open=false``: closed ones too, the last closed last."""
    inbox = await desk.inbox(is_open=is_open, call_id=call_id, owner=reader.owner, limit=limit)
    return [AskedApproval.of(parked, inbox.now) for parked in inbox.approvals]


@router.get("/{approval_id}", responses=problems(404))
async def get_approval(approval_id: Id, desk: Desk, reader: Reader) -> AskedApprovalDetail:
    """One approval with everything that was done to it."""
    return AskedApprovalDetail.shown(await desk.show(approval_id, owner=reader.owner))


@router.post("/{approval_id}/claim", responses=problems(404, 409))
async def claim_approval(approval_id: Id, desk: Desk, decider: Decider) -> AskedApprovalDetail:
    """Keep others from deciding while you look; again: for as long anew."""
    person, owner = decider
    return await _now(desk, await desk.claim(approval_id, person, via=_VIA, owner=owner))


@router.post("/{approval_id}/release", responses=problems(404, 409))
async def release_approval(approval_id: Id, desk: Desk, decider: Decider) -> AskedApprovalDetail:
    person, owner = decider
    return await _now(desk, await desk.release(approval_id, person, via=_VIA, owner=owner))


@router.post("/{approval_id}/grant", responses=problems(404, 409))
async def grant_approval(
    approval_id: Id, wanted: Granting, desk: Desk, decider: Decider
) -> AskedApprovalDetail:
    """Agree. It is done when as many people as the policy wants have agreed to the same hash."""
    person, owner = decider
    parked = await desk.grant(approval_id, person, wanted.seen_hash, via=_VIA, owner=owner)
    return await _now(desk, parked)


@router.post("/{approval_id}/refuse", responses=problems(404, 409))
async def refuse_approval(
    approval_id: Id, wanted: Refusing, desk: Desk, decider: Decider
) -> AskedApprovalDetail:
    person, owner = decider
    parked = await desk.refuse(
        approval_id, person, wanted.seen_hash, wanted.reason, via=_VIA, owner=owner
    )
    return await _now(desk, parked)


@router.post("/{approval_id}/edit", responses=problems(404, 409))
async def edit_approval(
    approval_id: Id, wanted: Editing, desk: Desk, decider: Decider
) -> AskedApprovalDetail:
    """Change what the policy lets be changed. Every grant before lapses."""
    person, owner = decider
    parked = await desk.edit(
        approval_id, person, wanted.seen_hash, wanted.arguments, via=_VIA, owner=owner
    )
    return await _now(desk, parked)


@router.post("/{approval_id}/escalate", responses=problems(404, 409))
async def escalate_approval(
    approval_id: Id, wanted: Escalating, desk: Desk, decider: Decider
) -> AskedApprovalDetail:
    """Hand it to the next level of its policy."""
    person, owner = decider
    parked = await desk.escalate(approval_id, person, wanted.reason, via=_VIA, owner=owner)
    return await _now(desk, parked)


@router.post("/{approval_id}/settle", responses=problems(404, 409))
async def settle_approval(
    approval_id: Id, wanted: Settling, desk: Desk, decider: Decider
) -> AskedApprovalDetail:
    """Say what became of one whose outcome was unknown."""
    person, owner = decider
    parked = await desk.settle(
        approval_id,
        person,
        ApprovalState(wanted.settled_as),
        wanted.reason,
        via=_VIA,
        owner=owner,
    )
    return await _now(desk, parked)


async def _now(desk: ApprovalDesk, parked: Parked) -> AskedApprovalDetail:
    return AskedApprovalDetail.shown(
        await desk.show(parked.approval.approval_id, owner=parked.owner)
    )
