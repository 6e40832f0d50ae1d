"""A real Chromium, driven over the DevTools protocol; skipped with a reason where it is missing."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, Literal

import pytest
from playwright.async_api import BrowserContext, ConsoleMessage, Page, async_playwright

CHROMIUM: Final = os.environ.get("CHROMIUM", "/usr/bin/chromium")
_FLAGS: Final = [
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


@asynccontextmanager
async def chromium(
    url: str,
    profile: Path,
    *,
    width: int = 1280,
    height: int = 900,
    color_scheme: Literal["light", "dark"] = "light",
) -> AsyncIterator[BrowserContext]:
    """A fresh profile; AssertionError when a page logs an error or breaks the page's policy."""
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
            args=_FLAGS,
            viewport={"width": width, "height": height},
            color_scheme=color_scheme,
            timezone_id="Europe/Berlin",
            base_url=url,
        )
        context.set_default_timeout(10_000)
        context.on("console", note)
        context.on("weberror", lambda broke: complaints.append(str(broke.error)))
        yield context
        await context.close()
    assert not complaints, complaints


async def log_in(browser: BrowserContext, username: str, password: str) -> Page:
    """On the live page, its stream connected."""
    page = browser.pages[0] if browser.pages else await browser.new_page()
    await page.goto("/")
    await page.fill("[name=username]", username)
    await page.fill("[name=password]", password)
    await page.click("button[type=submit]")
    await page.wait_for_selector("[data-feed-state=live]")
    return page
