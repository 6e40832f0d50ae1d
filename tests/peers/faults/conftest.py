"""Installations that drills break: one that most share, and fresh ones for what ends them."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TypeAlias

import pytest
from tests.peers.drivers.installation import Installation, running
from tests.peers.faults.phone import ACCOUNT, CALLER

Fresh: TypeAlias = Callable[..., AbstractContextManager[Installation]]

# What callers say in these drills, and may stand in no log.
_SPOKEN = re.compile(r"opening hours|what is my balance", re.I)


def assert_log_tells_no_secrets(installation: Installation) -> None:
    log = installation.log
    for secret in (ACCOUNT, CALLER, CALLER.lstrip("+"), installation.api_key):
        assert secret not in log, [line for line in log.splitlines() if secret in line]
    assert not _SPOKEN.search(log)


@pytest.fixture(scope="session")
def agents_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("agents")


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory, agents_dir: Path) -> Iterator[Installation]:
    """Whoever breaks it waits until it is whole again."""
    # A short path: the private Redis listens on a Unix socket (unix(7): 107 bytes).
    data_dir = tmp_path_factory.mktemp("tl") / "var"
    settings = {"TRUNKLINE_AGENTS_DIR": str(agents_dir), **own_lines(data_dir)}
    with running(data_dir, **settings) as started:
        wait_for_lines(started, "energy")
        yield started
    assert_log_tells_no_secrets(started)


def wait_for_lines(house: Installation, agent: str, deadline_s: float = 90) -> None:
    """An edge takes calls before all its lines are rendered; drills compare with all of them."""
    until = time.monotonic() + deadline_s
    wanted = re.compile(rf'"agent": "{agent}".*"event": "lines are at hand"')
    while not wanted.search(house.log):
        if time.monotonic() > until:
            raise RuntimeError(f"the lines of {agent} are not rendered:\n{house.log}")
        time.sleep(0.1)


def own_lines(data_dir: Path) -> dict[str, str]:
    """Drills look their lines up by words, so no other agent's voice may be among them."""
    return {"TRUNKLINE_SPEECH_CACHE_DIR": str(data_dir.resolve() / "speech")}


@pytest.fixture
def fresh(house: Installation) -> Fresh:
    """Starts another installation, with the lines of the first so that it is ready sooner."""

    @contextmanager
    def start(data_dir: Path, **settings: str) -> Iterator[Installation]:
        lines = {"TRUNKLINE_SPEECH_CACHE_DIR": str(house.rendered_lines)}
        with running(data_dir, **settings, **lines) as started:
            yield started
        assert_log_tells_no_secrets(started)

    return start
