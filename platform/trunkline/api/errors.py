"""Our errors as problem+json (RFC 9457), in one table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.routing import Match

from trunkline.api.flow_schemas import FindingOut, findings_out
from trunkline.calls.flow_editor import EditConflict, FlowRefused
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
from trunkline.runtime.logging import get_logger

log = get_logger(__name__)


class PreconditionRequired(CallerError):
    """The change does not say which state it was made to (RFC 6585, 3)."""

    default_code = "precondition_required"


class PreconditionFailed(CallerError):
    """It was changed meanwhile (RFC 9110, 13.1.1)."""

    default_code = "precondition_failed"


STATUS: Final[tuple[tuple[type[TrunklineError], int], ...]] = (
    (NotFound, 404),
    (Unauthorized, 401),
    (Forbidden, 403),
    (Conflict, 409),
    (PreconditionRequired, 428),
    (PreconditionFailed, 412),
    (TooMany, 429),
    (Invalid, 422),
    (CallerError, 400),
    (TrunklineError, 503),
)
_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")


class Complaint(BaseModel):
    """One value that is wrong; ``param`` is its dotted path in the request."""

    param: str
    detail: str


class DraftChanged(BaseModel):
    """Unified diffs: ``diff`` leads from what is there to the refused text, ``meanwhile`` from
    revision ``based_on`` to what is there. ``current`` is null when the draft was discarded."""

    based_on: int
    current_revision: int
    current: str | None
    saved_by: str | None
    diff: list[str]
    meanwhile: list[str]


class Problem(BaseModel):
    """What went wrong. ``code`` is stable; ``detail`` is for people.

    ``findings`` come with flows that cannot be published, ``conflict`` with drafts that changed.
    """

    type: str = "about:blank"
    status: int
    code: str
    detail: str
    param: str | None = None
    errors: list[Complaint] | None = None
    findings: list[FindingOut] | None = None
    conflict: DraftChanged | None = None


class DescribedApi(FastAPI):
    """A FastAPI whose description knows ``Problem``, which routes answer but never return."""

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            schema = super().openapi()
            template = "#/components/schemas/{model}"
            described = Problem.model_json_schema(ref_template=template)
            schemas = schema.setdefault("components", {}).setdefault("schemas", {})
            schemas |= described.pop("$defs", {})
            schemas["Problem"] = described
            unreadable = problems(400)[400]
            for path in schema["paths"].values():
                for operation in path.values():
                    if "requestBody" in operation:
                        operation["responses"].setdefault("400", unreadable)
        assert self.openapi_schema is not None
        return self.openapi_schema


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For a route's ``responses``: what it may answer instead."""
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    texts = {
        400: "The request cannot be read",
        401: "No key, or none in force",
        403: "The key lacks the scope",
        404: "There is no such thing here",
        409: "Not in its present state",
        412: "It was changed meanwhile",
        422: "A value is wrong",
        428: "The request does not say which state it changes",
        429: "Too many requests; Retry-After says when",
        503: "Something that this needs is away",
    }
    asked: tuple[int, ...] = (401, 403, 422, 429, *statuses)
    return {status: {"description": texts[status], "content": content} for status in asked}


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

    @app.exception_handler(EditConflict)
    async def moved(request: Request, exc: EditConflict) -> JSONResponse:
        is_conditional = {"if-match", "if-none-match"} & set(request.headers)
        now = exc.current
        conflict = DraftChanged(
            based_on=exc.based_on,
            current_revision=exc.current_revision,
            current=now.text if now else None,
            saved_by=now.saved_by if now else None,
            diff=list(exc.diff),
            meanwhile=list(exc.meanwhile),
        )
        status = 412 if is_conditional else 409
        return problem(status, exc.code, exc.message, conflict=conflict.model_dump())

    @app.exception_handler(FlowRefused)
    async def refused(_: Request, exc: FlowRefused) -> JSONResponse:
        found = [one.model_dump(mode="json") for one in findings_out(exc.findings)]
        return problem(422, exc.code, exc.message, findings=found)

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

    @app.exception_handler(SQLAlchemyError)
    @app.exception_handler(OSError)
    async def away(_: Request, exc: Exception) -> JSONResponse:
        log.error("a request met a database or disk that is away", error=type(exc).__name__)
        return problem(503, "storage_away", "the database or the disk does not answer; try again")

    @app.exception_handler(Exception)
    async def unforeseen(_: Request, exc: Exception) -> JSONResponse:
        # Its text may hold anything; the log has it, redacted (Starlette raises it on).
        return problem(500, "internal_error", "this is our fault; the log says more")


def add_api_end(app: FastAPI, routers: Sequence[APIRouter]) -> None:
    """The end of ``/api``: what none of ``routers`` took. Pages mounted behind never see it."""
    end = APIRouter()

    @end.api_route("/api/{path:path}", methods=list(_METHODS), include_in_schema=False)
    async def nothing_here(request: Request) -> Response:
        allowed = sorted(_allowed(routers, request))
        if not allowed:
            raise NotFound("there is no such path; /docs lists them", code="path_not_found")
        answer = problem(405, "method_not_allowed", f"this path takes {', '.join(allowed)}")
        answer.headers["allow"] = ", ".join(allowed)
        return answer

    app.include_router(end)


def _allowed(routers: Sequence[APIRouter], request: Request) -> set[str]:
    """The methods that this path takes, should another have been used."""
    allowed: set[str] = set()
    for route in (route for router in routers for route in router.routes):
        match, _ = route.matches(request.scope)
        if match is Match.PARTIAL:
            allowed |= getattr(route, "methods", None) or set()
    return allowed
