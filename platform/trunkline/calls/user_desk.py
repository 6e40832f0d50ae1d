"""Who may log in, and as what: every change with its entry in the audit, whoever makes it where."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from trunkline.domain.clock import Clock, SystemClock
from trunkline.domain.events import Json
from trunkline.storage.audit import Audit
from trunkline.storage.engine import Sessions
from trunkline.storage.phones import keep_phone
from trunkline.storage.users import UserRepository, hash_password
from trunkline.storage.views import HOUSE, UserView

_GENERATED_BYTES: Final = 15


@dataclass(frozen=True, slots=True)
class UserDesk:
    """``by`` is who does it, for the audit. Every method raises NotFound ``user_not_found``,
    Conflict ``username_taken`` or ``last_admin``, or Invalid."""

    sessions: Sessions
    clock: Clock = field(default_factory=SystemClock)
    owner: str = HOUSE

    async def list(self) -> tuple[UserView, ...]:
        async with self.sessions.reading() as session:
            return await UserRepository(session).list(owner=self.owner)

    async def find(self, username: str) -> UserView:
        async with self.sessions.reading() as session:
            return await UserRepository(session).find(username, owner=self.owner)

    async def get(self, user_id: str) -> UserView:
        async with self.sessions.reading() as session:
            return await UserRepository(session).get(user_id, owner=self.owner)

    async def add(
        self, username: str, role: str, by: str, *, email: str = "", password: str = ""
    ) -> tuple[UserView, str]:
        """The user, and the password that was made for them where none was given: shown once."""
        made = "" if password else new_password()
        hashed = await hash_password(password or made)
        now = self.clock.now()
        async with self.sessions.writing(durable=True) as session:
            users = UserRepository(session)
            user = await users.add(username, hashed, role, now, owner=self.owner)
            if email:
                await users.set_email(user.user_id, email)
            await Audit(session, owner=self.owner).append(
                by, "user.added", user.user_id, now, {"username": user.username, "role": role}
            )
            return await users.get(user.user_id), made

    async def change(
        self,
        user_id: str,
        by: str,
        *,
        role: str | None = None,
        email: str | None = None,
        phone: str | None = None,
        is_active: bool | None = None,
    ) -> UserView:
        """What is None stays. ``phone`` rings when they take a call over. Switched off: their
        sessions and links end."""
        now = self.clock.now()
        async with self.sessions.writing(durable=True) as session:
            users, audit = UserRepository(session), Audit(session, owner=self.owner)
            before = await users.get(user_id, owner=self.owner)
            told: list[tuple[str, Mapping[str, Json]]] = []
            if role is not None and role != before.role:
                await users.set_role(user_id, role)
                told.append(("user.role_changed", {"before": before.role, "after": role}))
            if email is not None and email.strip() != before.email:
                await users.set_email(user_id, email)
                told.append(("user.email_changed", {"has_email": bool(email.strip())}))
            if phone is not None and phone.strip() != before.phone:
                await keep_phone(session, user_id, phone.strip())
                told.append(("user.phone_changed", {"has_phone": bool(phone.strip())}))
            if is_active is not None and is_active != before.is_active:
                await users.set_active(user_id, is_active)
                told.append(("user.enabled" if is_active else "user.disabled", {}))
            for action, details in told:
                details = {"username": before.username, **details}
                await audit.append(by, action, user_id, now, details)
            return await users.get(user_id)

    async def set_password(self, user_id: str, by: str, password: str = "") -> str:
        """Their sessions end. The password that was made where none was given: shown once."""
        made = "" if password else new_password()
        hashed = await hash_password(password or made)
        now = self.clock.now()
        async with self.sessions.writing(durable=True) as session:
            users = UserRepository(session)
            user = await users.get(user_id, owner=self.owner)
            await users.set_password_hash(user_id, hashed)
            await Audit(session, owner=self.owner).append(
                by, "user.password_changed", user_id, now, {"username": user.username}
            )
        return made


def new_password() -> str:
    """120 random bits, to be typed once."""
    return secrets.token_urlsafe(_GENERATED_BYTES)
