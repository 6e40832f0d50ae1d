"""The page behind a signed link: what is asked, exactly, and two buttons. Nobody logs in here."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Form, Path, Request
from starlette.responses import Response

from trunkline.calls.link_desk import LinkDesk, OpenedLink
from trunkline.dashboard.approval_view import fields_of
from trunkline.dashboard.approval_words import obstacle_words
from trunkline.dashboard.deps import Desk, DeskDep, zone_of
from trunkline.dashboard.errors import status_of
from trunkline.dashboard.sessions import THEME_COOKIE
from trunkline.domain.approval import OPEN, Approval, ApprovalState
from trunkline.domain.errors import CallerError, Invalid, NotFound, TooMany
from trunkline.runtime.logging import get_logger

log = get_logger(__name__)
router = APIRouter()

Token = Annotated[str, Path(max_length=4000)]
_HEADERS: Final = {
    # The address is the key: it goes to nobody, and is kept by nobody.
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "x-robots-tag": "noindex, nofollow",
}


@router.get("/decide/{token}")
async def look(request: Request, token: Token, desk: DeskDep) -> Response:
    """Changes nothing: scanners of mail follow links too."""
    try:
        opened = await _links(desk).open(token, _address(request))
    except CallerError as exc:
        return _refused(request, desk, exc)
    return _question(request, desk, opened)


@router.post("/decide/{token}")
async def decide(
    request: Request,
    token: Token,
    desk: DeskDep,
    decision: Annotated[str, Form(max_length=20)] = "",
    reason: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """No CSRF token: another site does not know the address that it would have to post to."""
    links, address = _links(desk), _address(request)
    try:
        decided = await links.decide(token, decision, reason, address)
    except Invalid as exc:
        try:
            opened = await links.open(token, address)
        except CallerError as gone:
            return _refused(request, desk, gone)
        return _question(request, desk, opened, problem=exc)
    except CallerError as exc:
        return _refused(request, desk, exc)
    title, message = _outcome(decided.approval)
    return _page(request, desk, "decided.html", title=title, message=message)


def _links(desk: Desk) -> LinkDesk:
    if desk.deps.links is None:
        raise NotFound("There is nothing at this address.")
    return desk.deps.links


def _outcome(approval: Approval) -> tuple[str, str]:
    if approval.state is ApprovalState.REFUSED:
        return "Declined", "The caller is told so. You can close this page."
    if approval.state in OPEN:
        given, needed = len(approval.grants), approval.grants_needed
        return (
            "Waiting for a second person",
            f"Your approval is noted: {given} of {needed}. It is done once somebody else agrees.",
        )
    return "Approved", "It is being done now, and the caller is told. You can close this page."


def _question(
    request: Request, desk: Desk, opened: OpenedLink, problem: CallerError | None = None
) -> Response:
    shown, parked = opened.shown, opened.shown.parked
    zone = zone_of(request)

    def words(exc: CallerError | None) -> str:
        if exc is None:
            return ""
        return obstacle_words(exc, parked.approval, opened.person, shown.deeds, zone=zone)

    return _page(
        request,
        desk,
        "decide.html",
        status=200 if problem is None else 422,
        parked=parked,
        approval=parked.approval,
        person=opened.person,
        fields=fields_of(parked),
        decisions=[one.value for one in opened.decisions],
        no_grant=words(opened.no_grant),
        problem=words(problem),
        now=shown.now,
        zone=zone,
    )


def _refused(request: Request, desk: Desk, exc: CallerError) -> Response:
    words = _REFUSALS.get(exc.code, exc.message[:1].upper() + exc.message[1:] + ".")
    status = status_of(exc)
    answer = _page(
        request, desk, "decided.html", status=status, title="Not by this link", message=words
    )
    if isinstance(exc, TooMany):
        answer.headers["retry-after"] = str(exc.retry_after_s)
    return answer


def _page(
    request: Request, desk: Desk, template: str, *, status: int = 200, **context: Any
) -> Response:
    theme = request.cookies.get(THEME_COOKIE, "auto")
    answer = desk.pages.page(
        template,
        status=status,
        theme=theme if theme in ("light", "dark") else "auto",
        **context,
    )
    answer.headers.update(_HEADERS)
    return answer


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


_REFUSALS: Final = {
    "link_invalid": "This link is not one of ours, or it was cut short on its way to you.",
    "link_expired": "The time to decide by this link has passed; nothing was done by it.",
    "link_used": "This link has decided already. Each counts once.",
    "link_withdrawn": "This link is not valid any more.",
    "already_decided": "This was decided before you came; nothing was done by this link.",
    "expired": "The time to decide this has passed; nothing was done by this link.",
    "arguments_changed": (
        "The request was changed after this link was sent, so it decides nothing any more."
        " You will find it as it is now in the dashboard."
    ),
    "claimed_by_another": "Somebody else is deciding this just now. Try again in a minute.",
    "needs_another_person": "You have agreed already. A second person must agree too.",
    "role_too_low": "This is for somebody of a higher role to approve.",
    "amount_above_limit": "The amount is above what you may approve.",
}
