"""Routes: callers who left a hold queue and want to be called."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from trunkline.api.deps import Deps, needs
from trunkline.api.errors import problems
from trunkline.api.principal import Principal
from trunkline.api.schemas import Id
from trunkline.storage.audit import Audit
from trunkline.storage.callbacks import CallbackRepository, CallbackView

router = APIRouter(prefix="/api/v1/callbacks", tags=["calls"], responses=problems())

Reader = Annotated[Principal, Depends(needs("calls:read"))]
Controller = Annotated[Principal, Depends(needs("calls:control"))]


class CallbackOut(BaseModel):
    """``number`` is empty when the caller withheld it; ``position`` is what they gave up."""

    callback_id: str
    call_id: str
    at: datetime
    queue: str
    number: str
    position: int
    waited_ms: int
    done_at: datetime | None
    done_by: str

    @staticmethod
    def of(view: CallbackView) -> CallbackOut:
        return CallbackOut(
            callback_id=view.callback_id,
            call_id=view.call_id,
            at=view.at,
            queue=view.queue,
            number=view.number,
            position=view.position,
            waited_ms=view.waited_ms,
            done_at=view.done_at,
            done_by=view.done_by,
        )


@router.get("")
async def list_callbacks(
    deps: Deps,
    reader: Reader,
    queue: Annotated[str, Query(max_length=100)] = "",
    is_open: Annotated[bool, Query(alias="open")] = True,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> list[CallbackOut]:
    """Who wants to be called, longest waiting first; ``open=false`` lists those called too."""
    async with deps.sessions.reading() as session:
        found = await CallbackRepository(session).list(
            queue=queue, is_open=is_open, limit=limit, owner=reader.owner
        )
    return [CallbackOut.of(view) for view in found]


@router.post("/{callback_id}/done", responses=problems(404))
async def callback_done(callback_id: Id, deps: Deps, controller: Controller) -> CallbackOut:
    """They have been called; saying so again changes nothing."""
    now = deps.clock.now()
    async with deps.sessions.writing(durable=True) as session:
        view = await CallbackRepository(session).done(
            callback_id, controller.name, now, owner=controller.owner
        )
        await Audit(session, owner=controller.owner).append(
            controller.name, "callback.done", callback_id, now
        )
    return CallbackOut.of(view)
