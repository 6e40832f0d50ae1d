"""What the model server's sessions used and cost, by key, model and day."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from trunkline.dashboard.deps import DeskDep, OperatorDep, respond, zone_of
from trunkline.dashboard.usage_days import (
    CHART_HEIGHT,
    CHART_WIDTH,
    MEASURES,
    days_until,
    midnights,
    sheets,
)
from trunkline.domain.errors import Forbidden
from trunkline.storage.keys import KeyRepository
from trunkline.storage.usage import UsageRepository

router = APIRouter()

SPANS: Final = (7, 30, 90)
# Not rows of keys: given by the environment, and used by our own calls.
_KEY_WORDS: Final = {"environment": "TRUNKLINE_API_KEY", "": "no key"}
Text = Annotated[str, Query(max_length=256)]


@router.get("/usage")
async def usage_page(
    request: Request,
    desk: DeskDep,
    operator: OperatorDep,
    days: int = 30,
    measure: str = "",
    key: Text = "",
    model: Text = "",
) -> Response:
    """Days are the operator's; ``key`` and ``model`` keep to one."""
    if not operator.may_see_usage:
        raise Forbidden("Only supervisors and admins see what was used.", code="role_missing")
    owner = operator.user.owner
    zone = zone_of(request)
    span = days if days in SPANS else 30
    shown = days_until(desk.deps.clock.now(), span, zone)
    async with desk.deps.sessions.reading() as session:
        found = await UsageRepository(session).by_day(midnights(shown, zone), owner=owner)
        keys = await KeyRepository(session).list(owner=owner)
    rows = [one for one in found if key in ("", one.key_id) and model in ("", one.model)]
    # Engines of our own cost nothing until somebody gives them a price.
    chosen = measure if measure in MEASURES else "cost" if any(r.cost for r in rows) else "tokens"
    return respond(
        request,
        desk,
        operator,
        "usage.html",
        sheets=sheets(rows, shown, chosen),
        shown_days=shown,
        spans=SPANS,
        span=span,
        measures=MEASURES,
        measure=chosen,
        key=key,
        model=model,
        models=sorted({one.model for one in found}),
        key_ids=sorted({one.key_id for one in found}),
        key_names=_KEY_WORDS | {one.key_id: one.name for one in keys},
        chart=(CHART_WIDTH, CHART_HEIGHT),
    )
