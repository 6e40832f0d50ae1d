"""Route: how the trunks stand, as the edges that are up tell it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel
from redis.exceptions import RedisError

from trunkline.api.deps import Deps, needs
from trunkline.api.errors import problems
from trunkline.api.principal import Principal
from trunkline.calls.trunk_board import TrunkBoard, TrunkState, standing
from trunkline.domain.errors import TrunklineError

router = APIRouter(prefix="/api/v1/trunks", tags=["trunks"], responses=problems())

Reader = Annotated[Principal, Depends(needs("calls:read"))]


class TrunkInfo(BaseModel):
    """Counters are of the edges that are up, since each began; ``refused`` is by SIP status."""

    name: str
    state: TrunkState
    auth: str
    registrar: str
    srtp: str
    prefixes: list[str]
    max_calls: int
    calls_per_second: float
    calls_burst: int
    options_s: int
    is_registered: bool | None
    is_up: bool | None
    problem: str
    options_status: int
    retry_in_s: int
    calls_up: int
    calls_taken: int
    limited: int
    failovers: int
    registration_failures: int
    refused: dict[str, int]
    edges: int


class TrunkList(BaseModel):
    """``data`` is empty while no edge is up: trunks stand in the configuration, edges read it."""

    data: list[TrunkInfo]


@router.get("", responses=problems(503))
async def list_trunks(deps: Deps, _: Reader) -> TrunkList:
    """To change one, edit its ``[[trunks]]`` table and start the edges anew."""
    try:
        readings = await TrunkBoard(deps.redis, deps.clock).read()
    except (RedisError, OSError, TimeoutError):
        raise TrunklineError(
            "nobody can say how the trunks stand: Redis is away", code="redis_away"
        ) from None
    return TrunkList(
        data=[
            TrunkInfo(
                **{
                    name: getattr(one.reading, name)
                    for name in TrunkInfo.model_fields
                    if name not in ("state", "edges", "prefixes", "refused")
                },
                state=one.state,
                edges=one.edges,
                prefixes=list(one.reading.prefixes),
                refused=dict(one.reading.refused),
            )
            for one in standing(readings)
        ]
    )
