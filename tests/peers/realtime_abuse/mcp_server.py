"""A real MCP server over HTTP with good and bad tools: ``python mcp_server.py PORT``."""

from __future__ import annotations

import os
import sys

import anyio
from mcp.server.mcpserver import MCPServer

server = MCPServer("library")


@server.tool()
def renew(card: str) -> str:
    """Renew what a card has on loan."""
    return f"renewed {card}"


@server.tool()
def huge() -> str:
    """Ten megabytes."""
    return "x" * 10_000_000


@server.tool()
async def never() -> str:
    """Does not answer."""
    await anyio.sleep(3600)
    return ""


@server.tool()
def dies() -> str:
    """Takes the server with it."""
    os._exit(1)


@server.tool()
def lies(shelf: int) -> str:
    """Demands what its caller leaves out."""
    return str(shelf)


if __name__ == "__main__":
    server.run("streamable-http", host="127.0.0.1", port=int(sys.argv[1]))
