"""One installation for all conversations, started as a user starts it."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from tests.peers.conversation.paying import NUMBERS, write_agents
from tests.peers.drivers.installation import Installation, running
from tests.peers.drivers.ports import free_port


@pytest.fixture(scope="session")
def person_port() -> int:
    """Where the installation's transfers go."""
    return free_port()


@pytest.fixture(scope="session")
def installation(
    tmp_path_factory: pytest.TempPathFactory, person_port: int
) -> Iterator[Installation]:
    # A short path: the private Redis listens on a Unix socket (unix(7): 107 bytes).
    folder = tmp_path_factory.mktemp("tl")
    (folder / "agents").mkdir()
    write_agents(folder / "agents")
    numbers = [{"number": each, "agent": agent, "trunk": "local"} for each, agent in NUMBERS]
    with running(
        folder / "var",
        TRUNKLINE_TRANSFER_TARGET=f"sip:person@127.0.0.1:{person_port}",
        TRUNKLINE_AGENTS_DIR=str(folder / "agents"),
        TRUNKLINE_NUMBERS=json.dumps(numbers),
    ) as started:
        yield started
