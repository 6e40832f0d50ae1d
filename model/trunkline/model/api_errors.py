"""Our errors as OpenAI's error bodies: ``{"error": {message, type, param, code}}`` and a status."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from starlette.responses import JSONResponse

from trunkline.domain.errors import (
    CallerError,
    ConfigError,
    Conflict,
    EngineBusy,
    EngineError,
    EngineTimeout,
    Forbidden,
    Invalid,
    NotFound,
    TooMany,
    TrunklineError,
    Unauthorized,
)
from trunkline.realtime.client import ERROR_CODE_HEADER

# Looked up along the class's own order of bases: the most particular one counts.
_STATUS: Final[Mapping[type[BaseException], int]] = {
    Unauthorized: 401,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    TooMany: 429,
    Invalid: 400,
    CallerError: 400,
    EngineBusy: 503,
    EngineTimeout: 504,
    EngineError: 502,
    ConfigError: 500,
}
_OVERLOADED: Final = frozenset({"server_busy", "server_draining"})


def status_of(error: TrunklineError) -> int:
    if error.code in _OVERLOADED:
        return 503
    return next((_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS), 500)


def error_response(error: TrunklineError) -> JSONResponse:
    status = status_of(error)
    headers = {ERROR_CODE_HEADER: error.code}
    if isinstance(error, TooMany):
        headers["Retry-After"] = str(error.retry_after_s)
    elif isinstance(error, EngineBusy):
        headers["Retry-After"] = "5"
    elif status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    kind = "invalid_request_error" if status < 500 else "server_error"
    if status == 429:
        kind = "rate_limit_error"
    body = {
        "error": {
            "message": error.message,
            "type": kind,
            "param": getattr(error, "param", None),
            "code": error.code,
        }
    }
    return JSONResponse(body, status_code=status, headers=headers)
