"""Logging in and out."""

from __future__ import annotations

import asyncio
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import RedirectResponse, Response

from trunkline.dashboard.deps import Desk, DeskDep, WritingOperator, set_session
from trunkline.dashboard.security import is_same_origin
from trunkline.dashboard.sessions import (
    LOGIN_COOKIE,
    LOGIN_MAX_AGE_S,
    SESSION_COOKIE,
    THEME_COOKIE,
    safe_next,
)
from trunkline.runtime.logging import get_logger
from trunkline.storage.audit import Audit
from trunkline.storage.users import authenticate
from trunkline.storage.views import UserView

log = get_logger(__name__)
router = APIRouter()

_CHECK_DEADLINE_S = 10.0


@router.get("/login")
async def login_form(
    request: Request, desk: DeskDep, to: Annotated[str, Query()] = "/"
) -> Response:
    if desk.signer.read(request.cookies.get(SESSION_COOKIE)) is not None:
        return RedirectResponse(safe_next(to), 303)
    return _form(request, desk, to=safe_next(to))


@router.post("/login")
async def log_in(
    request: Request,
    desk: DeskDep,
    username: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
    csrf: Annotated[str, Form()] = "",
    to: Annotated[str, Form()] = "/",
) -> Response:
    to = safe_next(to)
    nonce = desk.signer.read_login(request.cookies.get(LOGIN_COOKIE))
    from_us = is_same_origin(request.headers, request.url.scheme, request.url.netloc)
    if nonce is None or not from_us or not desk.signer.is_csrf_token(nonce, csrf):
        problem = "This form was out of date. Please log in again."
        return _form(request, desk, to=to, username=username, problem=problem, status=403)
    source = request.client.host if request.client else ""
    now_s = desk.deps.clock.monotonic_ms() / 1000
    wait_s = desk.login_limits.wait_s(username, source, now_s)
    if wait_s:
        log.warning("login refused: too many failures", source_pii=source)
        problem = f"Too many failed logins. Try again in {wait_s} seconds."
        answer = _form(request, desk, to=to, username=username, problem=problem, status=429)
        answer.headers["retry-after"] = str(wait_s)
        return answer
    # Counted before the check, so that many tries at once do not slip past the limit.
    desk.login_limits.failed(username, source, now_s)
    try:
        user = await _check(desk, username, password)
    except TimeoutError:
        problem = "The server is busy. Try again in a moment."
        return _form(request, desk, to=to, username=username, problem=problem, status=503)
    if user is None:
        log.warning("login failed", source_pii=source)
        problem = "The user name or the password is wrong."
        return _form(request, desk, to=to, username=username, problem=problem, status=401)
    desk.login_limits.succeeded(username, source)
    async with desk.deps.sessions.writing() as session:
        await Audit(session, owner=user.owner).append(
            user.username, "operator.logged_in", user.user_id, desk.deps.clock.now()
        )
    answer = RedirectResponse(to, 303)
    set_session(request, desk, answer, user)
    answer.delete_cookie(LOGIN_COOKIE, path="/login")
    return answer


@router.post("/logout")
async def log_out(desk: DeskDep, operator: WritingOperator) -> Response:
    async with desk.deps.sessions.writing() as session:
        await Audit(session, owner=operator.user.owner).append(
            operator.user.username,
            "operator.logged_out",
            operator.user.user_id,
            desk.deps.clock.now(),
        )
    answer = RedirectResponse("/login", 303)
    answer.delete_cookie(SESSION_COOKIE)
    return answer


async def _check(desk: Desk, username: str, password: str) -> UserView | None:
    async with asyncio.timeout(_CHECK_DEADLINE_S), desk.password_checks:
        return await authenticate(desk.deps.sessions, username, password, desk.deps.clock.now())


def _form(
    request: Request,
    desk: Desk,
    *,
    to: str,
    username: str = "",
    problem: str = "",
    status: int = 200,
) -> Response:
    cookie = request.cookies.get(LOGIN_COOKIE)
    nonce = desk.signer.read_login(cookie)
    if nonce is None:
        cookie = desk.signer.issue_login()
        nonce = desk.signer.read_login(cookie)
    theme = request.cookies.get(THEME_COOKIE, "auto")
    answer = desk.pages.page(
        "login.html",
        status=status,
        csrf=desk.signer.csrf_token(nonce or ""),
        to=to,
        username=username[:100],
        problem=problem,
        theme=theme if theme in ("light", "dark") else "auto",
    )
    answer.set_cookie(
        LOGIN_COOKIE,
        cookie or "",
        max_age=LOGIN_MAX_AGE_S,
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
        path="/login",
    )
    return answer


def login_url(request: Request) -> str:
    """The login page that leads back to what was asked for."""
    target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return "/login?" + urlencode({"to": target}) if request.method == "GET" else "/login"
