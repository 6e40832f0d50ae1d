"""Routes: versions of a flow, what serves, and how it came to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Response

from trunkline.api.deps import ApiDeps, Deps, needs
from trunkline.api.errors import problems
from trunkline.api.flow_drafts import Reader, editor_for, reader_for
from trunkline.api.flow_schemas import (
    Agent,
    CanaryIn,
    DiffLineOut,
    DiffOut,
    HistoryOut,
    PublicationOut,
    PublishedOut,
    Publishing,
    Restoring,
    Version,
    VersionOut,
    VersionsOut,
    VersionTextOut,
    Why,
)
from trunkline.api.principal import Principal
from trunkline.calls.flow_diff import diff_lines
from trunkline.calls.flow_editor import FlowEditor, Published
from trunkline.storage.flow_versions import FlowRepository

router = APIRouter(prefix="/api/v1/flows", tags=["flows"], responses=problems())

Limit = Annotated[int, Query(ge=1, le=200)]
Before = Annotated[int | None, Query(ge=1, le=2**31 - 1)]
# "serving" is the stable version; a canary is named by its version.
Which = Annotated[str, Query(pattern=r"^(draft|serving|[0-9a-f]{1,64})$")]

_YAML: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "The version", "content": {"application/yaml": {}}},
    **problems(404),
}


class Format(StrEnum):
    JSON = "json"
    YAML = "yaml"


@dataclass(frozen=True, slots=True)
class _Press:
    """The editor of whoever may publish, and how they are told what came of it."""

    editor: FlowEditor
    by: str
    deps: ApiDeps

    async def told(self, done: Awaitable[Published]) -> PublishedOut:
        published = await done
        # Who publishes and then asks what serves is not told of the past.
        await self.deps.flows.look()
        return PublishedOut.of(published)


def get_press(
    deps: Deps, publisher: Annotated[Principal, Depends(needs("flows:publish"))]
) -> _Press:
    return _Press(editor_for(deps, publisher), publisher.name, deps)


Press = Annotated[_Press, Depends(get_press)]


@asynccontextmanager
async def _known(deps: ApiDeps, reader: Principal, agent: str) -> AsyncIterator[FlowRepository]:
    """The reader's flows; NotFound when the database has no such agent."""
    async with deps.sessions.reading() as session:
        flows = FlowRepository(session, owner=reader.owner)
        await flows.agent(agent)
        yield flows


@router.get("/{agent}/versions", responses=problems(404))
async def list_versions(
    agent: Agent, deps: Deps, reader: Reader, limit: Limit = 50, before: Before = None
) -> VersionsOut:
    """Without texts. A version is kept for good once it was published."""
    async with _known(deps, reader, agent) as flows:
        found = await flows.versions(agent, limit=limit, before=before)
    return VersionsOut(
        versions=[VersionOut.model_validate(one) for one in found],
        next_before=found[-1].number if len(found) == limit else None,
    )


@router.get("/{agent}/versions/{version}", response_model=VersionTextOut, responses=_YAML)
async def one_version(
    agent: Agent, version: Version, deps: Deps, reader: Reader, format: Format = Format.JSON
) -> VersionTextOut | Response:
    """As JSON with its text, or with ``format=yaml`` the text alone, byte for byte."""
    async with deps.sessions.reading() as session:
        found = await FlowRepository(session, owner=reader.owner).version(agent, version)
    if format is Format.YAML:
        name = f'attachment; filename="{agent}-{version}.yaml"'
        return Response(
            found.text.encode(),
            media_type="application/yaml",
            headers={"content-disposition": name},
        )
    return VersionTextOut.model_validate(found)


@router.get("/{agent}/diff", responses=problems(404))
async def diff(
    agent: Agent, deps: Deps, reader: Reader, old: Which = "serving", new: Which = "draft"
) -> DiffOut:
    """By lines; ``old`` and ``new`` are ``draft``, ``serving`` or a version."""
    texts = reader_for(deps, reader)
    before, after = await texts.text_of(agent, old), await texts.text_of(agent, new)
    lines = await asyncio.to_thread(diff_lines, before, after)
    return DiffOut(old=old, new=new, lines=[DiffLineOut.model_validate(one) for one in lines])


@router.get("/{agent}/history", responses=problems(404))
async def history(
    agent: Agent, deps: Deps, reader: Reader, limit: Limit = 50, before: Before = None
) -> HistoryOut:
    """What served when, and who let it."""
    async with _known(deps, reader, agent) as flows:
        found = await flows.history(agent, limit=limit, before=before)
    return HistoryOut(
        publications=[PublicationOut.of(one) for one in found],
        next_before=found[-1].seq if len(found) == limit else None,
    )


@router.post("/{agent}/publish", responses=problems(404, 409))
async def publish(agent: Agent, wanted: Publishing, press: Press) -> PublishedOut:
    """The draft serves every call that begins from now on, unless the checker finds an error."""
    return await press.told(
        press.editor.publish(agent, press.by, revision=wanted.revision, note=wanted.note)
    )


@router.post("/{agent}/restore", responses=problems(404, 409))
async def restore(agent: Agent, wanted: Restoring, press: Press) -> PublishedOut:
    """An earlier version serves all calls again."""
    return await press.told(press.editor.restore(agent, wanted.version, press.by, note=wanted.note))


@router.post("/{agent}/withdraw", responses=problems(404, 409))
async def withdraw(agent: Agent, wanted: Why, press: Press) -> PublishedOut:
    """Nothing published serves any more; a file of the agent's name does, if there is one."""
    return await press.told(press.editor.withdraw(agent, press.by, note=wanted.note))


@router.post("/{agent}/canary", responses=problems(404, 409))
async def set_canary(agent: Agent, wanted: CanaryIn, press: Press) -> PublishedOut:
    """A version takes ``percent`` of the calls beside the one that serves."""
    return await press.told(
        press.editor.set_canary(
            agent,
            wanted.percent,
            press.by,
            version=wanted.version,
            revision=wanted.revision,
            note=wanted.note,
        )
    )


@router.post("/{agent}/canary/stop", responses=problems(404, 409))
async def stop_canary(agent: Agent, wanted: Why, press: Press) -> PublishedOut:
    """The stable version takes all calls again; running ones keep what they have."""
    return await press.told(press.editor.stop_canary(agent, press.by, note=wanted.note))


@router.post("/{agent}/canary/promote", responses=problems(404, 409))
async def promote_canary(agent: Agent, wanted: Why, press: Press) -> PublishedOut:
    """The canary takes all calls."""
    return await press.told(press.editor.promote_canary(agent, press.by, note=wanted.note))
