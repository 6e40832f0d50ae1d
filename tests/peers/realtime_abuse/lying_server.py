"""MCP servers that lie in their listing, by name: ``python lying_server.py PORT``; ``/NAME``."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

PLAIN = {"name": "look", "description": "Looks.", "inputSchema": {"type": "object"}}
LISTINGS: dict[str, Any] = {
    "none": None,
    "text": "no list at all",
    "shapeless": [{"title": "nothing else"}],
    "schemaless": [{**PLAIN, "inputSchema": "string"}],
    "huge-schema": [{**PLAIN, "inputSchema": {"type": "object", "title": "x" * 100_000}}],
    "many": [{**PLAIN, "name": f"tool_{number}"} for number in range(300)],
    "huge": [{**PLAIN, "description": "x" * 12_000_000}],
    "wrong-schema": [{**PLAIN, "inputSchema": {"type": "string", "enum": []}}],
}
# These are odd, and of use all the same.
LISTINGS |= {
    "twins": [PLAIN, PLAIN],
    "odd-names": [{**PLAIN, "name": "a tool; with / signs 🚆"}, {**PLAIN, "name": "n" * 500}],
    "deep": [
        {
            **PLAIN,
            "inputSchema": {
                "type": "object",
                "properties": {"a": {"anyOf": [{"$ref": "#/nowhere"}]}},
                "required": ["a"],
            },
        }
    ],
}


async def answer(request: Request) -> Response:
    name = request.path_params["name"]
    if name == "hangs":
        await asyncio.sleep(3600)
    if name == "not-json":
        return Response("<html>", media_type="application/json")
    if name == "teapot":
        return Response("no", status_code=418)
    try:
        asked = json.loads(await request.body())
    except json.JSONDecodeError:
        return Response(status_code=405)
    if "id" not in asked:
        return Response(status_code=202)
    if asked["method"] == "initialize":
        result: dict[str, Any] = {
            "protocolVersion": asked["params"]["protocolVersion"],
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "liar", "version": "1"},
        }
    elif name == "endless":
        result = {"tools": [PLAIN], "nextCursor": "again"}
    else:
        result = {"tools": LISTINGS[name]}
    number = 7 if name == "wrong-id" else asked["id"]
    return JSONResponse({"jsonrpc": "2.0", "id": number, "result": result})


app = Starlette(routes=[Route("/{name}", answer, methods=["GET", "POST", "DELETE"])])

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="critical")
