"""Routes: calls ordered, and orders taken back."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Header, Query, Response

from trunkline.api.deps import Deps, needs
from trunkline.api.errors import problems
from trunkline.api.placement_schemas import (
    IDEMPOTENCY_PATTERN,
    NewCall,
    PlacementOut,
    SpendOut,
)
from trunkline.api.principal import Principal
from trunkline.api.schemas import Id
from trunkline.calls.order_desk import CallOrder, OrderDesk
from trunkline.domain.errors import Invalid
from trunkline.domain.placement import day_of
from trunkline.domain.tariff import as_amount
from trunkline.storage.audit import Audit
from trunkline.storage.placements import Placements

router = APIRouter(prefix="/api/v1/calls", tags=["calls"], responses=problems())

waiting_router = APIRouter(prefix="/api/v1/placements", tags=["calls"], responses=problems())

ID_PATTERN: Final = r"^[A-Za-z0-9_]{1,64}$"
Reader = Annotated[Principal, Depends(needs("calls:read"))]
Orderer = Annotated[Principal, Depends(needs("calls:write"))]
_Key = Annotated[str | None, Header(alias="Idempotency-Key", pattern=IDEMPOTENCY_PATTERN)]


@router.post("", status_code=202, responses=problems(400, 503))
async def order_call(
    wanted: NewCall, deps: Deps, orderer: Orderer, answer: Response, key: _Key = None
) -> PlacementOut:
    """Order a call. It is dialled at once, or when it is due; ``GET`` its id to see how it goes.

    The same request with the same idempotency key again gives the same call.
    """
    desk = OrderDesk(deps.sessions, deps.rules, deps.flows.serving(), deps.dialler, deps.clock)
    ordered = await desk.order(
        CallOrder(
            to=wanted.to,
            agent=wanted.agent,
            by=orderer.name,
            caller_id=wanted.from_,
            trunk=wanted.trunk,
            variables=wanted.variables,
            metadata=wanted.metadata,
            schedule_at=wanted.schedule_at,
            valid_s=wanted.valid_s,
            ring_s=wanted.ring_s,
            longest_s=wanted.max_duration_s,
            retry=wanted.retry.policy(),
            key_id=orderer.key_id,
            idempotency_key=_one_key(wanted.idempotency_key, key),
            digest=wanted.digest(),
            owner=orderer.owner,
        )
    )
    placement = ordered.placement
    answer.headers["location"] = f"/api/v1/calls/{placement.placement_id}"
    if not ordered.is_new:
        answer.headers["idempotent-replayed"] = "true"
    return PlacementOut.of(placement)


@waiting_router.get("")
async def waiting_calls(
    deps: Deps,
    reader: Reader,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    after: Annotated[str | None, Query(pattern=ID_PATTERN)] = None,
) -> list[PlacementOut]:
    """Ordered calls that are not over, the next due first; ``after``: the last one's id."""
    async with deps.sessions.reading() as session:
        found = await Placements(session).waiting(owner=reader.owner, limit=limit, after=after)
    return [PlacementOut.of(placement) for placement in found]


@waiting_router.get("/spend")
async def spend(deps: Deps, reader: Reader) -> SpendOut:
    """What the day's placed calls have cost, of what they may cost; of the whole house."""
    now = deps.clock.now()
    async with deps.sessions.reading() as session:
        placements = Placements(session)
        spent, live = await placements.spent(now), await placements.live()
    cap = deps.rules.spend_cap
    return SpendOut(
        since=day_of(now),
        spent=as_amount(spent),
        cap=None if cap is None else as_amount(cap),
        currency=deps.rules.currency,
        live=live,
        max_live=deps.rules.max_calls,
    )


@router.post("/{call_id}/cancel", status_code=202, responses=problems(404, 409, 503))
async def cancel_call(call_id: Id, deps: Deps, orderer: Orderer) -> PlacementOut:
    """Take an order back before the call is answered; a phone that rings stops ringing."""
    now = deps.clock.now()
    async with deps.sessions.writing(durable=True) as session:
        placement = await Placements(session).cancel(call_id, now, owner=orderer.owner)
        await Audit(session, owner=orderer.owner).append(
            orderer.name, "call.cancelled", placement.placement_id, now
        )
    attempt = placement.current
    if attempt is not None:
        await deps.commands.hang_up(attempt.call_id, attempt.edge_id, orderer.name)
    return PlacementOut.of(placement)


def _one_key(in_body: str | None, in_header: str | None) -> str | None:
    if in_body and in_header and in_body != in_header:
        raise Invalid(
            "the header and the body give different idempotency keys", param="idempotency_key"
        )
    return in_header or in_body
