"""A real MCP server for tests: ``python mcp_server.py`` over stdio, ``... PORT`` over HTTP."""

from __future__ import annotations

import os
import sys

from mcp.server.mcpserver import Context, MCPServer

server = MCPServer("library")


@server.tool()
def renew(card: str, weeks: int = 1) -> dict[str, int]:
    """Renew what a card has on loan."""
    return {"weeks": weeks, "card": int(card)}


@server.tool()
def pid() -> int:
    """The server's process."""
    return os.getpid()


@server.tool()
def token() -> str:
    """What the environment holds."""
    return os.environ.get("LIBRARY_TOKEN", "")


@server.tool()
def breaks() -> str:
    """Always fails."""
    raise ValueError("no such shelf")


@server.tool()
def huge() -> str:
    """Too much."""
    return "x" * 3_000_000


@server.tool()
async def never(context: Context) -> str:
    """Does not answer."""
    import anyio

    await anyio.sleep(3600)
    return ""


if __name__ == "__main__":
    if len(sys.argv) > 1:
        server.run("streamable-http", host="127.0.0.1", port=int(sys.argv[1]))
    else:
        server.run("stdio")
