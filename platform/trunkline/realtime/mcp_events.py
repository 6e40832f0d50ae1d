"""Server events about MCP servers and their tools (contract 5 and 9.1, GA only)."""

from __future__ import annotations

from typing import Literal

from trunkline.realtime.wire import ServerEventBase


class McpListToolsInProgress(ServerEventBase):
    type: Literal["mcp_list_tools.in_progress"] = "mcp_list_tools.in_progress"
    item_id: str


class McpListToolsCompleted(ServerEventBase):
    type: Literal["mcp_list_tools.completed"] = "mcp_list_tools.completed"
    item_id: str


class McpListToolsFailed(ServerEventBase):
    type: Literal["mcp_list_tools.failed"] = "mcp_list_tools.failed"
    item_id: str


class _OfCall(ServerEventBase):
    item_id: str
    output_index: int


class McpCallInProgress(_OfCall):
    type: Literal["response.mcp_call.in_progress"] = "response.mcp_call.in_progress"


class McpCallCompleted(_OfCall):
    type: Literal["response.mcp_call.completed"] = "response.mcp_call.completed"


class McpCallFailed(_OfCall):
    type: Literal["response.mcp_call.failed"] = "response.mcp_call.failed"


class McpCallArgumentsDelta(_OfCall):
    type: Literal["response.mcp_call_arguments.delta"] = "response.mcp_call_arguments.delta"
    response_id: str
    delta: str


class McpCallArgumentsDone(_OfCall):
    type: Literal["response.mcp_call_arguments.done"] = "response.mcp_call_arguments.done"
    response_id: str
    arguments: str
