"""The draft of a flow: written, checked as it is written, saved without losing anybody's words."""

from __future__ import annotations

import asyncio
from typing import Annotated, Final

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from trunkline.calls.flow_editor import EditConflict, Examined, check_text
from trunkline.calls.flow_merge import merge
from trunkline.dashboard.deps import DeskDep, respond
from trunkline.dashboard.flow_compare import compare
from trunkline.dashboard.flow_desk import Agent, EditingDesk, FlowDesk, WritingDesk
from trunkline.dashboard.flow_words import DONE_WORDS
from trunkline.domain.errors import NotFound
from trunkline.storage.flow_views import DraftView

router = APIRouter()

_STARTER: Final = """\
agent:
  name: {name}
  display_name: {title}
  voice: alloy

start: welcome

steps:
  welcome:
    say: Welcome.
    next: bye
  bye:
    say: Goodbye.
    hang_up: done
"""

FormText = Annotated[str, Form()]
Revision = Annotated[int, Form(ge=0, le=999_999_999)]


@router.get("/flows/{agent}/edit")
async def edit(
    request: Request, agent: Agent, desk: DeskDep, flows: EditingDesk, done: str = ""
) -> Response:
    """The draft, or where a new one begins: what serves, else a flow that is already sound."""
    draft = await _draft(flows, agent)
    text = draft.text if draft else await _beginning(flows, agent)
    return await _editor(request, desk, flows, agent, text, draft, done=DONE_WORDS.get(done, ""))


@router.post("/flows/{agent}/edit")
async def save(
    request: Request,
    agent: Agent,
    desk: DeskDep,
    flows: WritingDesk,
    text: FormText = "",
    based_on: Revision = 0,
    then: FormText = "",
) -> Response:
    """``based_on``: the revision that was changed, 0 for none. ``then``: where to go."""
    text = _as_written(text)
    check_text(text)
    if then == "check":
        draft = await _draft(flows, agent)
        return await _editor(request, desk, flows, agent, text, draft, based_on=based_on)
    by = flows.operator.user.username
    try:
        await flows.editor.save_draft(agent, text, by, based_on=based_on)
    except EditConflict as conflict:
        return await _conflict(request, desk, flows, agent, text, conflict)
    if then == "publish":
        return RedirectResponse(f"/flows/{agent}/publish", 303)
    return RedirectResponse(f"/flows/{agent}/edit?done=saved", 303)


@router.post("/flows/{agent}/check")
async def check(
    request: Request, agent: Agent, desk: DeskDep, flows: WritingDesk, text: FormText = ""
) -> Response:
    """The complaints about a text, for the page that shows it. Nothing is saved."""
    text = _as_written(text)
    check_text(text)
    examined = await flows.examine(text, agent)
    return respond(request, desk, flows.operator, "_flow_findings.html", examined=examined)


async def _draft(flows: FlowDesk, agent: str) -> DraftView | None:
    try:
        return await flows.reader.draft(agent)
    except NotFound:
        return None


async def _beginning(flows: FlowDesk, agent: str) -> str:
    try:
        return await flows.reader.text_of(agent, "serving")
    except NotFound:
        return _STARTER.format(name=agent, title=agent.replace("_", " ").title())


def _as_written(text: str) -> str:
    """Browsers send every line's end as CR LF (HTML, form submission)."""
    return text.replace("\r\n", "\n")


async def _editor(
    request: Request,
    desk: DeskDep,
    flows: FlowDesk,
    agent: str,
    text: str,
    draft: DraftView | None,
    *,
    based_on: int | None = None,
    done: str = "",
) -> Response:
    examined: Examined = await flows.examine(text, agent)
    kept = draft.revision if draft else 0
    return respond(
        request,
        desk,
        flows.operator,
        "flow_edit.html",
        agent=agent,
        text=text,
        draft=draft,
        based_on=kept if based_on is None else based_on,
        is_saved=draft is not None and draft.text == text,
        examined=examined,
        done=done,
    )


async def _conflict(
    request: Request,
    desk: DeskDep,
    flows: FlowDesk,
    agent: str,
    mine: str,
    conflict: EditConflict,
) -> Response:
    """Both edits and what they make together; nothing is lost, whatever is chosen."""
    theirs = conflict.current
    base = conflict.base.text if conflict.base else await _beginning(flows, agent)
    now = theirs.text if theirs else base
    name = theirs.saved_by if theirs else "nobody"
    by = flows.operator.user.username
    their_name = name if name != by else f"{name}, saved before"
    async with desk.flow_checks:
        merged = await asyncio.to_thread(merge, base, mine, now, "yours", their_name)
        my_changes = await asyncio.to_thread(compare, base, mine)
        their_changes = await asyncio.to_thread(compare, base, now)
    examined = await flows.examine(merged.text, agent)
    return respond(
        request,
        desk,
        flows.operator,
        "flow_conflict.html",
        status=409,
        agent=agent,
        conflict=conflict,
        theirs=theirs,
        mine=mine,
        merged=merged,
        text=merged.text,
        examined=examined,
        my_changes=my_changes,
        their_changes=their_changes,
        based_on=theirs.revision if theirs else 0,
    )
