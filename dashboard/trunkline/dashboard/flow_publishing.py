"""Letting a flow serve: publishing, going back, canaries; each is asked first and audited."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from trunkline.calls.flow_editor import (
    MAX_NOTE_CHARS,
    EditConflict,
    Examined,
    FlowRefused,
    Published,
)
from trunkline.dashboard.deps import DeskDep, IsPartial, respond
from trunkline.dashboard.flow_compare import compare
from trunkline.dashboard.flow_desk import Agent, AgentLine, EditingDesk, FlowDesk, WritingDesk
from trunkline.domain.errors import Conflict, Invalid, NotFound

router = APIRouter()

Note = Annotated[str, Form(max_length=MAX_NOTE_CHARS)]
FormText = Annotated[str, Form()]
Revision = Annotated[int | None, Form(ge=1, le=999_999_999)]
Percent = Annotated[int, Form(ge=1, le=99)]


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked before something is done that every next caller notices."""

    title: str
    text: str
    button: str
    is_grave: bool = False


_QUESTIONS: Final = {
    "promote": Question(
        "Let the canary serve every call?",
        "Version {canary} takes all calls that begin from now on, and {stable} none.",
        "Promote",
    ),
    "stop": Question(
        "Stop the canary?",
        "Version {stable} takes all calls again. Calls that {canary} has keep it to their end.",
        "Stop the canary",
    ),
    "withdraw": Question(
        "Withdraw what is published?",
        "Version {stable} takes no more calls. If a file has this agent, the file serves;"
        " otherwise its numbers lead nowhere.",
        "Withdraw",
        is_grave=True,
    ),
    "discard": Question(
        "Discard the draft?",
        "Revision {revision} and what is written in it go. Versions and what serves stay.",
        "Discard",
        is_grave=True,
    ),
}


@router.get("/flows/{agent}/publish")
async def confirm_publish(
    request: Request, agent: Agent, desk: DeskDep, flows: EditingDesk
) -> Response:
    return await _publish_page(request, desk, flows, agent)


@router.post("/flows/{agent}/publish")
async def publish(
    request: Request,
    agent: Agent,
    desk: DeskDep,
    flows: WritingDesk,
    revision: Revision = None,
    note: Note = "",
) -> Response:
    """Refused with its findings, or because the draft is no longer the one that was shown."""
    by = flows.operator.user.username
    work = flows.editor.publish(agent, by, revision=revision, note=note.strip())
    try:
        return await _done(flows, agent, work, "published")
    except FlowRefused as refused:
        return await _publish_page(request, desk, flows, agent, refused.message, note, status=422)
    except EditConflict as moved:
        name = moved.current.saved_by if moved.current else ""
        problem = f"{name} saved meanwhile: this is what would be published now." if name else ""
        return await _publish_page(request, desk, flows, agent, problem, note, status=409)
    except Conflict as exc:
        return await _publish_page(request, desk, flows, agent, exc.message, note, status=409)


async def _publish_page(
    request: Request,
    desk: DeskDep,
    flows: FlowDesk,
    agent: str,
    problem: str = "",
    note: str = "",
    *,
    status: int = 200,
) -> Response:
    line = await flows.agent(agent)
    if line.draft is None:
        raise NotFound("This agent has no draft to publish.", code="draft_not_found")
    examined = await flows.examine(line.draft.text, agent)
    return respond(
        request,
        desk,
        flows.operator,
        "flow_publish.html",
        status=status,
        agent=line,
        examined=examined,
        compared=await _against_serving(desk, flows, agent, line.draft.text),
        problem=problem,
        note=note,
    )


async def _against_serving(desk: DeskDep, flows: FlowDesk, agent: str, text: str) -> object:
    try:
        serving = await flows.reader.text_of(agent, "serving")
    except NotFound:
        serving = ""
    async with desk.flow_checks:
        return await asyncio.to_thread(compare, serving, text)


@router.get("/flows/{agent}/restore/{version}")
async def confirm_restore(
    request: Request, agent: Agent, version: str, desk: DeskDep, flows: EditingDesk
) -> Response:
    line = await flows.agent(agent)
    text = await flows.reader.text_of(agent, _hash(version))
    return respond(
        request,
        desk,
        flows.operator,
        "flow_restore.html",
        agent=line,
        version=version,
        compared=await _against_serving(desk, flows, agent, text),
    )


@router.post("/flows/{agent}/restore/{version}")
async def restore(
    request: Request,
    agent: Agent,
    version: str,
    desk: DeskDep,
    flows: WritingDesk,
    note: Note = "",
) -> Response:
    """Refused when it has become wrong: what it leaned on may be gone."""
    by = flows.operator.user.username
    work = flows.editor.restore(agent, _hash(version), by, note=note.strip())
    try:
        return await _done(flows, agent, work, "restored")
    except FlowRefused as refused:
        return _refused(request, desk, flows, agent, refused)


@router.post("/flows/{agent}/canary")
async def set_canary(
    request: Request,
    agent: Agent,
    desk: DeskDep,
    flows: WritingDesk,
    percent: Percent,
    version: FormText = "",
    revision: Revision = None,
    note: Note = "",
) -> Response:
    """``version``: the draft (as ``revision``), or a version; empty: the canary that runs."""
    chosen = None if version in ("", "draft") else _hash(version)
    work = flows.editor.set_canary(
        agent,
        percent,
        flows.operator.user.username,
        version=chosen,
        revision=revision if version == "draft" else None,
        note=note.strip(),
    )
    try:
        return await _done(flows, agent, work, "canary")
    except FlowRefused as refused:
        return _refused(request, desk, flows, agent, refused)


def _refused(
    request: Request, desk: DeskDep, flows: FlowDesk, agent: str, refused: FlowRefused
) -> Response:
    """What stands in the way, line by line."""
    examined = Examined("", None, refused.findings)
    return respond(
        request,
        desk,
        flows.operator,
        "flow_refused.html",
        status=422,
        agent=agent,
        examined=examined,
    )


@router.get("/flows/{agent}/ask/{action}")
async def ask(
    request: Request,
    agent: Agent,
    action: str,
    desk: DeskDep,
    flows: EditingDesk,
    is_partial: IsPartial = False,
) -> Response:
    """The question: as a dialog's content, or as a page where there is no script."""
    line = await flows.agent(agent)
    question = _question(action)
    text = question.text.format(
        stable=(line.slots.stable or "—")[:12],
        canary=(line.slots.canary or "—")[:12],
        revision=line.draft.revision if line.draft else "—",
    )
    template = "_flow_ask.html" if is_partial else "flow_ask.html"
    return respond(
        request,
        desk,
        flows.operator,
        template,
        agent=line,
        action=action,
        question=question,
        text=text,
    )


@router.post("/flows/{agent}/ask/{action}")
async def act(
    agent: Agent, action: str, flows: WritingDesk, note: Note = "", revision: Revision = None
) -> Response:
    by, editor = flows.operator.user.username, flows.editor
    _question(action)
    if action == "discard":
        await editor.discard_draft(agent, by, based_on=revision)
        return RedirectResponse(_page_of(await flows.agents(), agent, "discarded"), 303)
    does = {
        "promote": (editor.promote_canary, "promoted"),
        "stop": (editor.stop_canary, "stopped"),
        "withdraw": (editor.withdraw, "withdrawn"),
    }
    work, done = does[action]
    return await _done(flows, agent, work(agent, by, note=note.strip()), done)


async def _done(
    flows: FlowDesk, agent: str, work: Awaitable[Published], done: str
) -> RedirectResponse:
    await work
    # Who publishes is not shown the past.
    await flows.flows.shelf.look()
    return RedirectResponse(f"/flows/{agent}?done={done}", 303)


def _question(action: str) -> Question:
    if action not in _QUESTIONS:
        raise NotFound("There is nothing at this address.")
    return _QUESTIONS[action]


def _page_of(agents: list[AgentLine], agent: str, done: str) -> str:
    """A flow that was a mere draft is in the list no more once that is discarded."""
    there = any(line.name == agent for line in agents)
    return f"/flows/{agent}?done={done}" if there else "/flows"


def _hash(version: str) -> str:
    if not version or len(version) > 64 or not set(version) <= set("0123456789abcdef"):
        raise Invalid("A version is written in hexadecimal digits.", param="version")
    return version
