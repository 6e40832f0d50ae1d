"""Routes: what a person is asked before it is done, and what they decide."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final

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


@dataclass(frozen=True, slots=True)
class Deciding:
    """Somebody about to do something to one approval."""

    desk: ApprovalDesk
    approval_id: str
    person: Person
    owner: str

    async def do(self, deed: Callable[..., Awaitable[Parked]], *said: Any) -> AskedApprovalDetail:
        """``deed``: a method of the desk, with what belongs to it; how it stands then."""
        await deed(self.approval_id, self.person, *said, via=_VIA, owner=self.owner)
        return AskedApprovalDetail.shown(await self.desk.show(self.approval_id, owner=self.owner))


def get_deciding(approval_id: Id, desk: Desk, decider: Decider) -> Deciding:
    return Deciding(desk, approval_id, *decider)


At = Annotated[Deciding, Depends(get_deciding)]
_decided: Final = problems(404, 409)


@router.post("/{approval_id}/claim", responses=_decided)
async def claim_approval(at: At) -> AskedApprovalDetail:
    """Keep others from deciding while you look; again: for as long anew."""
    return await at.do(at.desk.claim)


@router.post("/{approval_id}/release", responses=_decided)
async def release_approval(at: At) -> AskedApprovalDetail:
    """Let others decide again."""
    return await at.do(at.desk.release)


@router.post("/{approval_id}/grant", responses=_decided)
async def grant_approval(wanted: Granting, at: At) -> AskedApprovalDetail:
    """Agree. It is done when as many people as the policy wants have agreed to the same hash."""
    return await at.do(at.desk.grant, wanted.seen_hash)


@router.post("/{approval_id}/refuse", responses=_decided)
async def refuse_approval(wanted: Refusing, at: At) -> AskedApprovalDetail:
    """Say no, and why; the caller hears what the flow says."""
    return await at.do(at.desk.refuse, wanted.seen_hash, wanted.reason)


@router.post("/{approval_id}/edit", responses=_decided)
async def edit_approval(wanted: Editing, at: At) -> AskedApprovalDetail:
    """Change what the policy lets be changed. Every grant before lapses."""
    return await at.do(at.desk.edit, wanted.seen_hash, wanted.arguments)


@router.post("/{approval_id}/escalate", responses=_decided)
async def escalate_approval(wanted: Escalating, at: At) -> AskedApprovalDetail:
    """Hand it to the next level of its policy."""
    return await at.do(at.desk.escalate, wanted.reason)


@router.post("/{approval_id}/settle", responses=_decided)
async def settle_approval(wanted: Settling, at: At) -> AskedApprovalDetail:
    """Say what became of one whose outcome was unknown."""
    return await at.do(at.desk.settle, ApprovalState(wanted.settled_as), wanted.reason)
