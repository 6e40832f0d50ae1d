"""What is PostgreSQL's own."""

from __future__ import annotations

import asyncio

import pytest
from tests.peers.drivers.postgres import PrivatePostgres

from trunkline.domain.errors import ConfigError
from trunkline.storage.engine import Sessions, hold
from trunkline.storage.migrate import upgrade_to_head

pytestmark = pytest.mark.peers


async def test_a_held_name_keeps_others_out_until_the_transaction_ends(sessions: Sessions) -> None:
    async with sessions.writing() as session:
        await hold(session, "one")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2), sessions.writing() as other:
                await hold(other, "one")
        async with sessions.writing() as other:
            await hold(other, "two")
    async with sessions.writing() as session:
        await hold(session, "one")


async def test_a_database_that_cannot_be_reached_is_named(postgres: PrivatePostgres) -> None:
    with pytest.raises(ConfigError, match="cannot be reached"):
        await upgrade_to_head("postgresql+asyncpg://postgres@/x?host=/nowhere/at/all")
    with pytest.raises(ConfigError, match="no_such_database"):
        await upgrade_to_head(postgres.url("no_such_database"))
