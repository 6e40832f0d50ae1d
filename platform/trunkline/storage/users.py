"""Operators who may log in: argon2 hashes, roles, and the check of a password."""

from __future__ import annotations

import asyncio
from datetime import datetime
from functools import cache
from typing import Any, Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from trunkline.domain.errors import Conflict, Invalid, NotFound
from trunkline.domain.ids import mint
from trunkline.runtime.mail_address import mail_address
from trunkline.storage.engine import Sessions, hold
from trunkline.storage.rows import UserRow
from trunkline.storage.upsert import insert_new
from trunkline.storage.views import HOUSE, UserView

ROLES: Final = ("admin", "manager", "supervisor", "viewer")
MIN_PASSWORD_CHARS: Final = 10
_MAX_PASSWORD_CHARS: Final = 1000  # argon2 reads all of it
_ADMIN: Final = "admin"

_hasher = PasswordHasher()


@cache
def _nobody() -> str:
    """Checked when the name is unknown: the answer takes as long as for a wrong password."""
    return _hasher.hash("nobody has this password")


async def create_user(
    sessions: Sessions,
    username: str,
    password: str,
    role: str,
    now: datetime,
    *,
    owner: str = HOUSE,
) -> UserView:
    """Invalid names what is wrong with name, password or role; Conflict when the name is taken."""
    hashed = await hash_password(password)
    async with sessions.writing() as session:
        return await UserRepository(session).add(username, hashed, role, now, owner=owner)


async def authenticate(
    sessions: Sessions, username: str, password: str, now: datetime
) -> UserView | None:
    """The active user with this name and password, and the login noted; None says no more."""
    name = normalise_username(username)
    async with sessions.reading() as session:
        row = await session.scalar(select(UserRow).where(UserRow.username == name))
    is_known = row is not None and row.is_active
    if len(password) > _MAX_PASSWORD_CHARS:
        return None
    stored = row.password_hash if row is not None and is_known else await asyncio.to_thread(_nobody)
    matches = await asyncio.to_thread(_verify, stored, password)
    if row is None or not is_known or not matches:
        return None
    fresh = await hash_password(password) if _hasher.check_needs_rehash(stored) else stored
    async with sessions.writing() as session:
        done: Any = await session.execute(
            update(UserRow)
            # Only if it is still the password that was checked.
            .where(UserRow.id == row.id, UserRow.password_hash == stored, UserRow.is_active)
            .values(last_login_at=now, password_hash=fresh)
        )
        if not done.rowcount:
            return None
        return await UserRepository(session).get(row.id)


async def change_password(sessions: Sessions, user_id: str, password: str) -> None:
    """Ends their sessions. NotFound when there is no such user; Invalid when the password is too
    short or too long."""
    hashed = await hash_password(password)
    async with sessions.writing() as session:
        await UserRepository(session).set_password_hash(user_id, hashed)


async def hash_password(password: str) -> str:
    """Off the loop: argon2 takes tens of milliseconds by design."""
    if not MIN_PASSWORD_CHARS <= len(password) <= _MAX_PASSWORD_CHARS:
        raise Invalid(
            f"the password must have {MIN_PASSWORD_CHARS} to {_MAX_PASSWORD_CHARS} characters",
            param="password",
        )
    return await asyncio.to_thread(_hasher.hash, password)


def _verify(stored: str, password: str) -> bool:
    try:
        return _hasher.verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False


def normalise_username(username: str) -> str:
    return username.strip().casefold()


class UserRepository:
    """Users inside one session; never gives a hash away."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(
        self, username: str, password_hash: str, role: str, now: datetime, *, owner: str = HOUSE
    ) -> UserView:
        name = normalise_username(username)
        if not 1 <= len(name) <= 100 or not name.isprintable():
            raise Invalid("the user name must have 1 to 100 printable characters", param="username")
        _check_role(role)
        user_id = mint("user")
        values = {
            "id": user_id,
            "username": name,
            "password_hash": password_hash,
            "role": role,
            "created_at": now,
            "owner": owner,
        }
        if not await insert_new(self._session, UserRow, values, key=["username"]):
            raise Conflict("this user name is taken", code="username_taken")
        return await self.get(user_id)

    async def get(self, user_id: str, *, owner: str | None = None) -> UserView:
        """NotFound when there is none, or none of ``owner``'s."""
        row = await self._session.get(UserRow, user_id, populate_existing=True)
        if row is None or (owner is not None and row.owner != owner):
            raise NotFound("there is no such user", code="user_not_found")
        return _view(row)

    async def list(self, *, owner: str = HOUSE) -> tuple[UserView, ...]:
        query = select(UserRow).where(UserRow.owner == owner).order_by(UserRow.username)
        return tuple(_view(row) for row in await self._session.scalars(query))

    async def count(self) -> int:
        return await self._session.scalar(select(func.count()).select_from(UserRow)) or 0

    async def find(self, username: str, *, owner: str = HOUSE) -> UserView:
        """By name. NotFound when there is none."""
        query = select(UserRow).where(
            UserRow.username == normalise_username(username), UserRow.owner == owner
        )
        row = await self._session.scalar(query)
        if row is None:
            raise NotFound("there is no such user", code="user_not_found")
        return _view(row)

    async def set_role(self, user_id: str, role: str) -> None:
        """Conflict ``last_admin`` when nobody else could manage the house then."""
        _check_role(role)
        if role != _ADMIN:
            await self._check_not_last_admin(user_id)
        await self._change(user_id, role=role)

    async def set_active(self, user_id: str, is_active: bool) -> None:
        """Off: their sessions and links end. Conflict ``last_admin`` as for ``set_role``."""
        if is_active:
            await self._change(user_id, is_active=True)
            return
        await self._check_not_last_admin(user_id)
        ended = UserRow.session_version + 1
        await self._change(user_id, is_active=False, session_version=ended)

    async def set_email(self, user_id: str, email: str) -> None:
        """Where they are written to; empty: nowhere. Invalid when it is no address."""
        await self._change(user_id, email=checked_email(email))

    async def set_password_hash(self, user_id: str, hashed: str) -> None:
        """Their sessions end."""
        ended = UserRow.session_version + 1
        await self._change(user_id, password_hash=hashed, session_version=ended)

    async def _check_not_last_admin(self, user_id: str) -> None:
        user = await self.get(user_id)
        # Two who switch each other off at once must take turns.
        await hold(self._session, f"trunkline.users.{user.owner}")
        query = select(func.count()).where(
            UserRow.owner == user.owner,
            UserRow.role == _ADMIN,
            UserRow.is_active,
            UserRow.id != user_id,
        )
        if user.role == _ADMIN and user.is_active and not await self._session.scalar(query):
            raise Conflict(
                "this is the last admin: give somebody else that role first", code="last_admin"
            )

    async def _change(self, user_id: str, **values: Any) -> None:
        done: Any = await self._session.execute(
            update(UserRow).where(UserRow.id == user_id).values(**values)
        )
        if not done.rowcount:
            raise NotFound("there is no such user", code="user_not_found")


def checked_email(email: str) -> str:
    """The address without a name; empty for none. Invalid when mail could not be sent there."""
    text = email.strip()
    if not text:
        return ""
    address = mail_address(text)
    if address is None or "." not in address.domain:
        raise Invalid("write an address such as ann@example.org", param="email")
    return address.addr_spec


def _check_role(role: str) -> None:
    if role not in ROLES:
        raise Invalid(f"the role must be one of {', '.join(ROLES)}", param="role")


def _view(row: UserRow) -> UserView:
    return UserView(
        user_id=row.id,
        username=row.username,
        role=row.role,
        is_active=row.is_active,
        created_at=row.created_at,
        last_login_at=row.last_login_at,
        owner=row.owner,
        email=row.email,
        session_version=row.session_version,
        phone=row.phone,
    )
