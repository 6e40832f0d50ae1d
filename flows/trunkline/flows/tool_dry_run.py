"""What a tool would do, without doing it: the checked request with its secrets masked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import orjson

from trunkline.domain.events import Json
from trunkline.flows.prompts import Prompt, PromptError
from trunkline.flows.tool_context import ToolContext
from trunkline.flows.tool_http import make_request
from trunkline.flows.tool_secrets import masked, secrets_of
from trunkline.flows.tool_validation import check_arguments
from trunkline.flows.tools import (
    SECRETS,
    HttpTransport,
    McpTransport,
    PythonTransport,
    RiskClass,
    ToolError,
    ToolFault,
    ToolSpec,
)

_PLACEHOLDER: Final = "zzargumentzz"


def describe_run(
    tool: ToolSpec, arguments: Mapping[str, Json], context: ToolContext
) -> dict[str, Any]:
    """The request as a JSON object; raises ToolFault when there would be none.

    Nothing is sent, no name is resolved and no secret is read: the values of secrets are masks.
    """
    check_arguments(tool, arguments)
    shown: dict[str, Any] = {
        "tool": tool.name,
        "would_be": "parked for approval" if tool.risk is RiskClass.HIGH else "run",
        "timeout_ms": tool.timeout_ms,
        "attempts": tool.retry.attempts if tool.may_retry else 1,
        "secrets": list(secrets_of(tool)),
    }
    match tool.transport:
        case HttpTransport() as transport:
            return shown | {"http": _http(tool, transport, arguments, context)}
        case PythonTransport(target):
            return shown | {"python": {"function": target, "arguments": dict(arguments)}}
        case McpTransport() as transport:
            return shown | {"mcp": _mcp(tool, transport, arguments, context)}
        case builtin:
            return shown | {"call": {"does": type(builtin).__name__, "arguments": dict(arguments)}}


def _http(
    tool: ToolSpec, transport: HttpTransport, arguments: Mapping[str, Json], context: ToolContext
) -> dict[str, Any]:
    request = make_request(tool, transport, arguments, context, masked(secrets_of(tool)))
    own = {name.lower() for name in transport.headers} | {"idempotency-key", "content-type"}
    body = request.content
    return {
        "method": request.method,
        "url": str(request.url),
        "headers": {name: value for name, value in request.headers.items() if name in own},
        "body": orjson.loads(body) if body else None,
    }


def _mcp(
    tool: ToolSpec, transport: McpTransport, arguments: Mapping[str, Json], context: ToolContext
) -> dict[str, Any]:
    server = transport.server
    known = {**context.variables, SECRETS: masked(secrets_of(tool))}
    try:
        where: dict[str, Any] = (
            {
                "url": server.url.render(context.variables),
                "headers": _rendered(server.headers, known),
            }
            if server.url is not None
            else {"command": list(server.command), "env": _rendered(server.env, known)}
        )
    except PromptError as exc:
        raise ToolFault(ToolError("bad_template", f"cannot make the request: {exc}")) from None
    return {**where, "tool": transport.tool, "arguments": dict(arguments)}


def _rendered(prompts: Mapping[str, Prompt], known: Mapping[str, Json]) -> dict[str, str]:
    return {name: prompt.render(known) for name, prompt in prompts.items()}


def where_to(tool: ToolSpec, context: ToolContext) -> str:
    """The place a run goes to: an origin, a module or a server; one for all arguments.

    An argument may not choose the host (the loader sees to that), so placeholders do here.
    """
    match tool.transport:
        case HttpTransport(url=url):
            known = {
                **context.variables,
                **dict.fromkeys(url.variables - set(context.variables), _PLACEHOLDER),
            }
            properties = tool.parameters.get("properties")
            known |= dict.fromkeys(properties if isinstance(properties, dict) else (), _PLACEHOLDER)
            return _origin(url, known)
        case PythonTransport(target):
            return target.partition(":")[0]
        case McpTransport(server=server):
            if server.url is not None:
                return _origin(server.url, context.variables)
            return " ".join(server.command)
        case _:
            return "the call itself"


def _origin(url: Prompt, known: Mapping[str, Json]) -> str:
    try:
        where = urlsplit(url.render(known))
        return f"{where.scheme}://{where.netloc}".lower()
    except (PromptError, ValueError):
        return url.source
