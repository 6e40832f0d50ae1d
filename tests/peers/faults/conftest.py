"""Installations that drills break: one that most share, and fresh ones for what ends them."""

from __future__ import annotations

import re
import shutil
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
        yield started
    assert_log_tells_no_secrets(started)


def own_lines(data_dir: Path) -> dict[str, str]:
    """Drills look their lines up by words, so no other agent's voice may be among them."""
    return {"TRUNKLINE_SPEECH_CACHE_DIR": str(data_dir.resolve() / "speech")}


@pytest.fixture
def fresh(house: Installation) -> Fresh:
    """Starts another installation, with the lines of the first so that it is ready sooner."""

    @contextmanager
    def start(data_dir: Path, **settings: str) -> Iterator[Installation]:
        # Lines are still being rendered while calls are served: what is half written is left out.
        half = shutil.ignore_patterns("*.part")
        shutil.copytree(house.data_dir / "speech", data_dir / "speech", ignore=half)
        with running(data_dir, **settings, **own_lines(data_dir)) as started:
            yield started
        assert_log_tells_no_secrets(started)

    return start
