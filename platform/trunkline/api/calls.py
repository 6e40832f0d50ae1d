"""Routes: calls, what was said in them, their recordings and event logs."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import FileResponse, Response

from trunkline.api.deps import ApiDeps, Deps, needs
from trunkline.api.principal import Principal
from trunkline.api.schemas import CallDetailOut, CallOut, CallPageOut
from trunkline.domain.call import CallState, EndCause
from trunkline.domain.errors import Conflict, NotFound
from trunkline.storage.audit import Audit
from trunkline.storage.calls import CallRepository
from trunkline.storage.views import CallFilter

router = APIRouter(prefix="/api/v1/calls", tags=["calls"])

Reader = Annotated[Principal, Depends(needs("calls:read"))]
Controller = Annotated[Principal, Depends(needs("calls:control"))]
Listener = Annotated[Principal, Depends(needs("recordings:read"))]


@router.get("")
async def list_calls(
    deps: Deps,
    reader: Reader,
    state: Annotated[list[CallState] | None, Query()] = None,
    cause: Annotated[list[EndCause] | None, Query()] = None,
    agent: Annotated[str, Query(max_length=100)] = "",
    number: Annotated[str, Query(max_length=40)] = "",
    text: Annotated[str, Query(max_length=200)] = "",
    since: datetime | None = None,
    to: datetime | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> CallPageOut:
    """Calls, newest first. ``text`` is looked for in what was heard."""
    where = CallFilter(
        states=tuple(state or ()),
        end_causes=tuple(cause or ()),
        agent=agent,
        number=number,
        text=text,
        since=since,
        to=to,
        owner=reader.owner,
    )
    async with deps.sessions.reading() as session:
        page = await CallRepository(session).list_calls(where, limit=limit, cursor=cursor)
    return CallPageOut(
        calls=[CallOut.of(call) for call in page.calls], next_cursor=page.next_cursor
    )


@router.get("/{call_id}")
async def one_call(call_id: str, deps: Deps, reader: Reader) -> CallDetailOut:
    """Turns with words and their fates, tools, approvals, transfers, timings, recording."""
    async with deps.sessions.reading() as session:
        detail = await CallRepository(session).detail(call_id, owner=reader.owner)
    return CallDetailOut.of_detail(detail)


@router.get("/{call_id}/recording", response_class=FileResponse)
async def recording(call_id: str, deps: Deps, listener: Listener) -> Response:
    """16-bit WAV, caller left and agent right; ranges are served, and live calls too."""
    path = await _call_file(deps, listener, call_id, ".wav")
    async with deps.sessions.writing() as session:
        await Audit(session, owner=listener.owner).append(
            listener.name, "recording.read", call_id, deps.clock.now()
        )
    return FileResponse(path, media_type="audio/wav", filename=f"{call_id}.wav")


@router.get("/{call_id}/events", response_class=FileResponse)
async def events(call_id: str, deps: Deps, reader: Reader) -> Response:
    """The call's event log: one JSON object a line, in order."""
    path = await _call_file(deps, reader, call_id, ".jsonl")
    return FileResponse(path, media_type="application/x-ndjson", filename=f"{call_id}.jsonl")


@router.post("/{call_id}/hangup", status_code=202)
async def hang_up(call_id: str, deps: Deps, controller: Controller) -> dict[str, str]:
    """Ask the edge that carries the call to end it."""
    async with deps.sessions.reading() as session:
        call = await CallRepository(session).summary(call_id, owner=controller.owner)
    if not call.is_live:
        raise Conflict("the call is over", code="call_over")
    await deps.commands.hang_up(call.call_id, call.edge_id, controller.name)
    async with deps.sessions.writing() as session:
        await Audit(session, owner=controller.owner).append(
            controller.name, "call.hung_up", call_id, deps.clock.now()
        )
    return {"call_id": call_id, "state": "ending"}


async def _call_file(deps: ApiDeps, principal: Principal, call_id: str, suffix: str) -> Path:
    """The file beside the call's recording; NotFound when it is not (or no longer) there."""
    root = (deps.data_dir / "recordings").resolve()
    async with deps.sessions.reading() as session:
        calls = CallRepository(session)
        call = await calls.summary(call_id, owner=principal.owner)
        kept = await calls.recording(call_id)
    if kept is not None and kept.removed_at is not None:
        raise NotFound("it was removed by retention", code="recording_removed")
    if kept is not None:
        path = (deps.data_dir / kept.path).resolve().with_suffix(suffix)
    else:
        found = sorted(root.rglob(f"{call.call_id}{suffix}"))
        path = found[0] if found else root / "none"
    if not path.is_relative_to(root) or not path.is_file():
        raise NotFound("the call has no such file", code="recording_not_found")
    return path
