"""The phones of people who may take calls over, kept with who they are."""

from __future__ import annotations

from typing import Final

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from trunkline.domain.errors import Invalid
from trunkline.storage.rows import UserRow

MAX_PHONE_CHARS: Final = 200


async def phone_of(session: AsyncSession, user_id: str) -> str:
    """Empty while none is known."""
    return await session.scalar(select(UserRow.phone).where(UserRow.id == user_id)) or ""


async def keep_phone(session: AsyncSession, user_id: str, phone: str) -> None:
    if len(phone) > MAX_PHONE_CHARS or not phone.isprintable():
        raise Invalid("that is no phone: write a number or sip:user@host", param="phone")
    await session.execute(update(UserRow).where(UserRow.id == user_id).values(phone=phone))
