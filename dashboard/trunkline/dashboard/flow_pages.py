"""The agents' flows, to read: what serves, drawings, versions, and what lies between two."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from datetime import datetime
from itertools import takewhile
from typing import Annotated, Final

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import RedirectResponse, Response

from trunkline.dashboard.deps import DeskDep, respond
from trunkline.dashboard.flow_compare import compare
from trunkline.dashboard.flow_desk import Agent, AgentLine, FlowDesk, FlowDeskDep, WritingDesk
from trunkline.dashboard.flow_words import DONE_WORDS, record_of
from trunkline.domain.errors import Invalid, NotFound
from trunkline.flows.check.findings import Finding
from trunkline.flows.draw.svg import draw_flow
from trunkline.flows.flow import Flow
from trunkline.flows.schema.document import NAME_PATTERN
from trunkline.storage.calls import CallRepository
from trunkline.storage.flow_versions import FlowRepository
from trunkline.storage.flow_views import PublicationView

router = APIRouter()

PAGE_VERSIONS: Final = 20
_HISTORY: Final = 12
_WHICH: Final = r"^(draft|serving|[0-9a-f]{1,64})$"
Which = Annotated[str, Query(pattern=_WHICH)]
Before = Annotated[int | None, Query(ge=1, le=2**31 - 1)]
# A drawing carries its own style; as an image it can load and run nothing anyway.
_DRAWING_HEADERS: Final = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
    "cache-control": "private, no-cache",
}


@router.get("/flows")
async def flow_list(request: Request, desk: DeskDep, flows: FlowDeskDep) -> Response:
    return respond(
        request,
        desk,
        flows.operator,
        "flows.html",
        agents=await flows.agents(),
        problems=flows.flows.problems(),
    )


@router.post("/flows")
async def new_flow(
    request: Request, desk: DeskDep, flows: WritingDesk, name: Annotated[str, Form()] = ""
) -> Response:
    """Lead whoever names a new agent to its draft; nothing is made before it is saved."""
    if not re.fullmatch(NAME_PATTERN, name.strip()):
        raise Invalid(
            "An agent's name has small letters, digits and underscores, and begins with a letter."
        )
    return RedirectResponse(f"/flows/{name.strip()}/edit", 303)


@router.get("/flows/{agent}")
async def one_flow(
    request: Request,
    agent: Agent,
    desk: DeskDep,
    flows: FlowDeskDep,
    before: Before = None,
    done: str = "",
) -> Response:
    line = await flows.agent(agent)
    changes = await flows.reader.changes(agent, limit=PAGE_VERSIONS, before=before)
    async with desk.deps.sessions.reading() as session:
        known = FlowRepository(session, owner=flows.operator.user.owner)
        history = await known.history(agent, limit=_HISTORY)
        started = _canary_since(line, history)
        calls = CallRepository(session)
        owner = flows.operator.user.owner
        tallies = await calls.tally(agent, started, owner=owner) if started else ()
    return respond(
        request,
        desk,
        flows.operator,
        "flow.html",
        agent=line,
        changes=changes,
        next_before=changes[-1].version.number if len(changes) == PAGE_VERSIONS else None,
        history=history,
        canary_since=started,
        records=[
            (version, record_of(tallies, version))
            for version in (line.slots.stable, line.slots.canary)
            if version and started
        ],
        done=DONE_WORDS.get(done, ""),
        problems=[
            one
            for one in flows.flows.problems()
            if one.file.split(" ")[0].removesuffix(".yaml") == agent
        ],
    )


def _canary_since(line: AgentLine, history: Sequence[PublicationView]) -> datetime | None:
    """When the canary that runs was started; at the latest when the history shown begins."""
    if line.slots.canary is None:
        return None
    own = list(takewhile(lambda one: one.slots.canary == line.slots.canary, history))
    return own[-1].at if own else None


@router.get("/flows/{agent}/drawing")
async def drawing(
    agent: Agent, desk: DeskDep, flows: FlowDeskDep, of: Which = "serving"
) -> Response:
    """An image; steps that a finding is about are marked in drafts."""
    flow, findings = await _drawable(flows, agent, of)
    async with desk.flow_checks:
        picture = await asyncio.to_thread(draw_flow, flow, findings)
    return Response(picture, media_type="image/svg+xml", headers=_DRAWING_HEADERS)


async def _drawable(flows: FlowDesk, agent: str, of: str) -> tuple[Flow, tuple[Finding, ...]]:
    served = flows.flows.shelf.serving().get(agent)
    if served is not None and of in ("serving", served.stable.version):
        return served.stable, ()
    examined = await flows.examine(await flows.reader.text_of(agent, of), agent)
    if examined.flow is None:
        raise NotFound("This text has mistakes, and cannot be drawn before they are mended.")
    return examined.flow, examined.findings if of == "draft" else ()


@router.get("/flows/{agent}/versions/{version}")
async def one_version(
    request: Request, agent: Agent, version: str, desk: DeskDep, flows: FlowDeskDep
) -> Response:
    line = await flows.agent(agent)
    if version == "serving":
        version = line.slots.stable or version
    kept, text = None, ""
    if version == "serving":
        text = await flows.reader.text_of(agent, version)
    else:
        async with desk.deps.sessions.reading() as session:
            known = FlowRepository(session, owner=flows.operator.user.owner)
            kept = await known.version(agent, version)
        text = kept.text
    return respond(
        request, desk, flows.operator, "flow_version.html", agent=line, kept=kept, text=text
    )


@router.get("/flows/{agent}/diff")
async def diff(
    request: Request,
    agent: Agent,
    desk: DeskDep,
    flows: FlowDeskDep,
    old: Which = "serving",
    new: Which = "draft",
) -> Response:
    line = await flows.agent(agent)
    before = await flows.reader.text_of(agent, old)
    after = await flows.reader.text_of(agent, new)
    async with desk.deps.sessions.reading() as session:
        known = FlowRepository(session, owner=flows.operator.user.owner)
        versions = await known.versions(agent, limit=200)
    async with desk.flow_checks:
        compared = await asyncio.to_thread(compare, before, after)
    return respond(
        request,
        desk,
        flows.operator,
        "flow_diff.html",
        agent=line,
        compared=compared,
        versions=versions,
        old=old,
        new=new,
    )
