"""Approvals' clocks, and the news of them for the calls that wait.

Deadlines are the database's: two workers with clocks that differ find the same ones due, and the
row's revision decides which of them acts.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from redis.exceptions import RedisError

from trunkline.calls.control import ApprovalNews
from trunkline.runtime.logging import get_logger
from trunkline.storage.approvals import Approvals
from trunkline.storage.engine import Sessions, database_now

log = get_logger(__name__)

Send: TypeAlias = Callable[[str, ApprovalNews], Awaitable[None]]
"""A command to the edge of that id; RedisError or OSError when it cannot be sent."""


async def keep_clocks(sessions: Sessions) -> int:
    """Remind, let claims lapse, escalate, expire; how many of these were due."""
    async with sessions.reading() as session:
        if not await Approvals(session).has_due(await database_now(session)):
            return 0
    async with sessions.writing(durable=True) as session:
        return await Approvals(session).sweep(await database_now(session))


async def tell_news(sessions: Sessions, send: Send) -> int:
    """News to the calls that live, again until each says that it knows."""
    async with sessions.reading() as session:
        if not await Approvals(session).has_untold():
            return 0
    async with sessions.writing() as session:
        untold = await Approvals(session).untold(await database_now(session))
    for news in untold:
        one = news.approval
        command = ApprovalNews(
            call_id=news.call_id,
            approval_id=one.approval_id,
            run_id=news.run_id,
            state=one.state.value,
            revision=one.revision,
            reason=one.reason,
            result=one.result,
            arguments=one.arguments,
        )
        try:
            await send(news.edge_id, command)
        except (RedisError, OSError) as exc:
            log.warning("news of approvals wait: Redis is away", reason=type(exc).__name__)
            break
    return len(untold)
