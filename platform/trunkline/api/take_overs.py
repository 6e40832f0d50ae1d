"""Routes: taking a live call over, and hearing its last seconds before one does."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field, StrictBool

from trunkline.api.deps import Deps, needs
from trunkline.api.errors import problems
from trunkline.api.principal import Principal
from trunkline.api.schemas import Id
from trunkline.calls.take_over_desk import MOST_TARGET_CHARS, TakeOverDesk
from trunkline.domain.take_over import TakeOverStage
from trunkline.storage.audit import Audit
from trunkline.storage.recording_tail import MOST_TAIL_S, TAIL_S, recording_of, tail_of
from trunkline.storage.take_overs import TakeOverView

router = APIRouter(prefix="/api/v1/calls", tags=["calls"], responses=problems())

Reader = Annotated[Principal, Depends(needs("calls:read"))]
Taker = Annotated[Principal, Depends(needs("calls:takeover"))]
Listener = Annotated[Principal, Depends(needs("recordings:read"))]

_WAV: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "A WAV of its own", "content": {"audio/wav": {}}},
    **problems(404),
}


class TakingOver(BaseModel):
    """``target``: the phone that rings, a number of the dial plan or a ``sip:`` URI."""

    model_config = ConfigDict(extra="forbid")

    target: str = Field(min_length=1, max_length=MOST_TARGET_CHARS, examples=["sip:ann@192.0.2.7"])
    withdraw_approvals: StrictBool = Field(
        default=False, description="Take back what a person is asked about, once the call is yours."
    )


class TakeOverOut(BaseModel):
    """``cause`` says why it came to nothing; empty otherwise."""

    take_over_id: str
    call_id: str
    by: str
    stage: TakeOverStage
    cause: str
    asked_at: datetime
    joined_at: datetime | None
    closed_at: datetime | None

    @staticmethod
    def of(view: TakeOverView) -> TakeOverOut:
        return TakeOverOut(
            take_over_id=view.take_over_id,
            call_id=view.call_id,
            by=view.by,
            stage=view.stage,
            cause=view.cause,
            asked_at=view.asked_at,
            joined_at=view.joined_at,
            closed_at=view.closed_at,
        )


def get_desk(deps: Deps) -> TakeOverDesk:
    return TakeOverDesk(deps.sessions, deps.commands, deps.rules, deps.clock)


Desk = Annotated[TakeOverDesk, Depends(get_desk)]


@router.post("/{call_id}/take-over", status_code=202, responses=problems(404, 409, 503))
async def take_over(call_id: Id, wanted: TakingOver, desk: Desk, taker: Taker) -> TakeOverOut:
    """Ring a person who talks to the caller in the agent's place, and gives back by ``*``.

    Until they press 1 the caller stays with the agent. Follow it under ``take-overs``.
    """
    return TakeOverOut.of(
        await desk.take(
            call_id,
            wanted.target,
            f"key:{taker.key_id}",
            withdraws_approvals=wanted.withdraw_approvals,
            owner=taker.owner,
        )
    )


@router.get("/{call_id}/take-overs", responses=problems(404))
async def list_take_overs(call_id: Id, desk: Desk, reader: Reader) -> list[TakeOverOut]:
    """Who took the call over, or tried to; the newest first."""
    found = await desk.of_call(call_id, owner=reader.owner)
    return [TakeOverOut.of(view) for view in found]


@router.get("/{call_id}/recording/tail", response_class=Response, responses=_WAV)
async def recording_tail(
    call_id: Id,
    deps: Deps,
    listener: Listener,
    seconds: Annotated[int, Query(ge=1, le=MOST_TAIL_S)] = TAIL_S,
) -> Response:
    """The last seconds of both sides as a WAV, of a call that is up or over, as they are now."""
    async with deps.sessions.reading() as session:
        path = await recording_of(session, deps.data_dir, call_id, owner=listener.owner)
    audio = await asyncio.to_thread(tail_of, path, seconds)
    async with deps.sessions.writing() as session:
        await Audit(session, owner=listener.owner).append(
            listener.name, "recording.tail_read", call_id, deps.clock.now()
        )
    return Response(audio, media_type="audio/wav", headers={"cache-control": "no-store"})
