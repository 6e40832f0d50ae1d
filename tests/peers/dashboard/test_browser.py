"""The pages in a real browser: what an operator sees, hears and does."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import Page, expect
from tests.peers.dashboard.house import House
from tests.unit.dashboard.story import Story, balance_call, whole_call, write_recording

from trunkline.calls.control import HangUpCall
from trunkline.domain.call import EndCause
from trunkline.domain.ids import CallId
from trunkline.domain.turn import Speaker

pytestmark = [pytest.mark.peers, pytest.mark.timeout(120)]


def new_story(name: str = "call_live", seconds_ago: int = 20) -> Story:
    return Story(CallId(name), datetime.now(UTC) - timedelta(seconds=seconds_ago))


async def finished_call(house: House) -> None:
    story = new_story("call_done", 300)
    facts = whole_call(story)
    ms = write_recording(house.data_dir / "recordings" / "done.wav", facts)
    story.record("recordings/done.wav", ms)
    await house.tell(story.facts)


async def test_a_live_call_appears_grows_and_ends_without_a_reload(
    house: House, page: Page
) -> None:
    await expect(page.locator("[data-empty]")).to_be_visible()
    story = new_story(seconds_ago=0)
    scenes = balance_call(story)
    next(scenes)
    await house.tell(story.facts)
    row = page.locator(".live-row")
    await expect(row).to_have_count(1)
    await expect(row).to_contain_text("Ringing")
    await expect(page.locator("[data-live-count]")).to_have_text("1")
    told = len(story.facts)
    for _ in range(2):
        next(scenes)
    await house.tell(story.facts[told:])
    await expect(row).to_contain_text("hi what's my")
    await expect(row.locator(".live-state")).to_contain_text("In call")
    first = await row.locator("[data-since]").inner_text()
    await expect(row.locator("[data-since]")).not_to_have_text(first)
    told = len(story.facts)
    story.end(EndCause.CALLER_HANGUP)
    await house.tell(story.facts[told:])
    await expect(row).to_contain_text("Caller hung up")
    await expect(page.locator("#recent")).to_contain_text("Caller hung up")
    await expect(row).to_have_count(0, timeout=25_000)
    await expect(page.locator("[data-empty]")).to_be_visible()


async def test_an_open_call_is_followed_to_its_end_and_its_recording(
    house: House, page: Page
) -> None:
    story = new_story()
    scenes = balance_call(story)
    for _ in range(3):
        next(scenes)
    await house.tell(story.facts)
    await page.locator(".live-row a[data-open]").click()
    await expect(page.locator("#timeline .turn")).to_have_count(1)
    await expect(page.locator(".partial")).to_contain_text("hi what's my")
    told = len(story.facts)
    for _ in scenes:
        pass
    await house.tell(story.facts[told:])
    await expect(page.locator("#timeline .turn")).to_have_count(10)
    orders = await page.locator("#timeline .entry").evaluate_all(
        "all => all.map(one => Number(one.dataset.order))"
    )
    assert orders == sorted(orders)
    await expect(page.locator(".partial")).to_be_empty()
    await expect(page.locator("[data-part=step]")).to_have_text("transfer")
    told = len(story.facts)
    ms = write_recording(house.data_dir / "recordings" / "live.wav", story.facts)
    story.record("recordings/live.wav", ms)
    story.end()
    await house.tell(story.facts[told:])
    await expect(page.locator("#player.has-peaks")).to_be_visible()
    await expect(page.locator(".ending")).to_contain_text("Agent finished")


async def test_a_recording_plays_and_the_words_follow(house: House, page: Page) -> None:
    await finished_call(house)
    await page.goto("/calls/call_done")
    await page.wait_for_selector("#player.has-peaks")
    position = "() => document.querySelector('audio').currentTime"
    await page.keyboard.press("Space")
    await page.wait_for_function("() => document.querySelector('audio').currentTime > 0.7")
    await expect(page.locator("#timeline .w.is-now")).to_have_count(1)
    await page.keyboard.press("Space")
    stopped = await page.evaluate(position)
    word = page.locator("#timeline .w", has_text="digit").first
    await word.click()
    await page.wait_for_function("() => document.querySelector('audio').currentTime > 7.5")
    assert await page.evaluate(position) > stopped
    await expect(page.locator("#timeline .turn.is-now")).to_contain_text("eight digit account")
    await page.locator("[data-play]").click()
    await expect(page.locator("[data-play]")).to_have_attribute("aria-label", "Play")
    await page.locator("[data-channel='1']").click()
    await expect(page.locator("[data-channel='1']")).to_have_attribute("aria-pressed", "false")
    await page.select_option("[data-speed]", "2")
    assert await page.evaluate("() => document.querySelector('audio').playbackRate") == 2
    wave = page.locator("[data-wave]")
    await wave.focus()
    await page.keyboard.press("Home")
    await expect(wave).to_have_attribute("aria-valuenow", "0")
    await page.keyboard.press("ArrowRight")
    await expect(wave).to_have_attribute("aria-valuenow", "5")


async def test_both_sides_are_drawn_where_they_spoke(house: House, page: Page) -> None:
    await finished_call(house)
    await page.goto("/calls/call_done")
    await page.wait_for_selector("#player.has-peaks")
    # The greeting is the agent's: in its time the upper lane is flat and the lower one is not.
    # Drawn with the next frame, which a busy machine shows late.
    drawn = await page.wait_for_function(
        """() => {
          const canvas = document.querySelector('[data-wave]');
          const pen = canvas.getContext('2d');
          const span = canvas.width * 3.5 / 30;
          const inked = (top, bottom) => {
            const box = pen.getImageData(span * 0.1, top, span * 0.8, bottom - top);
            let rows = new Set();
            for (let i = 3; i < box.data.length; i += 4) {
              if (box.data[i] > 60) rows.add(Math.floor(i / 4 / box.width));
            }
            return rows.size / (bottom - top);
          };
          const half = canvas.height / 2;
          const heights = [inked(4, half - 6), inked(half + 6, canvas.height - 4)];
          return heights[1] > 0 && heights;
        }"""
    )
    heights = await drawn.json_value()
    assert heights[0] < 0.1 < 0.3 < heights[1]


async def test_hanging_up_asks_once_and_tells_the_calls_edge(house: House, page: Page) -> None:
    story = new_story()
    scenes = balance_call(story)
    for _ in range(2):
        next(scenes)
    await house.tell(story.facts)
    await expect(page.locator(".live-row")).to_have_count(1)
    await page.keyboard.press("j")
    await page.keyboard.press("x")
    dialog = page.locator("#dialog")
    await expect(dialog).to_contain_text("Hang up this call?")
    await page.keyboard.press("Escape")
    await expect(dialog).to_be_hidden()
    assert house.commands.empty()
    await page.keyboard.press("x")
    await dialog.get_by_role("button", name="Hang up").click()
    async with asyncio.timeout(10):
        assert await house.commands.get() == HangUpCall(CallId("call_live"), "ops")
    await expect(dialog).to_be_hidden()
    await expect(page.locator("#toasts")).to_contain_text("Hanging up")


async def test_the_list_is_searched_as_one_types_and_pages_back(house: House, page: Page) -> None:
    facts = []
    for number in range(60):
        story = new_story(f"call_{number:03}", 3600 - number)
        story.ring()
        story.turn(Speaker.CALLER, "my meter reading" if number == 7 else "my balance")
        story.end()
        facts += story.facts
    await house.tell(facts)
    await page.goto("/calls")
    rows = page.locator("tr[data-item]")
    await expect(rows).to_have_count(50)
    await page.get_by_text("Show older calls").click()
    await expect(rows).to_have_count(60)
    await page.keyboard.press("/")
    await page.keyboard.type("meter")
    await expect(rows).to_have_count(1)
    assert "text=meter" in page.url
    await rows.first.click()
    await expect(page.locator("#timeline")).to_contain_text("my meter reading")
    await page.go_back()
    await expect(rows).to_have_count(1)


async def test_what_a_caller_says_is_never_run(house: House, page: Page) -> None:
    evil = "<img src=x onerror=\"document.title='broken'\"><script>document.title='broken'</script>"
    story = new_story()
    story.ring()
    story.answer()
    await house.tell(story.facts)
    await expect(page.locator(".live-row")).to_have_count(1)
    told = len(story.facts)
    story.partial(evil)
    story.turn(Speaker.AGENT, evil)
    story.partial(evil)
    await house.tell(story.facts[told:])
    await expect(page.locator(".live-words")).to_contain_text("<script>document")
    await page.goto("/calls/call_live")
    await expect(page.locator(".partial")).to_contain_text("<script>document")
    await expect(page.locator("#timeline")).to_contain_text("<script>document")
    assert await page.locator("main img, main script").count() == 0
    assert "broken" not in await page.title()


async def test_a_phone_shows_every_page_without_scrolling_sideways(
    house: House, page: Page
) -> None:
    await finished_call(house)
    story = new_story()
    scenes = balance_call(story)
    for _ in range(5):
        next(scenes)
    await house.tell(story.facts)
    await page.set_viewport_size({"width": 390, "height": 844})
    for path in ("/", "/calls", "/calls/call_done", "/calls/call_live"):
        await page.goto(path)
        wide = await page.evaluate("() => document.documentElement.scrollWidth")
        assert wide <= 390, path


async def test_the_theme_stays_as_chosen(house: House, page: Page) -> None:
    await page.keyboard.press("t")
    await page.goto("/calls")
    assert await page.locator("html").get_attribute("data-theme") == "dark"
