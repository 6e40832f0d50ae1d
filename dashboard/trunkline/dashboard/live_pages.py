"""Calls that are up now: the page, the stream that keeps it true, and hanging up."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter, Header, Query, Request
from starlette.responses import RedirectResponse, Response

from trunkline.dashboard.deps import (
    Desk,
    DeskDep,
    IsPartial,
    Operator,
    OperatorDep,
    WritingOperator,
    respond,
)
from trunkline.dashboard.live_board import StreamId, format_stream_id
from trunkline.dashboard.live_feed import seen_by
from trunkline.dashboard.operator_stream import stream_to
from trunkline.dashboard.sse import RETRY, event
from trunkline.domain.call import CallState
from trunkline.domain.errors import Conflict, Forbidden
from trunkline.domain.ids import CallId
from trunkline.storage.audit import Audit
from trunkline.storage.calls import CallRepository
from trunkline.storage.views import CallFilter

router = APIRouter()

HEARTBEAT_S: Final = 5.0
COALESCE_S: Final = 0.1
MAX_STREAM_S: Final = 600.0
RECENT_CALLS: Final = 8


@router.get("/")
async def live_page(request: Request, desk: DeskDep, operator: OperatorDep) -> Response:
    feed = desk.deps.feed
    return respond(
        request,
        desk,
        operator,
        "live.html",
        **await _recent(desk, operator),
        calls=feed.board.shown(feed.clock.now()),
        is_degraded=not feed.is_connected,
    )


@router.get("/calls/recent")
async def recent_calls(request: Request, desk: DeskDep, operator: OperatorDep) -> Response:
    context = await _recent(desk, operator)
    return respond(request, desk, operator, "_recent.html", **context)


async def _recent(desk: Desk, operator: Operator) -> dict[str, Any]:
    where = CallFilter(states=(CallState.ENDED,), owner=operator.user.owner)
    async with desk.deps.sessions.reading() as session:
        page = await CallRepository(session).list_calls(where, limit=RECENT_CALLS)
    return {"page": page, "more": "", "is_first": True}


@router.get("/session")
async def session_check(operator: OperatorDep) -> Response:
    """Nothing, to whoever is logged in: how a page whose stream was refused finds out why."""
    return Response(status_code=204)


@router.get("/live/stream")
async def live_stream(
    request: Request,
    desk: DeskDep,
    operator: OperatorDep,
    last_event_id: Annotated[str | None, Header()] = None,
    last: Annotated[str | None, Query()] = None,
) -> Response:
    desk.deps.feed.check_room()
    seen = seen_by(last_event_id, last)
    can_hang_up = desk.deps.commands is not None and operator.may_command
    return stream_to(desk, operator, live_events(desk, can_hang_up, seen))


async def live_events(
    desk: Desk, can_hang_up: bool, seen: StreamId | None
) -> AsyncGenerator[bytes]:
    """``row`` (HTML), ``sync`` (ids in order), ``status``; a page that missed some gets all."""
    feed, clock = desk.deps.feed, desk.deps.clock
    deadline_ms = clock.monotonic_ms() + MAX_STREAM_S * 1000
    yield RETRY
    with feed.subscribe() as subscription:
        known: list[CallId] = []
        changed: set[CallId] = set()
        everything = seen is None or seen != feed.board.version
        while not feed.is_closing and clock.monotonic_ms() < deadline_ms:
            calls = feed.board.shown(clock.now())
            version = format_stream_id(feed.board.version)
            desk.live_rows.keep(calls)
            for call in calls:
                if call.call_id in changed or (everything and call.call_id not in known):
                    yield event("row", desk.live_rows.row(call, can_hang_up=can_hang_up))
            if (shown := [call.call_id for call in calls]) != known:
                known = shown
                yield event("sync", orjson.dumps(known).decode(), version)
            yield event("status", _status(desk), version)
            everything = True
            changed = await subscription.wait(HEARTBEAT_S)
            if changed:
                changed |= await subscription.gather(COALESCE_S)


def _status(desk: Desk) -> str:
    feed = desk.deps.feed
    status = {
        "now": int(feed.clock.now().timestamp() * 1000),
        "live": feed.board.live_count,
        "degraded": not feed.is_connected,
    }
    return orjson.dumps(status).decode()


@router.get("/calls/{call_id}/hang-up")
async def confirm_hang_up(
    request: Request,
    call_id: str,
    desk: DeskDep,
    operator: OperatorDep,
    is_partial: IsPartial = False,
) -> Response:
    """The question: as a dialog's content, or as a page where there is no script."""
    _may_hang_up(desk, operator)
    async with desk.deps.sessions.reading() as session:
        call = await CallRepository(session).summary(call_id, owner=operator.user.owner)
    template = "_hang_up.html" if is_partial else "hang_up.html"
    return respond(request, desk, operator, template, call=call)


@router.post("/calls/{call_id}/hang-up")
async def hang_up(
    request: Request,
    call_id: str,
    desk: DeskDep,
    operator: WritingOperator,
    is_partial: IsPartial = False,
) -> Response:
    _may_hang_up(desk, operator)
    commands = desk.deps.commands
    assert commands is not None
    async with desk.deps.sessions.reading() as session:
        call = await CallRepository(session).summary(call_id, owner=operator.user.owner)
    if call.is_live:
        if not call.edge_id:
            raise Conflict("The call has no edge yet that could end it.", code="no_edge")
        async with desk.deps.sessions.writing() as session:
            await Audit(session, owner=operator.user.owner).append(
                operator.user.username, "call.hang_up", call.call_id, desk.deps.clock.now()
            )
        await commands.hang_up(call.call_id, call.edge_id, operator.user.username)
    if is_partial:
        return respond(request, desk, operator, "_hung_up.html", call=call)
    return RedirectResponse(f"/calls/{call.call_id}", 303)


def _may_hang_up(desk: Desk, operator: Operator) -> None:
    if desk.deps.commands is None:
        raise Forbidden("this installation takes no commands from the dashboard")
    if not operator.may_command:
        raise Forbidden("only supervisors and admins may end a call", code="role_missing")
