"""Approvals in two real browsers: one claims, edits and approves by keys, the other comes late."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect
from tests.peers.dashboard.house import House
from tests.unit.dashboard.test_approvals_page import request
from tests.unit.storage.facts import caller_turn, started

from trunkline.calls.approval_desk import ApprovalDesk
from trunkline.domain.approval import ApprovalState

pytestmark = [pytest.mark.peers, pytest.mark.timeout(120)]


async def listens_at(page: Page, done: str) -> None:
    """The page that a form led to has loaded and takes keys."""
    await page.wait_for_url(f"**/approvals/appr_1?done={done}")
    await page.wait_for_selector("[data-feed-state=live]")


async def test_a_request_appears_is_edited_and_approved_by_keys_and_the_other_loses(
    house: House, page: Page, sues_page: Page
) -> None:
    await page.goto("/approvals")
    await page.wait_for_selector("[data-feed-state=live]")
    await expect(page.locator("[data-empty]")).to_be_visible()
    await house.tell([started(), caller_turn("pay it, please"), request()])
    row = page.locator("[data-approval=appr_1]")
    await expect(row).to_be_visible()
    await expect(page.locator("[data-approval-count]")).to_have_text("1")
    await row.locator("a").click()
    await sues_page.goto("/approvals/appr_1")
    await sues_page.wait_for_selector("[data-feed-state=live]")
    await page.get_by_role("button", name="Claim").click()
    # The other sees it by itself, and cannot approve meanwhile.
    await expect(sues_page.locator(".ask-why")).to_contain_text("ops is deciding this")
    await listens_at(page, "claimed")
    await page.keyboard.press("e")
    amount = page.locator("[name='field.amount']")
    await expect(amount).to_be_focused()
    await page.keyboard.type("2a0d0.00")  # letters that are keys elsewhere are only letters here
    await expect(amount).to_have_value("2a0d0.00")
    await amount.fill("200.00")
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="Save the change").click()
    await listens_at(page, "edited")
    await expect(page.locator(".is-changed")).to_contain_text("the call asked 240.50")
    await expect(sues_page.locator("[name='field.amount']")).to_have_value("200.00")
    # Both want to decide what they see; one writes a reason while the other presses a key.
    await sues_page.keyboard.press("d")
    await expect(sues_page.locator("[data-reason]")).to_be_focused()
    await sues_page.keyboard.type("a dear thing")
    await page.keyboard.press("a")
    await expect(page.locator(".notice").first).to_contain_text("Approved")
    await expect(sues_page.locator("[data-moved]")).to_be_visible()
    await sues_page.keyboard.press("Enter")
    await expect(sues_page.locator("[role=alert]")).to_contain_text(
        "You came too late. ops approved"
    )
    decided = (await ApprovalDesk(house.sessions).show("appr_1")).parked.approval
    assert decided.state is ApprovalState.GRANTED
    assert decided.arguments["amount"] == "200.00"
    await sues_page.wait_for_selector("[data-feed-state=live]")
    await sues_page.keyboard.press("t")
    await expect(sues_page.locator("[data-phone]")).to_be_focused()
