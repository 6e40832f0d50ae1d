"""Routes: agents, what of theirs serves, and what is wrong with their files."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from fastapi import APIRouter
from pydantic import BaseModel

from trunkline.api.deps import ApiDeps, Deps
from trunkline.api.errors import problems
from trunkline.api.flow_drafts import Reader
from trunkline.api.flow_schemas import Agent
from trunkline.api.principal import Principal
from trunkline.calls.serving import Served
from trunkline.domain.errors import NotFound
from trunkline.storage.flow_versions import FlowRepository
from trunkline.storage.flow_views import AgentView
from trunkline.storage.views import HOUSE

router = APIRouter(prefix="/api/v1/flows", tags=["flows"], responses=problems())


class CanaryOut(BaseModel):
    """``version`` takes ``percent`` of the calls that begin."""

    version: str
    percent: int


class DraftNote(BaseModel):
    revision: int
    saved_at: datetime
    saved_by: str


class FlowOut(BaseModel):
    """``version`` serves, from a publication or (``is_published`` false) a file; null: none does.

    ``steps`` and ``tools`` are those of ``version``.
    """

    agent: str
    display_name: str
    version: str | None
    is_published: bool
    language: str
    voice: str
    steps: list[str]
    tools: list[str]
    canary: CanaryOut | None
    draft: DraftNote | None


class FlowFileProblem(BaseModel):
    """A file or publication that cannot be taken as it is; the last good one keeps serving."""

    file: str
    complaints: list[str]


class FlowsOut(BaseModel):
    flows: list[FlowOut]
    problems: list[FlowFileProblem]


@router.get("")
async def list_flows(deps: Deps, reader: Reader) -> FlowsOut:
    """By name: agents that serve, and those that have a draft or versions only."""
    async with deps.sessions.reading() as session:
        known = await FlowRepository(session, owner=reader.owner).agents()
    kept = {agent.name: agent for agent in known}
    serving = _serving(deps, reader)
    names = sorted({*kept, *serving})
    return FlowsOut(
        flows=[_flow(name, serving.get(name), kept.get(name)) for name in names],
        problems=[
            FlowFileProblem(file=Path(path).name, complaints=[str(one) for one in complaints])
            for path, complaints in deps.flows.complaints.items()
        ],
    )


@router.get("/{agent}", responses=problems(404))
async def one_flow(agent: Agent, deps: Deps, reader: Reader) -> FlowOut:
    async with deps.sessions.reading() as session:
        kept = await FlowRepository(session, owner=reader.owner).find_agent(agent)
    served = _serving(deps, reader).get(agent)
    if kept is None and served is None:
        raise NotFound("there is no such agent", code="agent_not_found")
    return _flow(agent, served, kept)


def _serving(deps: ApiDeps, reader: Principal) -> dict[str, Served]:
    """This installation's agents are its own owner's to see."""
    return deps.flows.serving() if reader.owner == HOUSE else {}


def _flow(name: str, served: Served | None, kept: AgentView | None) -> FlowOut:
    draft = kept.draft if kept else None
    flow = served.stable if served else None
    canary = served.canary if served else None
    return FlowOut(
        agent=name,
        display_name=flow.agent.display_name if flow else "",
        version=flow.version if flow else (kept.slots.stable if kept else None),
        is_published=bool(kept and kept.slots.stable),
        language=flow.agent.language if flow else "",
        voice=flow.agent.voice if flow else "",
        steps=list(flow.steps) if flow else [],
        tools=list(flow.tools) if flow else [],
        canary=CanaryOut(version=canary.version, percent=served.percent)
        if served and canary
        else None,
        draft=DraftNote(revision=draft.revision, saved_at=draft.saved_at, saved_by=draft.saved_by)
        if draft
        else None,
    )
