"""A stream that ends with the session of whoever reads it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import StreamingResponse

from trunkline.dashboard.deps import Desk, Operator
from trunkline.dashboard.sse import stream
from trunkline.domain.errors import NotFound
from trunkline.storage.users import UserRepository

LOOK_EVERY_S: Final = 5.0
"""As often as streams beat at least; so long may a user who was switched off still read."""


def stream_to(desk: Desk, operator: Operator, events: AsyncGenerator[bytes]) -> StreamingResponse:
    return stream(while_in_force(desk, operator, events))


async def while_in_force(
    desk: Desk, operator: Operator, events: AsyncGenerator[bytes]
) -> AsyncGenerator[bytes]:
    """``events`` until the operator is switched off, or their password or role is another one."""
    clock = desk.deps.clock
    looked_ms = clock.monotonic_ms()
    async with aclosing(events):
        async for piece in events:
            if clock.monotonic_ms() - looked_ms >= LOOK_EVERY_S * 1000:
                looked_ms = clock.monotonic_ms()
                if not await _is_in_force(desk, operator):
                    return
            yield piece


async def _is_in_force(desk: Desk, operator: Operator) -> bool:
    before = operator.user
    try:
        async with desk.deps.sessions.reading() as session:
            now = await UserRepository(session).get(before.user_id)
    except NotFound:
        return False
    except (SQLAlchemyError, OSError):
        return True  # the next look tells; pages go on while the database is away
    is_same = (now.role, now.session_version) == (before.role, before.session_version)
    return now.is_active and is_same
