"""One installation over a PostgreSQL of its own, its numbers led to an agent in a file."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.peers.drivers.installation import Installation, running
from tests.peers.drivers.postgres import PrivatePostgres, private_postgres
from tests.peers.versions.flows import desk


@pytest.fixture(scope="module")
def postgres() -> Iterator[PrivatePostgres]:
    with private_postgres() as cluster:
        yield cluster


@pytest.fixture(scope="module")
def house(
    postgres: PrivatePostgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    agents = tmp_path_factory.mktemp("agents")
    (agents / "desk.yaml").write_text(desk("Hello from a file.", "We are open at eight."))
    # A short path: the private Redis listens on a Unix socket (unix(7): 107 bytes).
    with running(
        tmp_path_factory.mktemp("tl") / "var",
        TRUNKLINE_AGENTS_DIR=str(agents),
        TRUNKLINE_DATABASE_URL=postgres.create("house"),
    ) as started:
        yield started
