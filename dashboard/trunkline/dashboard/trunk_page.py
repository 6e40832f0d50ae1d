"""The trunks: how each stands, what it carries, and what was refused; to look at, not to change."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Request
from redis.exceptions import RedisError
from starlette.responses import Response

from trunkline.calls.trunk_board import TrunkStanding, TrunkState, standing
from trunkline.dashboard.deps import DeskDep, OperatorDep, respond
from trunkline.domain.errors import Forbidden

router = APIRouter()

_WORDS: Final = {
    TrunkState.UP: "up",
    TrunkState.DOWN: "down: it does not answer OPTIONS",
    TrunkState.UNREGISTERED: "not registered",
    TrunkState.UNKNOWN: "known by its addresses; nothing asks it",
}


@router.get("/trunks")
async def trunks_page(request: Request, desk: DeskDep, operator: OperatorDep) -> Response:
    """Whoever may see what was used may see the trunks."""
    if not operator.may_see_usage:
        raise Forbidden("Only supervisors and admins see the trunks.", code="role_missing")
    found: tuple[TrunkStanding, ...] = ()
    is_away = desk.deps.trunks is None
    if desk.deps.trunks is not None:
        try:
            found = standing(await desk.deps.trunks.read())
        except (RedisError, OSError, TimeoutError):
            is_away = True
    return respond(
        request, desk, operator, "trunks.html", trunks=found, words=_WORDS, is_away=is_away
    )
