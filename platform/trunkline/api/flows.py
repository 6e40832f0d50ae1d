"""Routes: the flows that serve, and what is wrong with their files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from trunkline.api.deps import Deps, needs
from trunkline.api.errors import problems
from trunkline.api.principal import Principal

router = APIRouter(prefix="/api/v1/flows", tags=["flows"], responses=problems())

Reader = Annotated[Principal, Depends(needs("flows:read"))]


class FlowOut(BaseModel):
    agent: str
    display_name: str
    version: str
    language: str
    voice: str
    steps: list[str]
    tools: list[str]


class FlowFileProblem(BaseModel):
    """A file that cannot be taken as it is now; its last good version keeps serving."""

    file: str
    complaints: list[str]


class FlowsOut(BaseModel):
    flows: list[FlowOut]
    problems: list[FlowFileProblem]


@router.get("")
async def list_flows(deps: Deps, _: Reader) -> FlowsOut:
    return FlowsOut(
        flows=[
            FlowOut(
                agent=flow.agent.name,
                display_name=flow.agent.display_name,
                version=flow.version,
                language=flow.agent.language,
                voice=flow.agent.voice,
                steps=list(flow.steps),
                tools=list(flow.tools),
            )
            for flow in deps.catalog.flows()
        ],
        problems=[
            FlowFileProblem(file=Path(path).name, complaints=[str(one) for one in complaints])
            for path, complaints in deps.catalog.complaints.items()
        ],
    )
