"""A call's recording: the file with ranges, and its peaks for the waveform."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import FileResponse, Response

from trunkline.dashboard.deps import Desk, DeskDep, Operator, OperatorDep
from trunkline.dashboard.peaks import cached_peaks
from trunkline.domain.errors import NotFound
from trunkline.storage.audit import Audit
from trunkline.storage.calls import CallRepository

router = APIRouter()

_PEAKS_DEADLINE_S = 60.0


@router.get("/calls/{call_id}/recording")
async def recording(
    request: Request,
    call_id: str,
    desk: DeskDep,
    operator: OperatorDep,
    download: Annotated[bool, Query()] = False,
) -> Response:
    path = await _recording_path(desk, operator, call_id)
    if not download:
        return FileResponse(path, media_type="audio/wav")
    async with desk.deps.sessions.writing() as session:
        await Audit(session, owner=operator.user.owner).append(
            operator.user.username, "recording.downloaded", call_id, desk.deps.clock.now()
        )
    return FileResponse(path, media_type="audio/wav", filename=f"{call_id}.wav")


@router.get("/calls/{call_id}/peaks")
async def peaks(call_id: str, desk: DeskDep, operator: OperatorDep) -> Response:
    path = await _recording_path(desk, operator, call_id)
    async with asyncio.timeout(_PEAKS_DEADLINE_S), desk.peak_readers:
        document = await asyncio.to_thread(cached_peaks, path)
    return Response(document, media_type="application/json")


async def _recording_path(desk: Desk, operator: Operator, call_id: str) -> Path:
    """NotFound when the call has no recording, or its file is gone."""
    async with desk.deps.sessions.reading() as session:
        calls = CallRepository(session)
        await calls.summary(call_id, owner=operator.user.owner)
        kept = await calls.recording(call_id)
    if kept is None:
        raise NotFound("the call has no recording", code="recording_not_found")
    if kept.removed_at is not None:
        raise NotFound("the recording was removed by retention", code="recording_removed")
    root = desk.deps.data_dir.resolve()
    path = (root / kept.path).resolve()
    if not path.is_relative_to(root) or not path.is_file():
        raise NotFound("the recording's file is missing", code="recording_missing")
    return path
