"""Conversation items that MCP servers leave behind (contract 9.1)."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from trunkline.domain.events import Json
from trunkline.realtime.wire import CompactModel

MAX_MCP_TEXT_CHARS = 262_144


class McpListedTool(CompactModel):
    name: str
    input_schema: Json
    description: str | None = None
    annotations: Json = None


class McpListToolsItem(CompactModel):
    """``error``: why the server's tools are not known."""

    type: Literal["mcp_list_tools"] = "mcp_list_tools"
    id: str | None = None
    server_label: str
    tools: tuple[McpListedTool, ...] = ()
    error: str | None = None


class McpProtocolError(CompactModel):
    """``code``: JSON-RPC's, or ours below -32000 for a server that could not be understood."""

    type: Literal["protocol_error"] = "protocol_error"
    code: int
    message: str


class McpToolExecutionError(CompactModel):
    type: Literal["tool_execution_error"] = "tool_execution_error"
    message: str


class McpHttpError(CompactModel):
    type: Literal["http_error"] = "http_error"
    code: int
    message: str


McpError: TypeAlias = Annotated[
    McpProtocolError | McpToolExecutionError | McpHttpError, Field(discriminator="type")
]


class McpCallItem(CompactModel):
    """``x_synthesised`` lists JSON pointers of arguments that nobody said (a forced call)."""

    type: Literal["mcp_call"] = "mcp_call"
    id: str | None = None
    server_label: str
    name: str
    arguments: str = Field(max_length=MAX_MCP_TEXT_CHARS)
    approval_request_id: str | None = None
    output: Annotated[str, Field(max_length=MAX_MCP_TEXT_CHARS)] | None = None
    error: McpError | None = None
    x_synthesised: tuple[str, ...] | None = None


class McpApprovalRequestItem(CompactModel):
    type: Literal["mcp_approval_request"] = "mcp_approval_request"
    id: str | None = None
    server_label: str
    name: str
    arguments: str
    x_synthesised: tuple[str, ...] | None = None


class McpApprovalResponseItem(CompactModel):
    type: Literal["mcp_approval_response"] = "mcp_approval_response"
    id: str | None = None
    approval_request_id: str
    approve: bool
    reason: Annotated[str, Field(max_length=4096)] | None = None
