from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import delete, text, update
from tests.unit.storage.facts import NOON, after

from trunkline.storage.audit import Audit
from trunkline.storage.engine import Sessions
from trunkline.storage.rows import AuditRow


async def fill(sessions: Sessions, count: int) -> None:
    for number in range(count):
        async with sessions.writing() as session:
            await Audit(session).append(
                "user_ada", "key.created", f"key_{number}", after(number), {"n": number, "f": 1.5}
            )


async def broken(sessions: Sessions) -> int | None:
    async with sessions.reading() as session:
        return await Audit(session).first_broken()


async def test_a_chain_holds_and_reads_back_newest_first(sessions: Sessions) -> None:
    assert await broken(sessions) is None
    await fill(sessions, 5)
    assert await broken(sessions) is None
    async with sessions.reading() as session:
        latest = await Audit(session).latest(2)
    assert [(link.seq, link.subject) for link in latest] == [(5, "key_4"), (4, "key_3")]
    assert latest[0].details == {"n": 4, "f": 1.5}


@pytest.mark.parametrize(
    "change",
    [{"actor": "user_eve"}, {"subject": "x"}, {"details": "{}"}, {"at": NOON}, {"hash": "0" * 64}],
)
async def test_a_changed_link_is_found(sessions: Sessions, change: dict[str, object]) -> None:
    await fill(sessions, 5)
    async with sessions.writing() as session:
        await session.execute(update(AuditRow).where(AuditRow.seq == 3).values(**change))
    assert await broken(sessions) == 3


async def test_a_missing_link_is_found(sessions: Sessions) -> None:
    await fill(sessions, 5)
    async with sessions.writing() as session:
        await session.execute(delete(AuditRow).where(AuditRow.seq == 2))
    assert await broken(sessions) == 2


async def test_a_missing_link_is_found_even_when_the_others_close_ranks(
    sessions: Sessions,
) -> None:
    await fill(sessions, 3)
    async with sessions.writing() as session:
        await session.execute(delete(AuditRow).where(AuditRow.seq == 2))
        await session.execute(text("UPDATE audit SET seq = 2 WHERE seq = 3"))
    assert await broken(sessions) == 2


async def test_links_added_at_the_same_time_form_one_chain(sessions: Sessions) -> None:
    async def add(number: int) -> None:
        async with sessions.writing() as session:
            await Audit(session).append("system", "test", str(number), NOON)

    await asyncio.gather(*(add(number) for number in range(20)))
    assert await broken(sessions) is None
    async with sessions.reading() as session:
        assert len(await Audit(session).latest()) == 20


async def test_each_owner_has_a_chain_of_its_own(sessions: Sessions) -> None:
    await fill(sessions, 2)
    async with sessions.writing() as session:
        link = await Audit(session, owner="other").append("system", "test", "x", NOON)
    assert link.seq == 1
    assert await broken(sessions) is None
