"""Routes: calls, what was said in them, their recordings and event logs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.responses import Response, StreamingResponse
from sqlalchemy.ext.asyncio import AsyncSession

from trunkline.api.deps import ApiDeps, Deps, needs
from trunkline.api.errors import problems
from trunkline.api.file_ranges import file_response
from trunkline.api.placement_schemas import OneCallOut, PlacementOut
from trunkline.api.principal import Principal
from trunkline.api.schemas import CallOut, CallPageOut, HangingUp, Id, UtcTime
from trunkline.domain.call import CallState, EndCause
from trunkline.domain.errors import Conflict, NotFound
from trunkline.storage.audit import Audit
from trunkline.storage.calls import CallRepository
from trunkline.storage.placement_views import PlacementView
from trunkline.storage.placements import Placements
from trunkline.storage.recording_files import find_call_file, kept_file
from trunkline.storage.views import CallFilter, CallSummary

router = APIRouter(prefix="/api/v1/calls", tags=["calls"], responses=problems())

Reader = Annotated[Principal, Depends(needs("calls:read"))]
Controller = Annotated[Principal, Depends(needs("calls:control"))]
Listener = Annotated[Principal, Depends(needs("recordings:read"))]

_RANGES: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "The whole file", "content": {"audio/wav": {}}},
    206: {"description": "The range asked for", "content": {"audio/wav": {}}},
    416: {"description": "The range lies beyond the end"},
    **problems(404, 409),
}


@router.get("")
async def list_calls(
    deps: Deps,
    reader: Reader,
    state: Annotated[list[CallState] | None, Query()] = None,
    cause: Annotated[list[EndCause] | None, Query()] = None,
    agent: Annotated[str, Query(max_length=100)] = "",
    number: Annotated[str, Query(max_length=40)] = "",
    text: Annotated[str, Query(max_length=200)] = "",
    flow_version: Annotated[str, Query(max_length=64)] = "",
    since: UtcTime | None = None,
    to: UtcTime | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> CallPageOut:
    """Calls, newest first. ``text`` is looked for in what was heard; ``to`` is exclusive."""
    where = CallFilter(
        states=tuple(state or ()),
        end_causes=tuple(cause or ()),
        agent=agent,
        number=number,
        text=text,
        flow_version=flow_version,
        since=since,
        to=to,
        owner=reader.owner,
    )
    async with deps.sessions.reading() as session:
        page = await CallRepository(session).list_calls(where, limit=limit, cursor=cursor)
    return CallPageOut(
        calls=[CallOut.of(call) for call in page.calls], next_cursor=page.next_cursor
    )


@router.get("/{call_id}", responses=problems(404))
async def one_call(call_id: Id, deps: Deps, reader: Reader) -> OneCallOut:
    """Turns with words and their fates, tools, approvals, transfers, timings, recording.

    A call that was ordered has its ``placement``; before it is dialled, that is all there is.
    """
    async with deps.sessions.reading() as session:
        placement = await _placement(session, call_id, reader.owner)
        try:
            detail = await CallRepository(session).detail(call_id, owner=reader.owner)
        except NotFound:
            if placement is None:
                raise
            detail = placement.as_call()
    call = OneCallOut.of_detail(detail)
    call.placement = None if placement is None else PlacementOut.of(placement)
    return call


async def _summary(session: AsyncSession, call_id: str, owner: str) -> CallSummary:
    """NotFound when there is no such call, Conflict when it was ordered and not dialled (yet)."""
    try:
        return await CallRepository(session).summary(call_id, owner=owner)
    except NotFound:
        if await _placement(session, call_id, owner) is None:
            raise
        raise Conflict(
            f"the call has not been dialled; POST /api/v1/calls/{call_id}/cancel takes the order"
            " back",
            code="call_not_dialled",
        ) from None


async def _placement(session: AsyncSession, call_id: str, owner: str) -> PlacementView | None:
    try:
        return await Placements(session).get(call_id, owner=owner)
    except NotFound:
        return None  # nobody ordered it: it came in


@router.head("/{call_id}/recording", include_in_schema=False)
@router.get("/{call_id}/recording", response_class=StreamingResponse, responses=_RANGES)
async def recording(
    request: Request,
    call_id: Id,
    deps: Deps,
    listener: Listener,
    range_: Annotated[str | None, Header(alias="range")] = None,
    if_range: Annotated[str | None, Header()] = None,
) -> Response:
    """16-bit WAV, caller left and agent right; ranges are served, and live calls as far as kept."""
    path = await _call_file(deps, listener, call_id, ".wav")
    # A player asks for many ranges of one file: it is noted once, at the beginning.
    if request.method == "GET" and (not range_ or range_.startswith("bytes=0-")):
        async with deps.sessions.writing() as session:
            await Audit(session, owner=listener.owner).append(
                listener.name, "recording.read", call_id, deps.clock.now()
            )
    return file_response(
        path,
        media_type="audio/wav",
        filename=f"{call_id}.wav",
        range_header=range_,
        if_range=if_range,
        is_head=request.method == "HEAD",
    )


@router.get(
    "/{call_id}/events",
    response_class=StreamingResponse,
    responses={
        200: {"description": "One JSON object a line", "content": {"application/x-ndjson": {}}},
        **problems(404, 409),
    },
)
async def events(call_id: Id, deps: Deps, reader: Reader) -> Response:
    """The call's event log: one JSON object a line, in order."""
    path = await _call_file(deps, reader, call_id, ".jsonl")
    return file_response(path, media_type="application/x-ndjson", filename=f"{call_id}.jsonl")


@router.post("/{call_id}/hangup", status_code=202, responses=problems(404, 409, 503))
async def hang_up(call_id: Id, deps: Deps, controller: Controller) -> HangingUp:
    """Ask the edge that carries the call to end it."""
    async with deps.sessions.reading() as session:
        call = await _summary(session, call_id, controller.owner)
    if not call.is_live:
        raise Conflict("the call is over", code="call_over")
    await deps.commands.hang_up(call.call_id, call.edge_id, controller.name)
    async with deps.sessions.writing() as session:
        await Audit(session, owner=controller.owner).append(
            controller.name, "call.hung_up", call_id, deps.clock.now()
        )
    return HangingUp(call_id=call_id)


async def _call_file(deps: ApiDeps, principal: Principal, call_id: str, suffix: str) -> Path:
    """The recording or the file beside it; NotFound when it is not (or no longer) there."""
    async with deps.sessions.reading() as session:
        call = await _summary(session, call_id, principal.owner)
        kept = await CallRepository(session).recording(call_id)
    if kept is not None and kept.removed_at is not None:
        raise NotFound("it was removed by retention", code="recording_removed")
    if kept is not None:
        return kept_file(deps.data_dir, kept.path, suffix)
    path = find_call_file(deps.data_dir / "recordings", call.call_id, call.started_at, suffix)
    if path is None:
        raise NotFound("the call has no such file", code="recording_not_found")
    return path
