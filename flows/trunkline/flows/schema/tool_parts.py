"""Tools as written into ToolSpecs: schemas checked, templates compiled, URLs looked at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

from trunkline.domain.events import Json
from trunkline.flows.builtins import BuiltinTransport, builtin_parameters
from trunkline.flows.prompts import PromptError
from trunkline.flows.schema.approval_parts import assemble_approval
from trunkline.flows.schema.assembly import Assembly
from trunkline.flows.schema.builtin_parts import assemble_builtin
from trunkline.flows.schema.parts import did_you_mean, validate_part
from trunkline.flows.schema.source import YamlPath
from trunkline.flows.schema.tool_document import HttpPart, McpServerPart, ToolPart
from trunkline.flows.tool_python import find_tool, known_targets
from trunkline.flows.tool_secrets import secrets_of
from trunkline.flows.tool_validation import schema_conflicts
from trunkline.flows.tools import (
    SECRETS,
    BreakerPolicy,
    HttpTransport,
    McpServer,
    McpTransport,
    PythonTransport,
    Retry,
    ToolSpec,
    Transport,
)

_PLACEHOLDER: Final = "zzargumentzz"
_TRANSPORTS: Final = ("http", "python", "mcp", "builtin")
_OF_A_SERVICE: Final = (
    "parameters", "returns", "timeout_s", "retry", "idempotent", "idempotency_key", "breaker",
    "concurrency", "secrets", "dry_run", "risk", "approval",
)  # fmt: skip


def assemble_tool(
    assembly: Assembly,
    name: str,
    part: ToolPart,
    variables: Mapping[str, Json],
    hosts: tuple[str, ...],
    servers: Mapping[str, McpServer] | None = None,
) -> ToolSpec:
    path: YamlPath = ("tools", name)
    parameters = _parameters(assembly, part, path)
    transport = _transport(assembly, part, path, variables, hosts, servers or {})
    if part.builtin is not None and isinstance(transport, BuiltinTransport):
        parameters = builtin_parameters(transport)
    _check_schema(assembly, parameters, (*path, "parameters"), is_object=True)
    if part.returns is not None:
        _check_schema(assembly, part.returns, (*path, "returns"), is_object=False)
    if part.retry.attempts > 1 and not (part.idempotent or part.idempotency_key):
        assembly.complain(
            (*path, "retry"),
            "only a tool with idempotent: true or idempotency_key: true may be tried again",
        )
    running = part.while_running
    still = part.still_running
    spec = ToolSpec(
        name=name,
        description=_description(assembly, part, path),
        transport=transport,
        parameters=parameters,
        returns=part.returns,
        risk=part.risk,
        timeout_ms=round(part.timeout_s * 1000),
        retry=Retry(part.retry.attempts, part.retry.backoff_ms),
        is_idempotent=part.idempotent,
        sends_key=part.idempotency_key,
        while_running=running and assembly.prompt(running, (*path, "while_running")) or None,
        still_running=still and assembly.prompt(still, (*path, "still_running")) or None,
        concurrency=part.concurrency,
        breaker=BreakerPolicy(part.breaker.failures, round(part.breaker.open_s * 1000)),
        is_dry_run=part.dry_run,
        after=part.after,
        label=part.label or "",
        examples=part.examples,
        approval=None
        if part.approval is None
        else assemble_approval(
            assembly,
            part.approval,
            (*path, "approval"),
            part.risk,
            argument_names(part),
            takes_any=takes_any_argument(part),
        ),
    )
    if part.secrets is not None:
        for secret in secrets_of(spec):
            if secret not in part.secrets:
                message = f"the secret {secret!r} is used and not listed"
                assembly.complain((*path, "secrets"), message)
    return spec


def assemble_servers(
    assembly: Assembly, entries: Mapping[str, Json], hosts: tuple[str, ...]
) -> dict[str, McpServer]:
    """The flow's ``mcp_servers``; one with mistakes is complained about and left out."""
    servers = {}
    for name, entry in entries.items():
        path: YamlPath = ("mcp_servers", name)
        part = validate_part(assembly.source, McpServerPart, entry, path)
        if part is None:
            continue
        if (part.url is None) == (part.command is None):
            assembly.complain(path, "a server has a url or a command, one of the two")
        known = {*assembly.constants, SECRETS}
        url = part.url and assembly.prompt(part.url, (*path, "url"), assembly.constants)
        servers[name] = McpServer(
            name=name,
            url=url or None,
            headers={
                key: assembly.prompt(text, (*path, "headers", key), known)
                for key, text in part.headers.items()
            },
            command=(part.command, *part.args) if part.command else (),
            env={
                key: assembly.prompt(text, (*path, "env", key), known)
                for key, text in part.env.items()
            },
            allowed_hosts=hosts,
        )
    return servers


def argument_names(part: ToolPart) -> tuple[str, ...]:
    properties = _own_parameters(part).get("properties")
    return tuple(properties) if isinstance(properties, dict) else ()


def takes_any_argument(part: ToolPart) -> bool:
    """Whether only the server of the tool knows its arguments."""
    return part.mcp is not None and part.parameters is None


def _own_parameters(part: ToolPart) -> Mapping[str, Json]:
    if part.parameters is not None:
        return part.parameters
    if part.python is not None and (found := find_tool(part.python)) is not None:
        return found.parameters
    return {"type": "object"} if part.mcp else {"type": "object", "properties": {}}


def _parameters(assembly: Assembly, part: ToolPart, path: YamlPath) -> Mapping[str, Json]:
    own = _own_parameters(part)
    if part.python is None:
        return own
    found = find_tool(part.python)
    if found is None:
        near = did_you_mean(part.python, known_targets())
        message = f"there is no such tool in the modules of TRUNKLINE_TOOL_MODULES{near}"
        assembly.complain((*path, "python"), message)
    elif part.parameters is not None:
        for conflict in schema_conflicts(part.parameters, found.parameters):
            said = conflict.replace("the server", "the function")
            assembly.complain((*path, "parameters"), said)
    return own


def _description(assembly: Assembly, part: ToolPart, path: YamlPath) -> str:
    if part.description is not None:
        return part.description
    found = find_tool(part.python) if part.python else None
    if found is not None and found.description:
        return found.description
    assembly.complain(path, "'description' is missing")
    return ""


def _transport(
    assembly: Assembly,
    part: ToolPart,
    path: YamlPath,
    variables: Mapping[str, Json],
    hosts: tuple[str, ...],
    servers: Mapping[str, McpServer],
) -> Transport:
    given = [key for key in _TRANSPORTS if getattr(part, key) is not None]
    if len(given) != 1:
        has = f", and this has {' and '.join(given)}" if given else ""
        assembly.complain(path, f"a tool has one of {', '.join(_TRANSPORTS)}{has}")
    if part.http is not None:
        arguments = argument_names(part)
        return _http(assembly, part.http, (*path, "http"), arguments, variables, hosts)
    if part.python is not None:
        return PythonTransport(part.python)
    if part.builtin is not None:
        for key in _OF_A_SERVICE:
            if key in part.model_fields_set:
                assembly.complain((*path, key), "a built-in asks no service: leave it out")
        return assemble_builtin(assembly, part.builtin, (*path, "builtin"))
    if part.mcp is not None:
        server = servers.get(part.mcp.server)
        if server is None:
            near = did_you_mean(part.mcp.server, servers)
            message = f"there is no server {part.mcp.server!r} under mcp_servers{near}"
            assembly.complain((*path, "mcp", "server"), message)
            server = McpServer(part.mcp.server)
        return McpTransport(
            server=server,
            tool=part.mcp.tool,
            has_own_schema=part.parameters is not None,
            result=part.mcp.result,
            max_response_bytes=part.mcp.max_response_bytes,
        )
    return PythonTransport("")  # complained of above: no flow is made of this


def _http(
    assembly: Assembly,
    part: HttpPart,
    path: YamlPath,
    arguments: tuple[str, ...],
    variables: Mapping[str, Json],
    hosts: tuple[str, ...],
) -> HttpTransport:
    known = {*arguments, *assembly.constants}
    url = assembly.prompt(part.url, (*path, "url"), known)
    try:
        shown = url.render({**variables, **dict.fromkeys(arguments, _PLACEHOLDER)})
        where = urlsplit(shown)
        if where.scheme not in ("http", "https") or not where.hostname:
            assembly.complain((*path, "url"), "a tool's URL begins with http:// or https://")
        elif _PLACEHOLDER in where.netloc:
            assembly.complain((*path, "url"), "an argument may not choose the host")
        elif where.username is not None:
            assembly.complain((*path, "url"), "put credentials into headers, by {{ secrets.name }}")
    except (PromptError, ValueError) as exc:
        if url.variables <= known:
            assembly.complain((*path, "url"), f"cannot make a URL of it: {exc}")
    body = None
    if part.body is not None:
        body = {
            key: assembly.value(value, (*path, "body", key), known)
            for key, value in part.body.items()
        }
    return HttpTransport(
        method=part.method,
        url=url,
        headers={
            key: assembly.prompt(text, (*path, "headers", key), {*known, SECRETS})
            for key, text in part.headers.items()
        },
        query={
            key: assembly.prompt(text, (*path, "query", key), known)
            for key, text in part.query.items()
        },
        body=body,
        result=part.result,
        error_codes=part.errors,
        max_response_bytes=part.max_response_bytes,
        allowed_hosts=hosts,
    )


def _check_schema(
    assembly: Assembly, schema: Mapping[str, Any], path: YamlPath, *, is_object: bool
) -> None:
    try:
        Draft202012Validator.check_schema(dict(schema))
    except SchemaError as exc:
        assembly.complain((*path, *exc.absolute_path), f"not a JSON Schema: {exc.message}")
        return
    if is_object and schema.get("type") != "object":
        assembly.complain(path, "a tool's parameters are of type: object")
    for at, reference in _references(dict(schema), path):
        if not reference.startswith("#"):
            assembly.complain(at, "only references within the schema (#/...) are followed")


def _references(value: Json, path: YamlPath) -> list[tuple[YamlPath, str]]:
    found: list[tuple[YamlPath, str]] = []
    if isinstance(value, dict):
        for key, entry in value.items():
            if key in ("$ref", "$dynamicRef") and isinstance(entry, str):
                found.append(((*path, key), entry))
            found += _references(entry, (*path, key))
    elif isinstance(value, list):
        for place, entry in enumerate(value):
            found += _references(entry, (*path, place))
    return found
