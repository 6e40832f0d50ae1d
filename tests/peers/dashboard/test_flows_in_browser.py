"""Flows in a real browser: two people edit one draft, and somebody publishes it."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Dialog, Page, expect
from tests.peers.dashboard.house import ENVIRONMENT, House
from tests.unit.calls.flow_texts import BROKEN, shop

from trunkline.calls.flow_editor import FlowEditor
from trunkline.domain.clock import SystemClock
from trunkline.storage.flow_versions import FlowRepository
from trunkline.storage.flow_views import Slots

pytestmark = [pytest.mark.peers, pytest.mark.timeout(120)]

FIRST = shop("Hello.").replace("  bye:", "  # the end\n  bye:")
EDIT, SHOP = "/flows/kiosk/edit", "/flows/kiosk"


def editor(house: House) -> FlowEditor:
    return FlowEditor(house.sessions, SystemClock(), ENVIRONMENT)


async def draft(house: House) -> str:
    async with house.sessions.reading() as session:
        found = await FlowRepository(session).draft("kiosk")
    assert found is not None
    return found.text


async def slots(house: House) -> Slots:
    async with house.sessions.reading() as session:
        return (await FlowRepository(session).agent("kiosk")).slots


async def change(page: Page, old: str, new: str) -> None:
    area = page.locator("[data-text]")
    await area.fill((await area.input_value()).replace(old, new))


async def test_two_people_edit_one_draft_and_both_edits_survive(
    house: House, page: Page, sues_page: Page
) -> None:
    await editor(house).save_draft("kiosk", FIRST, "ann", based_on=0)
    await page.goto(EDIT)
    await change(page, "Hello.", "Good day.")
    await sues_page.goto(EDIT)
    await change(sues_page, "Goodbye.", "So long.")
    await sues_page.keyboard.press("Control+s")
    await expect(sues_page.locator(".notice")).to_contain_text("Saved")
    await page.click("[data-save]")
    await expect(page.locator("[role=alert]")).to_contain_text("sue saved while you were writing")
    both = page.locator(".two-edits")
    await expect(both).to_contain_text("So long")
    await expect(both).to_contain_text("Good day")
    assert await draft(house) == FIRST.replace("Goodbye.", "So long.")
    await page.click("text=Save both together")
    await expect(page.locator(".notice")).to_contain_text("Saved")
    merged = FIRST.replace("Goodbye.", "So long.").replace("Hello.", "Good day.")
    assert await draft(house) == merged


async def test_complaints_stand_beside_their_lines_as_one_writes(house: House, page: Page) -> None:
    await editor(house).save_draft("kiosk", BROKEN, "ann", based_on=0)
    await page.goto(EDIT)
    finding = page.locator(".finding.error").first
    await expect(finding).to_be_visible()
    line = page.locator("[data-gutter] .error")
    await expect(line).to_have_text("4")
    boxes = [await one.bounding_box() for one in (finding, line)]
    assert boxes[0] and boxes[1] and abs(boxes[0]["y"] - boxes[1]["y"]) < 12
    await finding.locator("[data-goto]").click()
    picked = await page.evaluate("() => getSelection().toString()")
    assert picked.strip().startswith("hello:")
    await expect(page.locator("[data-state]")).to_have_text("Saved, 2 errors")
    await change(page, "Hello {{ nobody }}.", "Hello.")
    await change(page, "next: nowhere", "next: bye")
    await expect(page.locator(".findings-sum")).to_contain_text("Publishable")
    await expect(page.locator("[data-gutter] .error")).to_have_count(0)
    await expect(page.locator("[data-state]")).to_have_text("Not saved yet")
    assert await draft(house) == BROKEN
    # Leaving now asks first.
    asked: list[str] = []

    async def leave(dialog: Dialog) -> None:
        asked.append(dialog.type)
        await dialog.accept()

    page.once("dialog", leave)
    await page.goto(SHOP)
    assert asked == ["beforeunload"]


async def test_a_draft_is_published_tried_on_some_calls_and_taken_back(
    house: House, page: Page
) -> None:
    await editor(house).save_draft("kiosk", FIRST, "ann", based_on=0)
    await page.goto(EDIT)
    await page.click("text=Save and publish")
    await page.fill("[name=note]", "first words")
    await page.keyboard.press("Enter")
    await expect(page.locator(".notice")).to_contain_text("Published")
    await expect(page.locator(".version-table")).to_contain_text("first words")
    stable = (await slots(house)).stable
    await page.click("text=Edit the draft")
    await change(page, "Hello.", "Hi.")
    await page.click("[data-save]")
    await page.goto(SHOP)
    share = page.locator("[data-share]")
    await share.focus()
    for _ in range(5):
        await page.keyboard.press("ArrowRight")
    await expect(page.locator("[data-share-out]")).to_have_text("10 %")
    await page.get_by_role("button", name="Start").click()
    await expect(page.locator(".notice")).to_contain_text("canary")
    now = await slots(house)
    assert now.stable == stable and now.canary and now.percent == 10
    await page.click("text=Promote…")
    await expect(page.locator("#dialog")).to_contain_text("every call?")
    await page.keyboard.press("Escape")
    assert (await slots(house)) == now
    await page.click("text=Promote…")
    await page.locator("#dialog").get_by_role("button", name="Promote").click()
    await expect(page.locator(".notice")).to_contain_text("Promoted")
    assert await slots(house) == Slots(now.canary)
    await page.locator(".version-table").get_by_text("Restore…").click()
    await expect(page.locator(".diff")).to_contain_text("Hello")
    await page.get_by_role("button", name="Restore").click()
    await expect(page.locator(".notice")).to_contain_text("Restored")
    assert await slots(house) == Slots(stable)


async def test_a_phone_and_a_keyboard_reach_everything_about_a_flow(
    house: House, page: Page
) -> None:
    flows = editor(house)
    for greeting in ("Hello.", "Hi."):
        await flows.save_draft("kiosk", shop(greeting), "ann", based_on=None)
        await flows.publish("kiosk", "ann", note="a note that is rather long for a small phone")
    await flows.save_draft("kiosk", BROKEN, "ann", based_on=None)
    await page.keyboard.press("g")
    await page.keyboard.press("f")
    await page.wait_for_url(re.compile("/flows$"))
    await page.keyboard.press("j")
    await page.keyboard.press("j")
    await page.keyboard.press("Enter")
    await page.wait_for_url(re.compile("/flows/"))
    await page.set_viewport_size({"width": 390, "height": 844})
    for path in ("", "/edit", "/publish", "/diff", "/versions/serving"):
        await page.goto(SHOP + path)
        wide = await page.evaluate("() => document.documentElement.scrollWidth")
        assert wide <= 390, path
    await page.goto("/flows/energy")
    drawing = page.locator(".drawing img")
    await drawing.scroll_into_view_if_needed()
    await page.wait_for_function("() => document.querySelector('.drawing img').naturalWidth > 300")
    nameless = await page.evaluate(
        """() => [...document.querySelectorAll('a, button, input:not([type=hidden]), select')]
          .filter(one => !(one.innerText || one.ariaLabel || one.labels?.length
                           || one.getAttribute('title'))).map(one => one.outerHTML)"""
    )
    assert nameless == []
