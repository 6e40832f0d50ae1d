"""Tools as they may be written in a flow's YAML."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StringConstraints

from trunkline.flows.schema.document import Name, Part, Text
from trunkline.flows.tools import RiskClass


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


class ToolPart(Part):
    description: Text
    parameters: dict[str, Any] = {"type": "object", "properties": {}}
    returns: dict[str, Any] | None = None
    http: HttpPart
    risk: Annotated[RiskClass, Field(strict=False)] = RiskClass.LOW
    timeout_s: Annotated[float, Field(gt=0, le=30, strict=False)] = 5.0
    retry: RetryPart = RetryPart()
    idempotent: bool = False
    idempotency_key: bool = False
    while_running: Text | None = None
    still_running: Text | None = None
