"""The approvals inbox: what waits, one of them in full, and what a person does about it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeAlias

from fastapi import APIRouter, Depends, Form, Path, Query, Request
from starlette.responses import RedirectResponse, Response

from trunkline.calls.approval_desk import ApprovalDesk, Shown
from trunkline.dashboard.approval_feed import Queue, read_queue
from trunkline.dashboard.approval_stream import live_tail
from trunkline.dashboard.approval_view import QUICK_REASONS, choices_of, edited, fields_of
from trunkline.dashboard.approval_words import obstacle_words
from trunkline.dashboard.deps import (
    Desk,
    DeskDep,
    IsPartial,
    Operator,
    OperatorDep,
    WritingOperator,
    respond,
    zone_of,
)
from trunkline.dashboard.take_over_pages import take_context
from trunkline.domain.approval import OPEN, ApprovalState, Person, Role
from trunkline.domain.errors import CallerError, Conflict, Forbidden, Invalid, NotFound
from trunkline.storage.approval_inbox import ApprovalInbox, Precedent, Waiting
from trunkline.storage.approval_views import Parked
from trunkline.storage.calls import CallRepository
from trunkline.storage.views import TurnView

router = APIRouter()

ApprovalPath: TypeAlias = Annotated[str, Path(pattern=r"^[A-Za-z0-9_]{1,64}$")]
FormText: TypeAlias = Annotated[str, Form(max_length=2000)]
_VIA: Final = "dashboard"
_DONE: Final = {
    "claimed": "You have it: nobody else can decide meanwhile.",
    "released": "Free for others again.",
    "granted": "Approved.",
    "agreed": "Your approval is noted. Waiting for a second person, who must agree too.",
    "edited": "Saved. Whoever approves now approves these arguments.",
    "refused": "Declined. The caller is told so.",
    "escalated": "Handed to the next level.",
    "settled": "Noted.",
}


@dataclass(frozen=True, slots=True)
class Opened:
    """One approval with everything that its page shows."""

    shown: Shown
    waiting: Waiting
    precedents: tuple[Precedent, ...]
    turns: tuple[TurnView, ...]
    take: Mapping[str, Any]


def get_approval_desk(desk: DeskDep) -> ApprovalDesk:
    return ApprovalDesk(desk.deps.sessions, desk.deps.wake_worker)


def get_decider(operator: WritingOperator) -> Operator:
    """Whoever may decide at all; whether they may decide this one the rules say."""
    if operator.as_person.role < Role.SUPERVISOR:
        raise Forbidden("Only supervisors and above decide.", code="role_missing")
    return operator


Approvals: TypeAlias = Annotated[ApprovalDesk, Depends(get_approval_desk)]
Decider: TypeAlias = Annotated[Operator, Depends(get_decider)]


@router.get("/approvals")
async def inbox_page(
    request: Request, desk: DeskDep, approvals: Approvals, operator: OperatorDep
) -> Response:
    """The most urgent one is open, where there is one."""
    queue = await _queue(desk, operator)
    if queue.waiting:
        first = queue.waiting[0].parked.approval.approval_id
        opened = await _open(desk, approvals, operator, first)
        return await _page(request, desk, operator, queue, opened, is_chosen=False)
    return await _page(request, desk, operator, queue, None)


@router.get("/approvals/{approval_id}")
async def approval_page(
    request: Request,
    approval_id: ApprovalPath,
    desk: DeskDep,
    approvals: Approvals,
    operator: OperatorDep,
    done: Annotated[str, Query(max_length=20)] = "",
    is_partial: IsPartial = False,
) -> Response:
    opened = await _open(desk, approvals, operator, approval_id)
    if is_partial:
        context = _context(request, desk, operator, opened)
        return respond(request, desk, operator, "_approval.html", **context)
    queue = await _queue(desk, operator)
    return await _page(request, desk, operator, queue, opened, notice=_DONE.get(done, ""))


@dataclass(frozen=True, slots=True)
class Deciding:
    """An operator about to do something to one approval."""

    request: Request
    desk: Desk
    on: ApprovalDesk
    by: Operator
    approval_id: str

    async def do(self, done: str, deed: Callable[..., Awaitable[Parked]], *said: Any) -> Response:
        """To the approval as it is then; what stood in the way is said beside it, in words.

        ``deed``: a method of the approvals' desk, with what belongs to it; ``done``: of ``_DONE``.
        """
        by = self.by
        try:
            parked = await deed(
                self.approval_id, by.as_person, *said, via=_VIA, owner=by.user.owner
            )
        except NotFound:
            raise
        except CallerError as exc:
            return await self._refused(exc)
        if done == "granted" and parked.approval.state in OPEN:
            done = "agreed"
        return RedirectResponse(f"/approvals/{self.approval_id}?done={done}", 303)

    async def _refused(self, exc: CallerError) -> Response:
        opened = await _open(self.desk, self.on, self.by, self.approval_id)
        shown = opened.shown
        zone = zone_of(self.request)
        words = obstacle_words(
            exc, shown.parked.approval, self.by.as_person, shown.deeds, zone=zone
        )
        queue = await _queue(self.desk, self.by)
        return await _page(
            self.request,
            self.desk,
            self.by,
            queue,
            opened,
            problem=words,
            status=_status_of(exc),
        )


def get_deciding(
    request: Request, approval_id: ApprovalPath, desk: DeskDep, on: Approvals, by: Decider
) -> Deciding:
    return Deciding(request, desk, on, by, approval_id)


At: TypeAlias = Annotated[Deciding, Depends(get_deciding)]


@router.post("/approvals/{approval_id}/claim")
async def claim(at: At) -> Response:
    return await at.do("claimed", at.on.claim)


@router.post("/approvals/{approval_id}/release")
async def release(at: At) -> Response:
    return await at.do("released", at.on.release)


@router.post("/approvals/{approval_id}/grant")
async def grant(at: At, seen_hash: FormText = "") -> Response:
    return await at.do("granted", at.on.grant, seen_hash)


@router.post("/approvals/{approval_id}/refuse")
async def refuse(
    at: At, seen_hash: FormText = "", reason: FormText = "", quick: FormText = ""
) -> Response:
    """``quick``: one of the reasons at hand, which goes before words of one's own."""
    why = ". ".join(part for part in (quick.strip(), reason.strip()) if part)
    return await at.do("refused", at.on.refuse, seen_hash, why)


@router.post("/approvals/{approval_id}/edit")
async def edit(at: At, request: Request, seen_hash: FormText = "", then: FormText = "") -> Response:
    """``then=grant``: save and approve what was saved, in two deeds of one person."""
    form = {name: value for name, value in (await request.form()).items() if isinstance(value, str)}

    async def work(approval_id: str, person: Person, *, via: str, owner: str) -> Parked:
        shown = await at.on.show(approval_id, owner=owner)
        approval = shown.parked.approval
        arguments = edited(approval, form, shown.parked.slip.get("parameters"))
        if then == "grant" and arguments == approval.arguments:
            return await at.on.grant(approval_id, person, seen_hash, via=via, owner=owner)
        saved = await at.on.edit(approval_id, person, seen_hash, arguments, via=via, owner=owner)
        if then != "grant":
            return saved
        new = saved.approval.arguments_hash
        return await at.on.grant(approval_id, person, new, via=via, owner=owner)

    return await at.do("granted" if then == "grant" else "edited", work)


@router.post("/approvals/{approval_id}/escalate")
async def escalate(at: At, reason: FormText = "") -> Response:
    return await at.do("escalated", at.on.escalate, reason)


@router.post("/approvals/{approval_id}/settle")
async def settle(at: At, settled_as: FormText = "", reason: FormText = "") -> Response:
    """What became of one whose outcome was unknown, and how one knows."""
    if settled_as not in ("done", "failed"):
        raise Invalid("Say whether it was done or not.", param="settled_as")
    return await at.do("settled", at.on.settle, ApprovalState(settled_as), reason)


def _status_of(exc: CallerError) -> int:
    if isinstance(exc, Conflict):
        return 409
    return 403 if isinstance(exc, Forbidden) else 422


async def _open(
    desk: Desk, approvals: ApprovalDesk, operator: Operator, approval_id: str
) -> Opened:
    owner = operator.user.owner
    shown = await approvals.show(approval_id, owner=owner)
    async with desk.deps.sessions.reading() as session:
        inbox = ApprovalInbox(session)
        waiting = await inbox.of_call(shown.parked)
        precedents = await inbox.precedents(shown.parked, owner=owner)
        turns = await CallRepository(session).turns(shown.parked.call_id)
    take = await take_context(desk, operator, shown.parked.call_id, is_live=waiting.is_call_live)
    return Opened(shown, waiting, precedents, turns, take)


async def _queue(desk: Desk, operator: Operator) -> Queue:
    async with desk.deps.sessions.reading() as session:
        return await read_queue(session, operator.user.owner)


def _context(request: Request, desk: Desk, operator: Operator, opened: Opened) -> dict[str, Any]:
    shown, person = opened.shown, operator.as_person
    parked = shown.parked
    return {
        "one": opened.waiting,
        "parked": parked,
        "approval": parked.approval,
        "now": shown.now,
        "deeds": shown.deeds,
        "fields": fields_of(parked),
        "choices": choices_of(shown, person, zone_of(request)),
        "person": person,
        "may_decide": person.role >= Role.SUPERVISOR,
        "precedents": opened.precedents,
        "quick_reasons": QUICK_REASONS,
        **live_tail(desk, parked.call_id, opened.turns),
        **opened.take,
    }


async def _page(
    request: Request,
    desk: Desk,
    operator: Operator,
    queue: Queue,
    opened: Opened | None,
    *,
    problem: str = "",
    notice: str = "",
    is_chosen: bool = True,
    status: int = 200,
) -> Response:
    async with desk.deps.sessions.reading() as session:
        closed = await ApprovalInbox(session).closed(owner=operator.user.owner)
    context = {} if opened is None else _context(request, desk, operator, opened)
    shown = "" if opened is None else opened.shown.parked.approval.approval_id
    return respond(
        request,
        desk,
        operator,
        "approvals.html",
        status=status,
        queue=queue,
        closed=closed,
        shown=shown,
        is_chosen=is_chosen and opened is not None,
        problem=problem,
        notice=notice,
        **{"now": queue.now, **context},
    )
