"""Our errors as problem+json (RFC 9457), in one table."""

from __future__ import annotations

from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from trunkline.domain.errors import (
    CallerError,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    TooMany,
    TrunklineError,
    Unauthorized,
)

STATUS: Final[tuple[tuple[type[TrunklineError], int], ...]] = (
    (NotFound, 404),
    (Unauthorized, 401),
    (Forbidden, 403),
    (Conflict, 409),
    (TooMany, 429),
    (Invalid, 422),
    (CallerError, 400),
    (TrunklineError, 503),
)


def problem(status: int, code: str, detail: str, **more: Any) -> JSONResponse:
    return JSONResponse(
        {"type": "about:blank", "status": status, "code": code, "detail": detail, **more},
        status_code=status,
        media_type="application/problem+json",
    )


def add_error_handlers(app: FastAPI) -> None:
    @app.exception_handler(TrunklineError)
    async def ours(_: Request, exc: TrunklineError) -> JSONResponse:
        status = next(status for kind, status in STATUS if isinstance(exc, kind))
        param = getattr(exc, "param", None)
        answer = problem(status, exc.code, exc.message, **({"param": param} if param else {}))
        if isinstance(exc, TooMany):
            answer.headers["retry-after"] = str(exc.retry_after_s)
        if isinstance(exc, Unauthorized):
            answer.headers["www-authenticate"] = "Bearer"
        return answer

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, exc: RequestValidationError) -> JSONResponse:
        # Without the input: it may hold what a caller said.
        found = [
            {"param": ".".join(map(str, error["loc"])), "detail": error["msg"]}
            for error in exc.errors()
        ]
        return problem(422, "invalid", "; ".join(f["detail"] for f in found), errors=found)

    @app.exception_handler(HTTPException)
    async def starlette(_: Request, exc: HTTPException) -> JSONResponse:
        answer = problem(exc.status_code, "http_error", str(exc.detail))
        answer.headers.update(exc.headers or {})
        return answer
