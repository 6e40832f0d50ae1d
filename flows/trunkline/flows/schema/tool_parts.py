"""Tools as written into ToolSpecs: schemas checked, templates compiled, URLs looked at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

from trunkline.domain.events import Json
from trunkline.flows.prompts import PromptError
from trunkline.flows.schema.assembly import Assembly
from trunkline.flows.schema.source import YamlPath
from trunkline.flows.schema.tool_document import HttpPart, ToolPart
from trunkline.flows.tools import SECRETS, HttpTransport, Retry, ToolSpec

_PLACEHOLDER: Final = "zzargumentzz"


def assemble_tool(
    assembly: Assembly,
    name: str,
    part: ToolPart,
    variables: Mapping[str, Json],
    hosts: tuple[str, ...],
) -> ToolSpec:
    path: YamlPath = ("tools", name)
    _check_schema(assembly, part.parameters, (*path, "parameters"), is_object=True)
    if part.returns is not None:
        _check_schema(assembly, part.returns, (*path, "returns"), is_object=False)
    if part.retry.attempts > 1 and not (part.idempotent or part.idempotency_key):
        assembly.complain(
            (*path, "retry"),
            "only a tool with idempotent: true or idempotency_key: true may be tried again",
        )
    arguments = argument_names(part)
    running = part.while_running
    still = part.still_running
    return ToolSpec(
        name=name,
        description=part.description,
        transport=_http(assembly, part.http, (*path, "http"), arguments, variables, hosts),
        parameters=part.parameters,
        returns=part.returns,
        risk=part.risk,
        timeout_ms=round(part.timeout_s * 1000),
        retry=Retry(part.retry.attempts, part.retry.backoff_ms),
        is_idempotent=part.idempotent,
        sends_key=part.idempotency_key,
        while_running=running and assembly.prompt(running, (*path, "while_running")) or None,
        still_running=still and assembly.prompt(still, (*path, "still_running")) or None,
    )


def argument_names(part: ToolPart) -> tuple[str, ...]:
    properties = part.parameters.get("properties")
    return tuple(properties) if isinstance(properties, dict) else ()


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
    assembly: Assembly, schema: dict[str, Any], path: YamlPath, *, is_object: bool
) -> None:
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as exc:
        assembly.complain((*path, *exc.absolute_path), f"not a JSON Schema: {exc.message}")
        return
    if is_object and schema.get("type") != "object":
        assembly.complain(path, "a tool's parameters are of type: object")
    for at, reference in _references(schema, path):
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
