"""One installation whose agent puts callers through to people, on a port that tests know."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.peers.call_control.house import CALLBACK, FLOW
from tests.peers.drivers.installation import Installation, running
from tests.peers.drivers.ports import free_port


@pytest.fixture(scope="session")
def desk_port() -> int:
    """Where the colleague's phone is, when there is one."""
    return free_port()


@pytest.fixture(scope="session")
def second_port() -> int:
    """Where the second colleague's phone is."""
    return free_port()


@pytest.fixture(scope="session")
def installation(
    tmp_path_factory: pytest.TempPathFactory, desk_port: int, second_port: int
) -> Iterator[Installation]:
    # A short path: the private Redis listens on a Unix socket (unix(7): 107 bytes).
    folder = tmp_path_factory.mktemp("tl")
    agents = folder / "agents"
    agents.mkdir()
    (agents / "desk.yaml").write_text(FLOW)
    (agents / "callback.yaml").write_text(CALLBACK)
    with running(
        folder / "var",
        TRUNKLINE_AGENTS_DIR=str(agents),
        DESK=f"sip:desk@127.0.0.1:{desk_port}",
        SECOND_DESK=f"sip:desk@127.0.0.1:{second_port}",
    ) as started:
        yield started
