"""Lanes: on two cores, what waits for a conversation leaves room for what computes beside it.

``pytest -n 3 --dist loadgroup`` (``make test``) deals out whole directories of peers, which share
their installations, and single files of units. Peers go first: they hold calls in real time.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from tests.peers.drivers.installation import RENDERED_LINES

_HERE = Path(__file__).parent
_LONGEST_FIRST = ("conversation", "faults", "sip", "dashboard", "realtime", "soak")


def pytest_configure(config: pytest.Config) -> None:
    if RENDERED_LINES in os.environ:
        return
    # Set before workers are started, so that all of them share it.
    folder = tempfile.TemporaryDirectory(prefix="trunkline-lines-")
    config.add_cleanup(folder.cleanup)
    os.environ[RENDERED_LINES] = folder.name


def _lane(item: pytest.Item) -> str:
    where = item.path.relative_to(_HERE).parts
    return "/".join(where[:2] if where[0] == "peers" else where)


def _order(item: pytest.Item) -> tuple[bool, int]:
    where = item.path.relative_to(_HERE).parts
    is_unit = where[0] != "peers"
    known = not is_unit and where[1] in _LONGEST_FIRST
    return is_unit, _LONGEST_FIRST.index(where[1]) if known else len(_LONGEST_FIRST)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_lane(item)))
    items.sort(key=_order)
