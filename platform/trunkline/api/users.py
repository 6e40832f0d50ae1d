"""Routes: who may log in to the dashboard, and as what."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field, StrictBool

from trunkline.api.deps import Deps, needs
from trunkline.api.errors import problems
from trunkline.api.principal import Principal
from trunkline.api.schemas import Id
from trunkline.calls.user_desk import UserDesk

router = APIRouter(prefix="/api/v1/users", tags=["users"], responses=problems())

Admin = Annotated[Principal, Depends(needs("admin"))]
UserRole = Literal["admin", "manager", "supervisor", "viewer"]
Email = Annotated[str, Field(max_length=254, description="Where approvals are sent; or empty.")]
Phone = Annotated[str, Field(max_length=200, description="Rings when they take a call over.")]


class NewUser(BaseModel):
    model_config = ConfigDict(extra="forbid")

    username: str = Field(min_length=1, max_length=100)
    role: UserRole
    email: Email = ""


class UserChange(BaseModel):
    """What is left out stays. ``is_active`` false ends the user's sessions and links."""

    model_config = ConfigDict(extra="forbid")

    role: UserRole | None = None
    email: Email | None = None
    phone: Phone | None = None
    is_active: StrictBool | None = None


class UserOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    user_id: str
    username: str
    role: str
    email: str
    phone: str
    is_active: bool
    created_at: datetime
    last_login_at: datetime | None


class NewUserOut(UserOut):
    """``password`` was made for them and is shown this once."""

    password: str


class NewPassword(BaseModel):
    """Made for them, and shown this once."""

    password: str


def get_user_desk(deps: Deps, admin: Admin) -> UserDesk:
    return UserDesk(deps.sessions, deps.clock, admin.owner)


Users = Annotated[UserDesk, Depends(get_user_desk)]


@router.get("")
async def list_users(users: Users) -> list[UserOut]:
    """By name."""
    return [UserOut.model_validate(user) for user in await users.list()]


@router.post("", status_code=201, responses=problems(400, 409))
async def add_user(wanted: NewUser, users: Users, admin: Admin) -> NewUserOut:
    user, made = await users.add(wanted.username, wanted.role, _by(admin), email=wanted.email)
    return NewUserOut(password=made, **UserOut.model_validate(user).model_dump())


@router.patch("/{user_id}", responses=problems(400, 404, 409))
async def change_user(user_id: Id, wanted: UserChange, users: Users, admin: Admin) -> UserOut:
    """The last admin stays one: 409."""
    changed = await users.change(
        user_id,
        _by(admin),
        role=wanted.role,
        email=wanted.email,
        phone=wanted.phone,
        is_active=wanted.is_active,
    )
    return UserOut.model_validate(changed)


@router.post("/{user_id}/password", responses=problems(404))
async def renew_password(user_id: Id, users: Users, admin: Admin) -> NewPassword:
    """A new one; wherever they are logged in, they are so no more."""
    return NewPassword(password=await users.set_password(user_id, _by(admin)))


def _by(admin: Principal) -> str:
    return f"key:{admin.name}"
