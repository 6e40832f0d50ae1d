"""Lanes: on two cores, what waits for a conversation leaves room for what computes beside it.

``make test`` deals whole directories of peers, which share their installations, and single files
of units out to a few workers. Peers go first: they hold calls in real time.
"""

from __future__ import annotations

import os
import tempfile
from typing import Any

import pytest
from tests.peers.drivers.installation import RENDERED_LINES
from xdist.scheduler import LoadScopeScheduling

_LONGEST_FIRST = ("conversation", "faults", "sip", "conformance", "dashboard", "realtime", "soak")


def pytest_configure(config: pytest.Config) -> None:
    if RENDERED_LINES in os.environ:
        return
    # Set before workers are started, so that all of them share it.
    folder = tempfile.TemporaryDirectory(prefix="trunkline-lines-")
    config.add_cleanup(folder.cleanup)
    os.environ[RENDERED_LINES] = folder.name


def _peers(node_id: str) -> str | None:
    """The directory below tests/peers that a test is in."""
    where = node_id.partition("::")[0].split("/")
    return where[2] if where[1] == "peers" else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def order(item: pytest.Item) -> int:
        peers = _peers(item.nodeid)
        if peers is None:
            return len(_LONGEST_FIRST) + 1
        return _LONGEST_FIRST.index(peers) if peers in _LONGEST_FIRST else len(_LONGEST_FIRST)

    items.sort(key=order)


class _Lanes(LoadScopeScheduling):  # type: ignore[misc]  # xdist ships no types
    def _split_scope(self, nodeid: str) -> str:
        return _peers(nodeid) or nodeid.partition("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    return _Lanes(config, log)
