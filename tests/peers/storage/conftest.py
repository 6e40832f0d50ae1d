"""The storage tests again, on PostgreSQL: a private cluster, each test in a migrated copy."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator

import pytest
from tests.peers.drivers.postgres import PrivatePostgres, private_postgres

from trunkline.storage.engine import Sessions, open_sessions
from trunkline.storage.migrate import upgrade_to_head

_numbers = itertools.count()


@pytest.fixture(scope="session")
def postgres() -> Iterator[PrivatePostgres]:
    with private_postgres() as cluster:
        asyncio.run(upgrade_to_head(cluster.create("migrated")))
        yield cluster


@pytest.fixture
def database_url(postgres: PrivatePostgres) -> str:
    # Not dropped: the whole cluster is thrown away.
    return postgres.create(f"test_{next(_numbers)}", template="migrated")


@pytest.fixture
def empty_url(postgres: PrivatePostgres) -> str:
    return postgres.create(f"empty_{next(_numbers)}")


@pytest.fixture
async def sessions(database_url: str) -> AsyncIterator[Sessions]:
    opened = open_sessions(database_url)
    yield opened
    await opened.close()
