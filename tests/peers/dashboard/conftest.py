"""A house and a real Chromium; both skip with a reason where they are not installed."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import BrowserContext, ConsoleMessage, Page, async_playwright
from tests.peers.dashboard.house import PASSWORD, USER, House, open_house

from trunkline.domain.clock import SystemClock
from trunkline.storage.users import create_user

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]


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


@asynccontextmanager
async def open_browser(house: House, profile: Path) -> AsyncIterator[BrowserContext]:
    """A fresh profile; the test fails when a page logs an error or breaks the page's policy."""
    if not Path(CHROMIUM).exists():
        pytest.skip(f"Chromium is not installed at {CHROMIUM} (Debian: chromium)")
    complaints: list[str] = []

    def note(said: ConsoleMessage) -> None:
        # A page that answers 409 shows two edits of one text; Chromium calls that an error.
        if said.type == "error" and "409 (Conflict)" not in said.text:
            complaints.append(said.text)

    async with async_playwright() as playwright:
        context = await playwright.chromium.launch_persistent_context(
            profile,
            executable_path=CHROMIUM,
            args=FLAGS,
            viewport={"width": 1280, "height": 900},
            timezone_id="Europe/Berlin",
            base_url=house.url,
        )
        context.set_default_timeout(10_000)
        context.on("console", note)
        context.on("weberror", lambda broke: complaints.append(str(broke.error)))
        yield context
        await context.close()
    assert not complaints


async def log_in(browser: BrowserContext, username: str) -> Page:
    """On the live page, its stream connected."""
    page = browser.pages[0] if browser.pages else await browser.new_page()
    await page.goto("/")
    await page.fill("[name=username]", username)
    await page.fill("[name=password]", PASSWORD)
    await page.click("button[type=submit]")
    await page.wait_for_selector("[data-feed-state=live]")
    return page


@pytest.fixture
async def browser(house: House, tmp_path: Path) -> AsyncIterator[BrowserContext]:
    async with open_browser(house, tmp_path / "profile") as opened:
        yield opened


@pytest.fixture
async def page(browser: BrowserContext) -> Page:
    return await log_in(browser, USER)


@pytest.fixture
async def sues_page(house: House, tmp_path: Path) -> AsyncIterator[Page]:
    """Another operator in another browser."""
    await create_user(house.sessions, "sue", PASSWORD, "admin", SystemClock().now())
    async with open_browser(house, tmp_path / "sue") as opened:
        yield await log_in(opened, "sue")
