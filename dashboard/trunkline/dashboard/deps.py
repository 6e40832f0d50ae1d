"""What the dashboard is given by the web process, and what its routes ask of a request."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Annotated, Any, Protocol
from zoneinfo import ZoneInfo

from fastapi import Depends, Header, Request
from starlette.responses import Response

from trunkline.calls.approval_desk import Wake
from trunkline.calls.link_desk import LinkDesk
from trunkline.calls.take_over_desk import TakesOver
from trunkline.calls.trunk_board import TrunkBoard
from trunkline.dashboard.approval_feed import ApprovalFeed
from trunkline.dashboard.assets import Assets
from trunkline.dashboard.flow_shelf import AgentFlows
from trunkline.dashboard.live_feed import LiveFeed
from trunkline.dashboard.live_rows import LiveRows
from trunkline.dashboard.login_limits import LoginLimits
from trunkline.dashboard.render import Pages
from trunkline.dashboard.security import is_same_origin
from trunkline.dashboard.sessions import (
    SESSION_COOKIE,
    SESSION_MAX_AGE_S,
    THEME_COOKIE,
    ZONE_COOKIE,
    SessionSigner,
)
from trunkline.domain.approval import Person, Role, user_as_person
from trunkline.domain.clock import Clock, SystemClock
from trunkline.domain.errors import Forbidden, NotFound
from trunkline.domain.ids import CallId
from trunkline.domain.outbound import OutboundRules
from trunkline.storage.engine import Sessions
from trunkline.storage.users import UserRepository
from trunkline.storage.views import UserView

_MAY_COMMAND = ("admin", "manager", "supervisor")


class CallCommands(TakesOver, Protocol):
    async def hang_up(self, call_id: CallId, edge_id: str, by: str) -> None:
        """Ask the edge that carries the call to end it; raises TrunklineError when none can."""
        ...


@dataclass(frozen=True, slots=True)
class DashboardDeps:
    """``secret`` signs cookies; ``data_dir`` is what recordings' paths are relative to.

    Without ``commands`` the pages show no hang-up; without ``flows`` no flows page. ``wake_worker``
    hurries a worker once something is decided; without ``links`` no signed link decides here.
    ``rules``: whom we may call, those included who take calls over. Without ``trunks`` the page of
    trunks says that nobody tells of any.
    """

    sessions: Sessions
    feed: LiveFeed
    secret: str
    data_dir: Path
    commands: CallCommands | None = None
    flows: AgentFlows | None = None
    clock: Clock = field(default_factory=SystemClock)
    wake_worker: Wake | None = None
    links: LinkDesk | None = None
    rules: OutboundRules = field(default_factory=OutboundRules)
    trunks: TrunkBoard | None = None


class Desk:
    """The dashboard's own parts, made once from its dependencies."""

    def __init__(self, deps: DashboardDeps) -> None:
        self.deps = deps
        self.assets = Assets()
        self.pages = Pages(self.assets)
        self.live_rows = LiveRows(self.pages)
        self.approvals = ApprovalFeed(deps.sessions)
        self.signer = SessionSigner(deps.secret)
        self.login_limits = LoginLimits()
        # argon2 takes 64 MiB and a core for each check: a burst of logins must wait its turn.
        self.password_checks = asyncio.Semaphore(2)
        # A long recording takes seconds of a core and a thread to read through.
        self.peak_readers = asyncio.Semaphore(2)
        # Checking, drawing and comparing long flows likewise.
        self.flow_checks = asyncio.Semaphore(2)


class NotLoggedIn(Exception):
    """The request has no valid session; the browser goes to the login page."""


@dataclass(frozen=True, slots=True)
class Operator:
    """Who is asking; ``csrf`` is this session's token for forms."""

    user: UserView
    nonce: str
    csrf: str
    renews: bool

    @property
    def may_command(self) -> bool:
        """Whether calls may be ended (and later taken over) by this operator."""
        return self.user.role in _MAY_COMMAND

    @property
    def may_see_usage(self) -> bool:
        return self.user.role in _MAY_COMMAND

    @property
    def may_edit_flows(self) -> bool:
        """Whether this operator may say what the next caller hears."""
        return self.user.role in _MAY_COMMAND

    @property
    def may_rule(self) -> bool:
        """Whether this operator may change the house's rules of approvals."""
        return self.as_person.role >= Role.MANAGER

    @property
    def may_manage_users(self) -> bool:
        return self.user.role == "admin"

    @property
    def as_person(self) -> Person:
        """As whoever decides, the same person as by a signed link."""
        return user_as_person(self.user.username, self.user.role)


def get_desk(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk


DeskDep = Annotated[Desk, Depends(get_desk)]


async def get_operator(request: Request, desk: DeskDep) -> Operator:
    """Read on every request, so that a user who is switched off is out at once."""
    session = desk.signer.read(request.cookies.get(SESSION_COOKIE))
    if session is None:
        raise NotLoggedIn
    try:
        async with desk.deps.sessions.reading() as reading:
            user = await UserRepository(reading).get(session.user_id)
    except NotFound:
        raise NotLoggedIn from None
    if not user.is_active or user.session_version != session.version:
        raise NotLoggedIn
    csrf = desk.signer.csrf_token(session.nonce)
    return Operator(user, session.nonce, csrf, session.wants_renewal)


OperatorDep = Annotated[Operator, Depends(get_operator)]


async def get_writing_operator(request: Request, desk: DeskDep, operator: OperatorDep) -> Operator:
    """The operator of a request that changes something: from our page, with its token."""
    if not is_same_origin(request.headers, request.url.scheme, request.url.netloc):
        raise Forbidden("the request came from another site", code="cross_site")
    token = request.headers.get("x-csrf-token")
    if token is None:
        sent = (await request.form()).get("csrf")
        token = sent if isinstance(sent, str) else ""
    if not desk.signer.is_csrf_token(operator.nonce, token):
        raise Forbidden("the form is out of date; reload the page", code="bad_csrf_token")
    return operator


WritingOperator = Annotated[Operator, Depends(get_writing_operator)]
IsPartial = Annotated[bool, Header(alias="HX-Request")]


def zone_of(request: Request) -> tzinfo:
    """The browser's time zone, told by a cookie; UTC when it is not (yet) known."""
    name = request.cookies.get(ZONE_COOKIE, "")
    try:
        return ZoneInfo(name) if name and len(name) < 64 else UTC
    except (ValueError, OSError, KeyError):  # no such name, or a name that is no path
        return UTC


def shell_context(request: Request, desk: Desk, operator: Operator) -> Mapping[str, Any]:
    """What every page's frame needs."""
    theme = request.cookies.get(THEME_COOKIE, "auto")
    return {
        "operator": operator,
        "csrf": operator.csrf,
        "theme": theme if theme in ("light", "dark") else "auto",
        "zone": zone_of(request),
        "live_count": desk.deps.feed.board.live_count,
        "approval_count": desk.approvals.queue(operator.user.owner).open_count,
        "has_flows": desk.deps.flows is not None,
        "can_hang_up": desk.deps.commands is not None and operator.may_command,
        "path": request.url.path,
    }


def respond(
    request: Request,
    desk: Desk,
    operator: Operator,
    template: str,
    block: str | None = None,
    *,
    status: int = 200,
    **context: Any,
) -> Response:
    """A page in its frame (or one block of it), the session renewed when it grows old."""
    answer = desk.pages.page(
        template, block, status=status, **shell_context(request, desk, operator), **context
    )
    if operator.renews:
        set_session(request, desk, answer, operator.user, operator.nonce)
    return answer


def set_session(
    request: Request, desk: Desk, answer: Response, user: UserView, nonce: str | None = None
) -> None:
    answer.set_cookie(
        SESSION_COOKIE,
        desk.signer.issue(user.user_id, nonce, version=user.session_version),
        max_age=SESSION_MAX_AGE_S,
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )
