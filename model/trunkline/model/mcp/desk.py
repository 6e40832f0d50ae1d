"""The MCP servers of one session: asked for their tools when they are named, once each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from trunkline.domain.errors import ProtocolError
from trunkline.domain.ids import mint
from trunkline.model.conversation import Conversation
from trunkline.model.mcp.catalog import Offer, allowed, offer
from trunkline.model.mcp.client import McpClient, McpFailure
from trunkline.realtime import server_events as ev
from trunkline.realtime.mcp_items import McpListedTool, McpListToolsItem
from trunkline.realtime.tools import (
    FunctionTool,
    McpTool,
    NamedFunction,
    NamedMcp,
    servers_of,
)

MAX_LISTING: Final = 32
_Server: TypeAlias = tuple[str, str | None, str | None, tuple[tuple[str, str], ...]]


def _server_of(tool: McpTool) -> _Server:
    headers = tuple(sorted((tool.headers or {}).items()))
    return tool.server_label, tool.server_url, tool.authorization, headers


class McpDesk:
    """``on_listed``: what the engine may be offered has changed."""

    def __init__(
        self,
        client: McpClient,
        conversation: Conversation,
        emit: Callable[[list[ev.ServerEvent]], None],
        tasks: asyncio.TaskGroup,
        on_listed: Callable[[], None],
    ) -> None:
        self.client = client
        self._conversation = conversation
        self._emit = emit
        self._tasks = tasks
        self._on_listed = on_listed
        self._listed: dict[_Server, tuple[McpListedTool, ...]] = {}
        self._pending: dict[_Server, asyncio.Event] = {}

    def require_room(self, tools: Sequence[FunctionTool | McpTool]) -> None:
        """ProtocolError when too many servers are being asked already."""
        new = [one for one in servers_of(tools) if _server_of(one) not in self._listed]
        if new and len(self._pending) + len(new) > MAX_LISTING:
            raise ProtocolError(
                "Too many MCP servers are still being asked for their tools.",
                code="rate_limit_exceeded",
                param="session.tools",
            )

    def sync(self, tools: Sequence[FunctionTool | McpTool]) -> None:
        """Ask servers that are new; one that failed before is asked again."""
        for server in servers_of(tools):
            key = _server_of(server)
            if key in self._listed or key in self._pending:
                continue
            self._pending[key] = asyncio.Event()
            self._tasks.create_task(self._list(server, key), name=f"mcp:{server.server_label}")

    def keep(self, tools: Sequence[FunctionTool | McpTool]) -> None:
        """Forget the listings of servers the session no longer names."""
        named = {_server_of(server) for server in servers_of(tools)}
        self._listed = {key: tools for key, tools in self._listed.items() if key in named}

    async def until_listed(self, tools: Sequence[FunctionTool | McpTool]) -> None:
        """Returns when every one of these servers has answered, failed, or timed out."""
        self.sync(tools)
        for server in servers_of(tools):
            pending = self._pending.get(_server_of(server))
            if pending is not None:
                await pending.wait()

    def offer(
        self,
        tools: Sequence[FunctionTool | McpTool],
        choice: str | NamedFunction | NamedMcp,
    ) -> Offer:
        listings = {
            server.server_label: allowed(server, self._listed.get(_server_of(server), ()))
            for server in servers_of(tools)
        }
        return offer(tools, listings, choice)

    async def _list(self, server: McpTool, key: _Server) -> None:
        item_id = mint("mcpl")
        begun = McpListToolsItem(id=item_id, server_label=server.server_label)
        entry, previous = self._conversation.add(begun)
        self._emit(
            [
                ev.ItemAdded(item=begun, previous_item_id=previous),
                ev.McpListToolsInProgress(item_id=item_id),
            ]
        )
        end: ev.ServerEvent
        try:
            listed = await self.client.list_tools(server)
            self._listed[key] = listed
            done = begun.model_copy(update={"tools": allowed(server, listed)})
            end = ev.McpListToolsCompleted(item_id=item_id)
        except McpFailure as exc:
            done = begun.model_copy(update={"error": exc.error.message})
            end = ev.McpListToolsFailed(item_id=item_id)
        finally:
            self._pending.pop(key).set()
        if self._conversation.get(item_id) is entry:
            self._conversation.settle(entry, done)
        self._emit([ev.ItemDone(item=done, previous_item_id=previous), end])
        self._on_listed()
