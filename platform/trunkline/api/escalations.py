"""Routes: calls that a person should look after now, and what was done about it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from trunkline.api.deps import Deps, needs
from trunkline.api.errors import problems
from trunkline.api.principal import Principal
from trunkline.api.schemas import Id
from trunkline.domain.approval import Person, Role
from trunkline.domain.escalation import (
    EscalatesTo,
    EscalationDeed,
    EscalationKind,
    EscalationState,
    Urgency,
)
from trunkline.storage.escalations import Escalations, EscalationView

router = APIRouter(prefix="/api/v1/escalations", tags=["escalations"], responses=problems())

_VIA: Final = "api"
Reader = Annotated[Principal, Depends(needs("escalations:read"))]
Taker = Annotated[Principal, Depends(needs("escalations:take"))]
_Words = Annotated[str, Field(max_length=1000)]


class EscalationOut(BaseModel):
    """``why`` in one sentence; ``to`` a supervisor, or a ``person`` by the flow's step ``goto``."""

    escalation_id: str
    call_id: str
    at: datetime
    at_ms: int
    rule: str
    kind: EscalationKind
    urgency: Urgency
    to: EscalatesTo
    step: str
    goto: str
    why: str
    state: EscalationState
    held_by: str
    resolved_by: str
    note: str
    state_at: datetime
    is_call_live: bool

    @staticmethod
    def of(view: EscalationView) -> EscalationOut:
        one = view.escalation
        return EscalationOut(
            escalation_id=one.escalation_id,
            call_id=view.call_id,
            at=view.at,
            at_ms=view.at_ms,
            rule=view.rule,
            kind=EscalationKind(view.kind),
            urgency=Urgency(view.urgency),
            to=EscalatesTo(view.to),
            step=view.step,
            goto=view.goto,
            why=view.why,
            state=one.state,
            held_by=one.held_by,
            resolved_by=one.resolved_by,
            note=one.note,
            state_at=view.state_at,
            is_call_live=view.is_call_live,
        )


class NewEscalation(BaseModel):
    """A live call needs a person, by what somebody outside knows."""

    model_config = ConfigDict(extra="forbid")

    call_id: str = Field(pattern=r"^[A-Za-z0-9_]{1,64}$")
    why: str = Field(min_length=1, max_length=300, examples=["the contract ends today"])
    urgency: Urgency = Urgency.NORMAL


class Resolving(BaseModel):
    model_config = ConfigDict(extra="forbid")

    note: _Words = ""


@router.get("")
async def list_escalations(
    deps: Deps,
    reader: Reader,
    is_open: Annotated[bool, Query(alias="open")] = True,
    call_id: Annotated[str | None, Query(pattern=r"^[A-Za-z0-9_]{1,64}$")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 100,
) -> list[EscalationOut]:
    """Open ones, the most urgent first; ``open=false``: all of them, the newest first."""
    async with deps.sessions.reading() as session:
        found = await Escalations(session).list(
            is_open=is_open, call_id=call_id, owner=reader.owner, limit=limit
        )
    return [EscalationOut.of(view) for view in found]


@router.post("", status_code=201, responses=problems(404, 409))
async def raise_escalation(wanted: NewEscalation, deps: Deps, taker: Taker) -> EscalationOut:
    """Tell the supervisors of a live call; it is announced as those of the flow's own rules are."""
    async with deps.sessions.writing(durable=True) as session:
        view = await Escalations(session).open_by_hand(
            wanted.call_id,
            wanted.why,
            wanted.urgency,
            taker.name,
            deps.clock.now(),
            owner=taker.owner,
        )
    return EscalationOut.of(view)


@router.get("/{escalation_id}", responses=problems(404))
async def get_escalation(escalation_id: Id, deps: Deps, reader: Reader) -> EscalationOut:
    async with deps.sessions.reading() as session:
        return EscalationOut.of(await Escalations(session).get(escalation_id, owner=reader.owner))


@router.post("/{escalation_id}/acknowledge", responses=problems(404, 409))
async def acknowledge_escalation(escalation_id: Id, deps: Deps, taker: Taker) -> EscalationOut:
    """I have it: nobody else takes it meanwhile. Saying so again changes nothing."""
    return await _act(deps, escalation_id, EscalationDeed.ACKNOWLEDGE, taker)


@router.post("/{escalation_id}/release", responses=problems(404, 409))
async def release_escalation(escalation_id: Id, deps: Deps, taker: Taker) -> EscalationOut:
    return await _act(deps, escalation_id, EscalationDeed.RELEASE, taker)


@router.post("/{escalation_id}/resolve", responses=problems(404, 409))
async def resolve_escalation(
    escalation_id: Id, wanted: Resolving, deps: Deps, taker: Taker
) -> EscalationOut:
    """It is looked after; one that was gone with its call may be followed up, too."""
    return await _act(deps, escalation_id, EscalationDeed.RESOLVE, taker, wanted.note)


async def _act(
    deps: Deps, escalation_id: str, deed: EscalationDeed, taker: Principal, note: str = ""
) -> EscalationOut:
    person = Person(f"key:{taker.key_id}", Role.SUPERVISOR)
    async with deps.sessions.writing(durable=True) as session:
        view = await Escalations(session).act(
            escalation_id, deed, person, deps.clock.now(), via=_VIA, note=note, owner=taker.owner
        )
    return EscalationOut.of(view)
