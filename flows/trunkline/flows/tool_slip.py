"""A tool as a JSON document and back: for a run in another process, perhaps days later.

A run in the background is bound to the tool as it was when the call asked for it, whatever becomes
of the flow meanwhile. Secrets are in it by name only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from trunkline.domain.errors import Invalid
from trunkline.domain.events import Json
from trunkline.domain.program_runs import PROGRAM
from trunkline.flows.prompts import (
    Expression,
    Prompt,
    PromptError,
    compile_expression,
    compile_prompt,
)
from trunkline.flows.tools import (
    SECRETS,
    BreakerPolicy,
    HttpTransport,
    McpServer,
    McpTransport,
    ProgramTransport,
    PythonTransport,
    Retry,
    ToolSpec,
    Transport,
)


def write_slip(tool: ToolSpec) -> dict[str, Any]:
    """Invalid for a built-in, which only a call can do."""
    return {
        "name": tool.name,
        "description": tool.description,
        "parameters": dict(tool.parameters),
        "returns": None if tool.returns is None else dict(tool.returns),
        "timeout_ms": tool.timeout_ms,
        "retry": {"attempts": tool.retry.attempts, "backoff_ms": tool.retry.backoff_ms},
        "is_idempotent": tool.is_idempotent,
        "sends_key": tool.sends_key,
        "concurrency": tool.concurrency,
        "breaker": {"failures": tool.breaker.failures, "open_ms": tool.breaker.open_ms},
        "is_dry_run": tool.is_dry_run,
        "transport": _write_transport(tool.transport),
    }


def read_slip(document: Mapping[str, Json]) -> ToolSpec:
    """Invalid when it is none: written by a version that we cannot read."""
    try:
        return ToolSpec(
            name=document["name"],
            description=document["description"],
            transport=_read_transport(document["transport"]),
            parameters=document["parameters"],
            returns=document["returns"],
            timeout_ms=document["timeout_ms"],
            retry=Retry(**document["retry"]),
            is_idempotent=document["is_idempotent"],
            sends_key=document["sends_key"],
            concurrency=document["concurrency"],
            breaker=BreakerPolicy(**document["breaker"]),
            is_dry_run=document["is_dry_run"],
        )
    except (KeyError, TypeError, ValueError, AttributeError, PromptError) as exc:
        raise Invalid(f"not a tool: {type(exc).__name__}", code="bad_slip") from None


def variables_read(tool: ToolSpec, variables: Mapping[str, Json]) -> dict[str, Json]:
    """Those of a flow's variables that the tool's own templates read."""
    names = {name for prompt in _templates(tool.transport) for name in prompt.variables}
    return {name: variables[name] for name in sorted(names - {SECRETS}) if name in variables}


def _templates(transport: Transport) -> Iterator[Prompt | Expression]:
    match transport:
        case HttpTransport():
            yield transport.url
            yield from transport.headers.values()
            yield from transport.query.values()
            yield from (transport.body or {}).values()
        case McpTransport(server=server):
            if server.url is not None:
                yield server.url
            yield from server.headers.values()
            yield from server.env.values()


def _write_transport(transport: Transport) -> dict[str, Any]:
    match transport:
        case HttpTransport():
            body = transport.body
            return {
                "kind": "http",
                "method": transport.method,
                "url": transport.url.source,
                "headers": _sources(transport.headers),
                "query": _sources(transport.query),
                "body": None if body is None else {k: _write_value(v) for k, v in body.items()},
                "result": dict(transport.result),
                "error_codes": {str(status): c for status, c in transport.error_codes.items()},
                "max_response_bytes": transport.max_response_bytes,
                "allowed_hosts": list(transport.allowed_hosts),
            }
        case PythonTransport(target):
            return {"kind": "python", "target": target}
        case ProgramTransport():
            return {"kind": PROGRAM}
        case McpTransport(server=server):
            return {
                "kind": "mcp",
                "server": {
                    "name": server.name,
                    "url": None if server.url is None else server.url.source,
                    "headers": _sources(server.headers),
                    "command": list(server.command),
                    "env": _sources(server.env),
                    "allowed_hosts": list(server.allowed_hosts),
                },
                "tool": transport.tool,
                "has_own_schema": transport.has_own_schema,
                "result": dict(transport.result),
                "max_response_bytes": transport.max_response_bytes,
            }
        case _:
            raise Invalid("only a call can do that", code="bad_slip")


def _read_transport(document: Mapping[str, Json]) -> Transport:
    match document["kind"]:
        case "http":
            body = document["body"]
            return HttpTransport(
                method=document["method"],
                url=compile_prompt(document["url"]),
                headers=_prompts(document["headers"]),
                query=_prompts(document["query"]),
                body=None if body is None else {k: _read_value(v) for k, v in body.items()},
                result=document["result"],
                error_codes={int(status): c for status, c in document["error_codes"].items()},
                max_response_bytes=document["max_response_bytes"],
                allowed_hosts=tuple(document["allowed_hosts"]),
            )
        case "python":
            return PythonTransport(document["target"])
        case kind if kind == PROGRAM:
            return ProgramTransport()
        case "mcp":
            server = document["server"]
            return McpTransport(
                server=McpServer(
                    name=server["name"],
                    url=None if server["url"] is None else compile_prompt(server["url"]),
                    headers=_prompts(server["headers"]),
                    command=tuple(server["command"]),
                    env=_prompts(server["env"]),
                    allowed_hosts=tuple(server["allowed_hosts"]),
                ),
                tool=document["tool"],
                has_own_schema=document["has_own_schema"],
                result=document["result"],
                max_response_bytes=document["max_response_bytes"],
            )
        case kind:
            raise ValueError(f"no transport {kind!r}")


def _sources(prompts: Mapping[str, Prompt]) -> dict[str, str]:
    return {name: prompt.source for name, prompt in prompts.items()}


def _prompts(sources: Mapping[str, str]) -> dict[str, Prompt]:
    return {name: compile_prompt(source) for name, source in sources.items()}


def _write_value(value: Expression | Prompt) -> dict[str, str]:
    return {"prompt" if isinstance(value, Prompt) else "expression": value.source}


def _read_value(document: Mapping[str, str]) -> Expression | Prompt:
    if "prompt" in document:
        return compile_prompt(document["prompt"])
    return compile_expression(document["expression"])
