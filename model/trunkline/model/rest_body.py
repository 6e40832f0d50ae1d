"""JSON bodies of REST requests: bounded, parsed, and complained about in OpenAI's words."""

from __future__ import annotations

from typing import Any, Final, TypeVar

import orjson
from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from trunkline.domain.errors import Invalid
from trunkline.realtime.complaints import complaint

MAX_BODY_BYTES: Final = 1024 * 1024
M = TypeVar("M", bound=BaseModel)


async def read_json(request: Request, *, max_bytes: int = MAX_BODY_BYTES) -> dict[str, Any]:
    """Raises Invalid for a body that is too big, not JSON, or not an object."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > max_bytes:
            raise Invalid(f"The body is larger than {max_bytes} bytes.", code="too_large")
    try:
        document = orjson.loads(bytes(body) or b"{}")
    except orjson.JSONDecodeError:
        raise Invalid("The body is not valid JSON.", code="invalid_json") from None
    if not isinstance(document, dict):
        raise Invalid("The body must be a JSON object.", code="invalid_type")
    return document


def validated(kind: type[M], document: dict[str, Any]) -> M:
    """Raises Invalid with the parameter's path."""
    try:
        return kind.model_validate(document)
    except ValidationError as exc:
        code, message, param = complaint(exc, document, root="")
        raise Invalid(message, code=code, param=param) from None
