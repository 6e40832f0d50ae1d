"""Calls to MCP servers that wait for the client's word, and what that word was. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from trunkline.domain.errors import ProtocolError
from trunkline.model.conversation import Conversation
from trunkline.model.mcp.catalog import McpRoute
from trunkline.model.response import ApprovedCall
from trunkline.realtime.mcp_items import McpApprovalRequestItem, McpApprovalResponseItem
from trunkline.realtime.tools import FunctionTool, McpTool, servers_of


def approved_call(
    answer: McpApprovalResponseItem,
    conversation: Conversation,
    tools: Sequence[FunctionTool | McpTool],
) -> ApprovedCall | None:
    """What the answer lets run: None when it says no. ProtocolError when the server is gone."""
    entry = conversation.get(answer.approval_request_id)
    if not answer.approve or entry is None or not isinstance(entry.item, McpApprovalRequestItem):
        return None
    request = entry.item
    for server in servers_of(tools):
        if server.server_label == request.server_label:
            route = McpRoute(server, request.name, needs_approval=False)
            return ApprovedCall(
                route, request.arguments, entry.item_id, request.x_synthesised or ()
            )
    raise ProtocolError(
        f"The MCP server '{request.server_label}' is no longer among the session's tools.",
        code="invalid_value",
        param="item.approval_request_id",
    )
