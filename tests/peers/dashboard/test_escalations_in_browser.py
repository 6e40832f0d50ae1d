"""An escalation in a real browser: it appears, its last seconds play, a key takes the call."""

from __future__ import annotations

import asyncio
import wave
from pathlib import Path

import pytest
from playwright.async_api import Page, expect
from tests.peers.dashboard.house import House
from tests.peers.drivers.tones import tone
from tests.unit.storage.facts import CALL, caller_turn, started
from tests.unit.storage.test_escalations import RAISED

from trunkline.calls.control import TakeOverCall
from trunkline.domain.events import TakeOverChanged

pytestmark = [pytest.mark.peers, pytest.mark.timeout(120)]


def record(folder: Path, seconds: int) -> None:
    """A call whose recording is being written."""
    path = folder / "recordings" / "2026" / "11" / "21" / f"{CALL}.wav"
    path.parent.mkdir(parents=True)
    with wave.open(str(path), "wb") as file:
        file.setparams((2, 2, 8000, 0, "NONE", ""))
        file.writeframes(tone(440, 8000, 2 * seconds))


async def test_it_appears_is_heard_and_the_call_is_taken_by_a_key(
    house: House, page: Page, tmp_path: Path
) -> None:
    record(house.data_dir, 40)
    await page.goto("/approvals")
    await page.wait_for_selector("[data-feed-state=live]")
    await house.tell([started(edge_id="edge-1"), caller_turn("my lawyer will hear of it"), RAISED])
    row = page.locator("[data-approval=esc_one]")
    await expect(row).to_contain_text("the caller said")
    await expect(page.locator("[data-approval-count]")).to_have_text("1")
    await row.locator("a").click()
    await page.wait_for_url("**/escalations/esc_one")
    await page.wait_for_selector("[data-feed-state=live]")
    await page.keyboard.press("a")
    await expect(page.locator(".ask-state")).to_contain_text("you have it")
    await page.wait_for_selector("[data-feed-state=live]")
    await expect(page.locator("[data-said]")).to_contain_text("my lawyer will hear of it")
    # The last half minute of forty seconds, played by the browser itself.
    seconds = await page.evaluate(
        """async () => {
             const player = document.querySelector("[data-tail]");
             player.muted = true;
             await player.play();
             await new Promise((done) => setTimeout(done, 300));
             return [player.duration, player.currentTime];
           }"""
    )
    assert seconds[0] == pytest.approx(30, abs=0.1)
    assert seconds[1] > 0
    # The first time one says which phone; after that one key does it.
    await page.evaluate("document.activeElement.blur()")
    await page.keyboard.press("t")
    await expect(page.locator("[data-phone]")).to_be_focused()
    await page.keyboard.type("sip:ops@192.0.2.7")
    await page.keyboard.press("Enter")
    async with asyncio.timeout(10):
        wanted = await house.commands.get()
    assert isinstance(wanted, TakeOverCall)
    assert (wanted.target, wanted.by) == ("sip:ops@192.0.2.7", "user:ops")
    await page.wait_for_selector("[data-feed-state=live]")
    for stage in ("ringing", "joined"):
        fact = TakeOverChanged(CALL, RAISED.at, 9000, wanted.take_over_id, "user:ops", stage)
        await house.tell([fact])
    await expect(page.locator("[data-take-state]")).to_contain_text("talks to the caller")
    await page.screenshot(path=str(tmp_path / "escalation.png"), full_page=True)
    back = TakeOverChanged(CALL, RAISED.at, 9900, wanted.take_over_id, "user:ops", "handed_back")
    await house.tell([back])
    await expect(page.locator("[data-take-state]")).to_contain_text("gave the call back")
    await page.keyboard.press("t")
    async with asyncio.timeout(10):
        again = await house.commands.get()
    assert isinstance(again, TakeOverCall)
    assert again.target == "sip:ops@192.0.2.7"
