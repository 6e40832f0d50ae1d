"""Routes: the draft of a flow, and what is wrong with a text."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Header, Response

from trunkline.api.deps import ApiDeps, Deps, needs
from trunkline.api.errors import PreconditionRequired, problems
from trunkline.api.flow_schemas import (
    Agent,
    DraftOut,
    DraftText,
    ExaminedOut,
    MaybeText,
    findings_out,
)
from trunkline.api.principal import Principal
from trunkline.calls.flow_editor import FlowEditor, check_text
from trunkline.calls.flow_reading import FlowReader
from trunkline.storage.flow_views import DraftView
from trunkline.storage.views import HOUSE

router = APIRouter(prefix="/api/v1/flows", tags=["flows"], responses=problems())

Reader = Annotated[Principal, Depends(needs("flows:read"))]
Writer = Annotated[Principal, Depends(needs("flows:write"))]

_ETAG: Final = r'^(\*|"[0-9]{1,9}")$'
IfMatch = Annotated[
    str | None,
    Header(pattern=_ETAG, description="The draft's ETag, or * for whatever is there."),
]
IfNoneMatch = Annotated[
    str | None, Header(pattern=r"^\*$", description="*: only if there is no draft yet.")
]


def editor_for(deps: ApiDeps, principal: Principal) -> FlowEditor:
    # Files and the shelf are the installation's own: another owner's flows name whom they like.
    agents = deps.flows.agents if principal.owner == HOUSE else None
    return FlowEditor(
        deps.sessions,
        deps.clock,
        deps.catalog.environment,
        owner=principal.owner,
        agents=agents,
    )


def reader_for(deps: ApiDeps, principal: Principal) -> FlowReader:
    return FlowReader(deps.sessions, deps.flows.file_text, owner=principal.owner)


def _based_on(if_match: str | None, if_none_match: str | None = None) -> int | None:
    """The revision that was changed, 0 for none, None for whatever is there."""
    if if_match is not None:
        return None if if_match == "*" else int(if_match.strip('"'))
    if if_none_match is not None:
        return 0
    raise PreconditionRequired(
        "say which state you changed: If-Match with the draft's ETag, or If-None-Match: * when"
        " there is no draft yet",
        code="precondition_required",
    )


def _answer(draft: DraftView, response: Response) -> DraftOut:
    response.headers["etag"] = f'"{draft.revision}"'
    return DraftOut.model_validate(draft)


@router.get("/{agent}/draft", responses=problems(404))
async def get_draft(agent: Agent, deps: Deps, reader: Reader, response: Response) -> DraftOut:
    return _answer(await reader_for(deps, reader).draft(agent), response)


@router.put("/{agent}/draft", responses=problems(412, 428))
async def save_draft(
    agent: Agent,
    wanted: DraftText,
    deps: Deps,
    writer: Writer,
    response: Response,
    if_match: IfMatch = None,
    if_none_match: IfNoneMatch = None,
) -> DraftOut:
    """A draft may have mistakes. Saved by somebody else meanwhile: 412 with what changed."""
    draft = await editor_for(deps, writer).save_draft(
        agent, wanted.text, writer.name, based_on=_based_on(if_match, if_none_match)
    )
    return _answer(draft, response)


@router.delete("/{agent}/draft", status_code=204, responses=problems(404, 412, 428))
async def discard_draft(agent: Agent, deps: Deps, writer: Writer, if_match: IfMatch = None) -> None:
    await editor_for(deps, writer).discard_draft(agent, writer.name, based_on=_based_on(if_match))


@router.post("/{agent}/validate", responses=problems(404))
async def validate(agent: Agent, wanted: MaybeText, deps: Deps, writer: Writer) -> ExaminedOut:
    """All that is wrong with a text, or with the draft, at once. Nothing is saved."""
    text = wanted.text
    if text is None:
        text = (await reader_for(deps, writer).draft(agent)).text
    check_text(text)
    examined = await editor_for(deps, writer).examine(text, agent)
    return ExaminedOut(
        version=examined.version,
        is_publishable=examined.flow is not None and not examined.errors,
        findings=findings_out(examined.findings),
    )
