"""One installation for the slices; whoever uses it leaves it idle."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.peers.drivers.installation import Installation, running


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    # A short path: the private Redis listens on a Unix socket (unix(7): 107 bytes).
    with running(tmp_path_factory.mktemp("tl") / "var") as started:
        yield started
