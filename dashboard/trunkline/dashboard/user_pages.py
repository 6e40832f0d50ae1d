"""Who may log in: for admins."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Annotated, TypeAlias

from fastapi import APIRouter, Depends, Form, Path, Query, Request
from starlette.responses import RedirectResponse, Response

from trunkline.calls.user_desk import UserDesk
from trunkline.dashboard.deps import (
    Desk,
    DeskDep,
    Operator,
    OperatorDep,
    WritingOperator,
    respond,
)
from trunkline.domain.errors import CallerError, Conflict, Forbidden, NotFound
from trunkline.storage.users import ROLES

router = APIRouter()

UserPath: TypeAlias = Annotated[str, Path(pattern=r"^[A-Za-z0-9_]{1,64}$")]
Text: TypeAlias = Annotated[str, Form(max_length=300)]
_DONE = {"saved": "Saved.", "disabled": "Switched off. Wherever they were logged in, they are out."}


def get_admin(operator: OperatorDep) -> Operator:
    return _admin(operator)


def get_writing_admin(operator: WritingOperator) -> Operator:
    return _admin(operator)


def _admin(operator: Operator) -> Operator:
    if not operator.may_manage_users:
        raise Forbidden("Only admins see who may log in.", code="role_missing")
    return operator


Admin: TypeAlias = Annotated[Operator, Depends(get_admin)]
WritingAdmin: TypeAlias = Annotated[Operator, Depends(get_writing_admin)]


@router.get("/users")
async def users_page(
    request: Request,
    desk: DeskDep,
    admin: Admin,
    done: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    return await _page(request, desk, admin, notice=_DONE.get(done, ""))


@router.post("/users")
async def add_user(
    request: Request,
    desk: DeskDep,
    admin: WritingAdmin,
    username: Text = "",
    role: Text = "",
    email: Text = "",
) -> Response:
    """Their password is made, and shown this once."""
    try:
        user, made = await _users(desk, admin).add(username, role, _by(admin), email=email)
    except CallerError as exc:
        return await _refused(request, desk, admin, exc)
    return await _page(request, desk, admin, made=(user.username, made))


@router.post("/users/{user_id}")
async def change_user(
    request: Request,
    user_id: UserPath,
    desk: DeskDep,
    admin: WritingAdmin,
    role: Text = "",
    email: Text = "",
    phone: Text = "",
) -> Response:
    work = _users(desk, admin).change(user_id, _by(admin), role=role, email=email, phone=phone)
    return await _do(request, desk, admin, work, "saved")


@router.post("/users/{user_id}/disable")
async def disable_user(
    request: Request, user_id: UserPath, desk: DeskDep, admin: WritingAdmin
) -> Response:
    work = _users(desk, admin).change(user_id, _by(admin), is_active=False)
    return await _do(request, desk, admin, work, "disabled")


@router.post("/users/{user_id}/enable")
async def enable_user(
    request: Request, user_id: UserPath, desk: DeskDep, admin: WritingAdmin
) -> Response:
    work = _users(desk, admin).change(user_id, _by(admin), is_active=True)
    return await _do(request, desk, admin, work, "saved")


@router.post("/users/{user_id}/password")
async def renew_password(
    request: Request, user_id: UserPath, desk: DeskDep, admin: WritingAdmin
) -> Response:
    """A new one is made, and shown this once."""
    users = _users(desk, admin)
    user = await users.get(user_id)
    made = await users.set_password(user_id, _by(admin))
    if user_id == admin.user.user_id:  # their own session has ended with it
        return desk.pages.page(
            "decided.html", theme="auto", title="Your new password", message=made
        )
    return await _page(request, desk, admin, made=(user.username, made))


async def _do(
    request: Request, desk: Desk, admin: Operator, work: Awaitable[object], done: str
) -> Response:
    try:
        await work
    except NotFound:
        raise
    except CallerError as exc:
        return await _refused(request, desk, admin, exc)
    return RedirectResponse(f"/users?done={done}", 303)


async def _refused(request: Request, desk: Desk, admin: Operator, exc: CallerError) -> Response:
    words = exc.message[:1].upper() + exc.message[1:] + "."
    status = 409 if isinstance(exc, Conflict) else 422
    return await _page(request, desk, admin, problem=words, status=status)


async def _page(
    request: Request,
    desk: Desk,
    admin: Operator,
    *,
    problem: str = "",
    notice: str = "",
    made: tuple[str, str] | None = None,
    status: int = 200,
) -> Response:
    return respond(
        request,
        desk,
        admin,
        "users.html",
        status=status,
        users=await _users(desk, admin).list(),
        roles=ROLES,
        problem=problem,
        notice=notice,
        made=made,
    )


def _users(desk: Desk, admin: Operator) -> UserDesk:
    return UserDesk(desk.deps.sessions, desk.deps.clock, admin.user.owner)


def _by(admin: Operator) -> str:
    return admin.as_person.person_id
