"""A house and a real Chromium; both skip with a reason where they are not installed."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from playwright.async_api import BrowserContext, Page
from tests.peers.dashboard.house import PASSWORD, USER, House, open_house
from tests.peers.drivers.chromium import chromium, log_in

from trunkline.domain.clock import SystemClock
from trunkline.storage.users import create_user


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A short path: a Unix socket's may have 107 bytes."""
    folder = Path(tempfile.mkdtemp(prefix="tldash-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
async def house(short_folder: Path) -> AsyncIterator[House]:
    async with open_house(short_folder) as opened:
        yield opened


@pytest.fixture
async def browser(house: House, tmp_path: Path) -> AsyncIterator[BrowserContext]:
    async with chromium(house.url, tmp_path / "profile") as opened:
        yield opened


@pytest.fixture
async def page(browser: BrowserContext) -> Page:
    return await log_in(browser, USER, PASSWORD)


@pytest.fixture
async def sues_page(house: House, tmp_path: Path) -> AsyncIterator[Page]:
    """Another operator in another browser."""
    await create_user(house.sessions, "sue", PASSWORD, "admin", SystemClock().now())
    async with chromium(house.url, tmp_path / "sue") as opened:
        yield await log_in(opened, "sue", PASSWORD)
