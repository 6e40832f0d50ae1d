"""One escalation in full, and what a person does about it."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Form, Path, Request
from starlette.responses import RedirectResponse, Response

from trunkline.dashboard.approval_feed import read_queue
from trunkline.dashboard.approval_stream import live_tail
from trunkline.dashboard.deps import (
    Desk,
    DeskDep,
    IsPartial,
    Operator,
    OperatorDep,
    WritingOperator,
    respond,
)
from trunkline.dashboard.take_over_pages import take_context
from trunkline.domain.approval import Role
from trunkline.domain.errors import CallerError, Conflict, NotFound
from trunkline.domain.escalation import EscalationDeed
from trunkline.storage.approval_inbox import ApprovalInbox
from trunkline.storage.calls import CallRepository
from trunkline.storage.engine import database_now
from trunkline.storage.escalations import Escalations

router = APIRouter()

EscalationPath = Annotated[str, Path(pattern=r"^[A-Za-z0-9_]{1,64}$")]
_DEEDS: Final = {
    "acknowledge": EscalationDeed.ACKNOWLEDGE,
    "release": EscalationDeed.RELEASE,
    "resolve": EscalationDeed.RESOLVE,
}


@router.get("/escalations/{escalation_id}")
async def escalation_page(
    request: Request,
    escalation_id: EscalationPath,
    desk: DeskDep,
    operator: OperatorDep,
    is_partial: IsPartial = False,
) -> Response:
    return await _page(request, desk, operator, escalation_id, is_partial=is_partial)


@router.post("/escalations/{escalation_id}/{deed}")
async def act(
    request: Request,
    escalation_id: EscalationPath,
    deed: str,
    desk: DeskDep,
    operator: WritingOperator,
    note: Annotated[str, Form(max_length=1000)] = "",
) -> Response:
    """What stood in the way is said beside it, as it is now."""
    wanted = _DEEDS.get(deed)
    if wanted is None:
        raise NotFound("there is no such page")
    try:
        async with desk.deps.sessions.writing(durable=True) as session:
            await Escalations(session).act(
                escalation_id,
                wanted,
                operator.as_person,
                await database_now(session),
                via="dashboard",
                note=note.strip(),
                owner=operator.user.owner,
            )
    except NotFound:
        raise
    except CallerError as exc:
        status = 409 if isinstance(exc, Conflict) else 403
        return await _page(
            request, desk, operator, escalation_id, problem=exc.message, status=status
        )
    return RedirectResponse(f"/escalations/{escalation_id}", 303)


async def _page(
    request: Request,
    desk: Desk,
    operator: Operator,
    escalation_id: str,
    *,
    is_partial: bool = False,
    problem: str = "",
    status: int = 200,
) -> Response:
    owner = operator.user.owner
    async with desk.deps.sessions.reading() as session:
        view = await Escalations(session).get(escalation_id, owner=owner)
        turns = await CallRepository(session).turns(view.call_id)
        queue = await read_queue(session, owner)
        closed = await ApprovalInbox(session).closed(owner=owner)
    context = {
        "view": view,
        "escalation": view.escalation,
        "person": operator.as_person,
        "may_decide": operator.as_person.role >= Role.SUPERVISOR,
        **live_tail(desk, view.call_id, turns),
        **await take_context(desk, operator, view.call_id, is_live=view.is_call_live),
    }
    if is_partial:
        return respond(request, desk, operator, "_escalation.html", **context)
    return respond(
        request, desk, operator, "approvals.html", status=status,
        queue=queue, closed=closed, shown=escalation_id, is_chosen=True, problem=problem,
        notice="", now=queue.now, **context,
    )  # fmt: skip
