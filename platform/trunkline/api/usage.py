"""Route: what the model server's sessions used and cost."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from trunkline.api.deps import Deps, needs
from trunkline.api.errors import problems
from trunkline.api.principal import Principal
from trunkline.api.schemas import UtcTime
from trunkline.domain.errors import Invalid
from trunkline.storage.usage import UsageRepository, UsageSum

router = APIRouter(prefix="/api/v1/usage", tags=["usage"], responses=problems())

Admin = Annotated[Principal, Depends(needs("admin"))]


class UsageReport(BaseModel):
    """``cost`` at the prices of when it was stored."""

    since: datetime
    to: datetime
    group_by: str
    data: list[UsageSum]


@router.get("", responses=problems(422))
async def read_usage(
    deps: Deps,
    admin: Admin,
    since: UtcTime | None = None,
    to: UtcTime | None = None,
    group_by: Annotated[Literal["model", "key_id", "kind", "engine"], Query()] = "model",
) -> UsageReport:
    """Sessions that began in [since, to); without them, the last 30 days."""
    until = to or deps.clock.now()
    begin = since or until - timedelta(days=30)
    if begin >= until:
        raise Invalid("since must lie before to", param="since")
    async with deps.sessions.reading() as session:
        sums = await UsageRepository(session).sums(
            begin, until, group_by=group_by, owner=admin.owner
        )
    return UsageReport(since=begin, to=until, group_by=group_by, data=list(sums))
