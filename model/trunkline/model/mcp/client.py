"""Asking an MCP server, once: each question is its own short connection with a deadline.

Nothing of a server is held between questions, so one that hangs, lies or restarts costs the one
answer and no task or socket is left behind.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import httpx2
import orjson
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from mcp_types import CallToolResult, Implementation, TextContent
from pydantic import ValidationError

from trunkline.domain.events import Json
from trunkline.model.mcp.rails import MAX_ANSWER_BYTES
from trunkline.realtime.mcp_items import (
    MAX_MCP_TEXT_CHARS,
    McpError,
    McpHttpError,
    McpListedTool,
    McpProtocolError,
    McpToolExecutionError,
)
from trunkline.realtime.tools import McpTool
from trunkline.runtime.guarded_http import GuardedTransport, guarded_client
from trunkline.runtime.reach import Reach

LIST_TIMEOUT_S: Final = 10.0
CALL_TIMEOUT_S: Final = 30.0
MAX_LISTED: Final = 256
_MAX_PAGES: Final = 20
_MAX_SCHEMA_BYTES: Final = 64 * 1024
_MAX_DESCRIPTION: Final = 4096
_UNREACHABLE: Final = -32001
_NO_SENSE: Final = -32002
_TIMED_OUT: Final = -32003
_TIMEOUT: Final = httpx2.Timeout(10.0, read=60.0)
_CLIENT: Final = Implementation(name="trunkline", version="1")


class McpFailure(Exception):
    """The server could not be asked or did not answer sensibly; ``error`` is what clients see."""

    def __init__(self, error: McpError) -> None:
        super().__init__(error.message)
        self.error = error


@dataclass(frozen=True, slots=True)
class McpClient:
    """The MCP side of one session; ``policy`` says which addresses it may dial."""

    policy: Reach

    async def list_tools(self, server: McpTool) -> tuple[McpListedTool, ...]:
        """Every tool the server admits to, bounded; raises McpFailure."""
        async with _asking(server, self.policy, LIST_TIMEOUT_S) as client:
            found: list[McpListedTool] = []
            cursor: str | None = None
            for _ in range(_MAX_PAGES):
                page = await client.list_tools(cursor=cursor)
                found += [
                    _listed(tool.name, tool.description, dict(tool.input_schema), tool.annotations)
                    for tool in page.tools
                ]
                cursor = page.next_cursor
                if not cursor or len(found) > MAX_LISTED:
                    break
        if len(found) > MAX_LISTED:
            raise McpFailure(_no_sense(f"the server lists more than {MAX_LISTED} tools"))
        return tuple(found)

    async def call(self, server: McpTool, name: str, arguments: Mapping[str, Json]) -> str:
        """A tool's output as text; raises McpFailure, also for what the tool calls an error."""
        async with _asking(server, self.policy, CALL_TIMEOUT_S) as client:
            result = await client.call_tool(name, dict(arguments))
        output = _output(result)
        if result.is_error:
            raise McpFailure(McpToolExecutionError(message=output[:4096] or "the tool failed"))
        return output


@asynccontextmanager
async def _asking(server: McpTool, policy: Reach, timeout_s: float) -> AsyncIterator[Client]:
    transport = GuardedTransport(policy, limit_bytes=MAX_ANSWER_BYTES)
    headers = list((server.headers or {}).items())
    if server.authorization:
        headers.append(("Authorization", f"Bearer {server.authorization}"))
    try:
        async with (
            asyncio.timeout(timeout_s),
            guarded_client(transport, headers, _TIMEOUT) as http,
            Client(
                streamable_http_client(str(server.server_url), http_client=http),
                client_info=_CLIENT,
                mode="legacy",
                cache=None,
            ) as client,
        ):
            yield client
    except TimeoutError:
        failure: McpError = McpProtocolError(
            code=_TIMED_OUT, message=f"the MCP server did not answer in {timeout_s:g} s"
        )
        raise McpFailure(failure) from None
    except Exception as exc:  # the library wraps what a server does in groups of any kind
        raise _failure(exc, transport) from None


def _failure(exc: BaseException, transport: GuardedTransport) -> McpFailure:
    while isinstance(exc, BaseExceptionGroup):
        exc = exc.exceptions[0]
    if isinstance(exc, McpFailure):
        return exc
    if transport.refused:
        return McpFailure(McpProtocolError(code=_UNREACHABLE, message=transport.refused))
    if transport.status >= 400:
        message = f"the MCP server answered with HTTP {transport.status}"
        return McpFailure(McpHttpError(code=transport.status, message=message))
    if isinstance(exc, MCPError):
        return McpFailure(
            McpProtocolError(code=exc.error.code, message=str(exc.error.message)[:1024])
        )
    if isinstance(exc, httpx2.HTTPError | OSError):
        message = "the MCP server cannot be reached"
        return McpFailure(McpProtocolError(code=_UNREACHABLE, message=message))
    if isinstance(exc, ValidationError | ValueError):
        return McpFailure(_no_sense("the MCP server's answer makes no sense"))
    return McpFailure(_no_sense("the MCP server could not be asked"))


def _no_sense(message: str) -> McpProtocolError:
    return McpProtocolError(code=_NO_SENSE, message=message)


def _listed(
    name: str, description: str | None, schema: dict[str, Any], annotations: Any
) -> McpListedTool:
    if len(orjson.dumps(schema)) > _MAX_SCHEMA_BYTES:
        raise McpFailure(_no_sense("a tool's schema is larger than 64 KiB"))
    return McpListedTool(
        name=name[:128],
        description=None if description is None else description[:_MAX_DESCRIPTION],
        input_schema=schema,
        annotations=None
        if annotations is None
        else annotations.model_dump(mode="json", by_alias=True, exclude_none=True),
    )


def _output(result: CallToolResult) -> str:
    pieces = [
        block.text if isinstance(block, TextContent) else f"[{block.type}]"
        for block in result.content
    ]
    if not pieces and result.structured_content is not None:
        pieces = [orjson.dumps(result.structured_content).decode()]
    return "\n".join(pieces)[:MAX_MCP_TEXT_CHARS]
