"""Errors as pages: what went wrong and what to do, never a trace."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, RedirectResponse, Response

from trunkline.dashboard.deps import Desk, NotLoggedIn
from trunkline.dashboard.login import login_url
from trunkline.dashboard.sessions import SESSION_COOKIE, THEME_COOKIE
from trunkline.domain.errors import (
    CallerError,
    Conflict,
    Forbidden,
    NotFound,
    TooMany,
    TrunklineError,
    Unauthorized,
)
from trunkline.runtime.logging import get_logger

log = get_logger(__name__)

_STATUS: tuple[tuple[type[TrunklineError], int], ...] = (
    (NotFound, 404),
    (Unauthorized, 401),
    (Forbidden, 403),
    (Conflict, 409),
    (TooMany, 429),
    (CallerError, 400),
    (TrunklineError, 503),
)
_TITLES = {
    400: "That request makes no sense",
    403: "Not allowed",
    404: "Not found",
    409: "Somebody was faster",
    429: "Too many at once",
    500: "Something broke",
    503: "Not available now",
}


def status_of(exc: TrunklineError) -> int:
    return next(status for kind, status in _STATUS if isinstance(exc, kind))


def add_error_pages(app: FastAPI, desk: Desk) -> None:
    def not_logged_in(request: Request, _: Exception) -> Response:
        target = login_url(request)
        if request.headers.get("hx-request"):
            answer = Response(status_code=401, headers={"hx-redirect": "/login"})
        elif "text/event-stream" in request.headers.get("accept", ""):
            answer = Response(status_code=401)
        else:
            answer = RedirectResponse(target, 303)
        if SESSION_COOKIE in request.cookies:
            answer.delete_cookie(SESSION_COOKIE)
        return answer

    def trunkline_error(request: Request, exc: Exception) -> Response:
        assert isinstance(exc, TrunklineError)
        status = status_of(exc)
        answer = page(request, status, exc.message)
        if isinstance(exc, TooMany):
            answer.headers["retry-after"] = str(exc.retry_after_s)
        return answer

    def http_error(request: Request, exc: Exception) -> Response:
        assert isinstance(exc, HTTPException)
        return page(request, exc.status_code, "There is nothing at this address.")

    def bad_query(request: Request, _: Exception) -> Response:
        return page(request, 400, "A value in the address cannot be read.")

    def broken(request: Request, exc: Exception) -> Response:
        log.error("page failed", path=request.url.path, error=type(exc).__name__)
        return page(request, 500, "The page could not be made. The server's log says why.")

    def page(request: Request, status: int, message: str) -> Response:
        if request.url.path.startswith(("/api/", "/v1/")):
            body = {"type": "about:blank", "title": message, "status": status}
            return JSONResponse(body, status, media_type="application/problem+json")
        theme = request.cookies.get(THEME_COOKIE, "auto")
        return desk.pages.page(
            "_problem.html" if request.headers.get("hx-request") else "error.html",
            status=status,
            title=_TITLES.get(status, _TITLES[400 if status < 500 else 500]),
            message=message,
            theme=theme if theme in ("light", "dark") else "auto",
        )

    app.add_exception_handler(NotLoggedIn, not_logged_in)
    app.add_exception_handler(TrunklineError, trunkline_error)
    app.add_exception_handler(HTTPException, http_error)
    app.add_exception_handler(RequestValidationError, bad_query)
    app.add_exception_handler(Exception, broken)
