"""Taking a call over from a page, and hearing its last seconds before."""

from __future__ import annotations

import asyncio
import re
from typing import Annotated, Any, Final

from fastapi import APIRouter, Form, Path, Request
from starlette.responses import RedirectResponse, Response

from trunkline.calls.take_over_desk import TakeOverDesk
from trunkline.dashboard.deps import Desk, DeskDep, Operator, OperatorDep, WritingOperator, respond
from trunkline.dashboard.looked_after import TakeOverMoment
from trunkline.domain.errors import CallerError, Forbidden, NotFound, TrunklineError
from trunkline.storage.audit import Audit
from trunkline.storage.calls import CallRepository
from trunkline.storage.phones import keep_phone, phone_of
from trunkline.storage.recording_tail import TAIL_S, recording_of, tail_of
from trunkline.storage.take_overs import TakeOvers

router = APIRouter()

_BACK: Final = re.compile(r"/(calls|approvals|escalations)/[A-Za-z0-9_]{1,64}")
CallPath = Annotated[str, Path(pattern=r"^[A-Za-z0-9_]{1,64}$")]


@router.post("/calls/{call_id}/take-over")
async def take_over(
    request: Request,
    call_id: CallPath,
    desk: DeskDep,
    operator: WritingOperator,
    target: Annotated[str, Form(max_length=200)] = "",
    withdraws: Annotated[str, Form(max_length=5)] = "",
    back: Annotated[str, Form(max_length=100)] = "",
) -> Response:
    """Ring the operator's own phone, which is remembered; then back to the page it was asked on."""
    take = _desk_of(desk, operator)
    user, phone = operator.user, target.strip()
    try:
        await take.take(
            call_id,
            phone,
            operator.as_person.person_id,
            withdraws_approvals=bool(withdraws),
            owner=user.owner,
        )
    except NotFound:
        raise
    except TrunklineError as exc:
        status = 409 if isinstance(exc, CallerError) else 503
        async with desk.deps.sessions.reading() as session:
            call = await CallRepository(session).summary(call_id, owner=user.owner)
        more = await take_context(desk, operator, call_id, is_live=call.is_live)
        return respond(
            request, desk, operator, "take_over.html",
            status=status, call=call, problem=exc.message, back=_back_to(back, call_id),
            **{**more, "phone": phone},
        )  # fmt: skip
    async with desk.deps.sessions.writing() as session:
        await keep_phone(session, user.user_id, phone)
    return RedirectResponse(_back_to(back, call_id), 303)


@router.get("/calls/{call_id}/tail")
async def last_seconds(call_id: CallPath, desk: DeskDep, operator: OperatorDep) -> Response:
    """The last half minute of both sides; masked where the recording is."""
    async with desk.deps.sessions.reading() as session:
        owner = operator.user.owner
        path = await recording_of(session, desk.deps.data_dir, call_id, owner=owner)
    async with desk.peak_readers:
        audio = await asyncio.to_thread(tail_of, path, TAIL_S)
    async with desk.deps.sessions.writing() as session:
        await Audit(session, owner=owner).append(
            operator.user.username, "recording.tail_heard", call_id, desk.deps.clock.now()
        )
    return Response(audio, media_type="audio/wav", headers={"cache-control": "no-store"})


async def take_context(
    desk: Desk, operator: Operator, call_id: str, *, is_live: bool
) -> dict[str, Any]:
    """What ``_take_call.html`` shows: whether one may, on which phone, and how the last fared."""
    async with desk.deps.sessions.reading() as session:
        phone = await phone_of(session, operator.user.user_id)
        found = await TakeOvers(session).of_call(call_id, owner=operator.user.owner)
    may_take = is_live and operator.may_command and desk.deps.commands is not None
    moment = TakeOverMoment.stored(found[0], 0) if found else None
    return {"phone": phone, "may_take": may_take, "take_over": moment, "is_call_live": is_live}


def _desk_of(desk: Desk, operator: Operator) -> TakeOverDesk:
    if desk.deps.commands is None:
        raise Forbidden("this installation takes no commands from the dashboard")
    if not operator.may_command:
        raise Forbidden("only supervisors and above take calls over", code="role_missing")
    return TakeOverDesk(desk.deps.sessions, desk.deps.commands, desk.deps.rules, desk.deps.clock)


def _back_to(back: str, call_id: str) -> str:
    return back if _BACK.fullmatch(back) else f"/calls/{call_id}"
