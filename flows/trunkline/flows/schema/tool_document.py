"""Tools as they may be written in a flow's YAML."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StringConstraints

from trunkline.flows.schema.approval_document import ApprovalPart
from trunkline.flows.schema.builtin_document import BuiltinPart, read_builtin
from trunkline.flows.schema.document import Name, Names, Part, Text, Texts
from trunkline.flows.tools import DEFAULT_CONCURRENCY, After, RiskClass


class RetryPart(Part):
    attempts: Annotated[int, Field(ge=1, le=5)] = 1
    backoff_ms: Annotated[int, Field(ge=0, le=5000)] = 200


def _status_codes(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {
            int(key) if re.fullmatch(r"[0-9]{3}", str(key)) else key: v for key, v in value.items()
        }
    return value


class HttpPart(Part):
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "GET"
    url: Text
    headers: dict[Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]+$")], Text] = {}
    query: dict[str, Text] = {}
    body: dict[str, str | int | float | bool | None] | None = None
    result: dict[Name, str] = {}
    errors: Annotated[
        dict[Annotated[int, Field(ge=300, le=599)], Name], BeforeValidator(_status_codes)
    ] = {}
    max_response_bytes: Annotated[int, Field(ge=1, le=4 * 1024 * 1024)] = 256 * 1024


class McpServerPart(Part):
    """Streamable HTTP by ``url``, or a process by ``command``."""

    url: Text | None = None
    headers: dict[Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]+$")], Text] = {}
    command: Text | None = None
    args: Texts = ()
    env: dict[Annotated[str, StringConstraints(pattern=r"^[A-Z_][A-Z0-9_]*$")], Text] = {}


class McpPart(Part):
    server: Name
    tool: Text
    result: dict[Name, str] = {}
    max_response_bytes: Annotated[int, Field(ge=1, le=4 * 1024 * 1024)] = 256 * 1024


Target = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")]


class BreakerPart(Part):
    failures: Annotated[int, Field(ge=1, le=100)] = 5
    open_s: Annotated[float, Field(gt=0, le=3600, strict=False)] = 30.0


class ToolPart(Part):
    """``http``, ``python``, ``mcp`` or ``builtin``: exactly one of them.

    ``after``, ``label`` and ``examples`` are for engines that are offered the tool.
    """

    description: Text | None = None
    parameters: dict[str, Any] | None = None
    returns: dict[str, Any] | None = None
    http: HttpPart | None = None
    python: Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")] | None = (
        None
    )
    mcp: McpPart | None = None
    builtin: Annotated[BuiltinPart, BeforeValidator(read_builtin)] | None = None
    risk: Annotated[RiskClass, Field(strict=False)] = RiskClass.LOW
    timeout_s: Annotated[float, Field(gt=0, le=30, strict=False)] = 5.0
    retry: RetryPart = RetryPart()
    idempotent: bool = False
    idempotency_key: bool = False
    while_running: Text | None = None
    still_running: Text | None = None
    concurrency: Annotated[int, Field(ge=1, le=1000)] = DEFAULT_CONCURRENCY
    breaker: BreakerPart = BreakerPart()
    secrets: Names | None = None
    dry_run: bool = False
    after: Annotated[After, Field(strict=False)] = After.SPEAK
    label: Text | None = None
    examples: Texts = ()
    approval: ApprovalPart | None = None
