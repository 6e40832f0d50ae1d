"""A migrated SQLite file for every test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from trunkline.storage.engine import Sessions, open_sessions
from trunkline.storage.migrate import upgrade_to_head


@pytest.fixture
async def sessions(tmp_path: Path) -> AsyncIterator[Sessions]:
    url = f"sqlite+aiosqlite:///{tmp_path / 'trunkline.db'}"
    await upgrade_to_head(url)
    opened = open_sessions(url)
    yield opened
    await opened.close()
