"""The agents' flows, to read: version, voice, numbers, and what is wrong with a file."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from trunkline.dashboard.deps import DeskDep, OperatorDep, respond
from trunkline.domain.errors import NotFound

router = APIRouter()


@router.get("/flows")
async def flow_list(request: Request, desk: DeskDep, operator: OperatorDep) -> Response:
    if desk.deps.flows is None:
        raise NotFound("this installation shows no flows")
    shelf = desk.deps.flows
    return respond(
        request, desk, operator, "flows.html", cards=shelf.cards(), problems=shelf.problems()
    )
