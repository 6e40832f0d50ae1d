"""Routes: the tools of a flow, and what one would send."""

from __future__ import annotations

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict

from trunkline.api.deps import ApiDeps, Deps
from trunkline.api.errors import problems
from trunkline.api.flow_drafts import Reader, editor_for, reader_for
from trunkline.api.flow_schemas import Agent, Tool
from trunkline.api.flow_versions import Which
from trunkline.api.principal import Principal
from trunkline.calls.flow_editor import FlowRefused
from trunkline.domain.errors import Invalid, NotFound
from trunkline.flows.flow import Flow
from trunkline.flows.tool_context import ToolContext
from trunkline.flows.tool_dry_run import describe_run
from trunkline.flows.tools import RiskClass, ToolFault, ToolSpec
from trunkline.storage.views import HOUSE

router = APIRouter(prefix="/api/v1/flows", tags=["flows"], responses=problems())


class ToolOut(BaseModel):
    """``parameters`` is the JSON Schema that arguments are held against before anything leaves."""

    name: str
    description: str
    parameters: dict[str, Any]
    risk: RiskClass
    timeout_ms: int
    is_dry_run: bool

    @classmethod
    def of(cls, tool: ToolSpec) -> ToolOut:
        return cls(
            name=tool.name,
            description=tool.description,
            parameters=dict(tool.parameters),
            risk=tool.risk,
            timeout_ms=tool.timeout_ms,
            is_dry_run=tool.is_dry_run,
        )


class ToolsOut(BaseModel):
    agent: str
    version: str
    tools: list[ToolOut]


class DryRunIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    arguments: dict[str, Any] = {}


class DryRunOut(BaseModel):
    """The request (``http``, ``python``, ``mcp`` or ``builtin``), its secrets masked."""

    model_config = ConfigDict(extra="allow")

    tool: str
    would_be: str
    timeout_ms: int
    attempts: int
    secrets: list[str]


Of = Annotated[Which, Query(description="`serving`, `draft` or a version")]


@router.get("/{agent}/tools", responses=problems(404))
async def list_tools(agent: Agent, deps: Deps, reader: Reader, of: Of = "serving") -> ToolsOut:
    flow = await _flow(deps, reader, agent, of)
    tools = [ToolOut.of(tool) for tool in flow.tools.values()]
    return ToolsOut(agent=agent, version=flow.version, tools=tools)


@router.post("/{agent}/tools/{tool}/dry-run", response_model=DryRunOut, responses=problems(404))
async def dry_run(
    agent: Agent, tool: Tool, wanted: DryRunIn, deps: Deps, reader: Reader, of: Of = "serving"
) -> Response:
    """The request that the tool would make. Nothing is sent and no secret is read."""
    flow = await _flow(deps, reader, agent, of)
    spec = flow.tools.get(tool)
    if spec is None:
        raise NotFound("the flow has no such tool", code="tool_not_found")
    try:
        orjson.dumps(wanted.arguments)
    except TypeError:
        raise Invalid("integers have at most 64 bits", param="arguments") from None
    try:
        shown = describe_run(
            spec, wanted.arguments, ToolContext("dry-run", "dry-run", flow.variables)
        )
    except ToolFault as fault:
        where = f"arguments.{fault.error.param}" if fault.error.param else "arguments"
        raise Invalid(fault.error.message, code=fault.error.code, param=where) from None
    return Response(orjson.dumps(shown, default=str), media_type="application/json")


async def _flow(deps: ApiDeps, principal: Principal, agent: str, of: str) -> Flow:
    """What serves may come from a file; drafts and versions lie in the database."""
    if of == "serving" and principal.owner == HOUSE:
        served = deps.flows.serving().get(agent)
        if served is None:
            raise NotFound("there is no such agent that serves", code="agent_not_found")
        return served.stable
    text = await reader_for(deps, principal).text_of(agent, of)
    examined = await editor_for(deps, principal).examine(text, agent)
    if examined.flow is None:
        raise FlowRefused(examined.findings)
    return examined.flow
