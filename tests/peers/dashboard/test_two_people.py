"""The two-person rule in two real browsers, and the page behind a signed link without a login."""

from __future__ import annotations

from dataclasses import replace

import pytest
from playwright.async_api import BrowserContext, Page, expect
from tests.peers.dashboard.house import USER, House
from tests.unit.dashboard.test_approvals_page import request
from tests.unit.dashboard.test_decision_pages import link_of
from tests.unit.storage.facts import caller_turn, started
from tests.unit.storage.test_approvals import POLICY

from trunkline.calls.approval_desk import ApprovalDesk
from trunkline.domain.approval import ApprovalState

pytestmark = [pytest.mark.peers, pytest.mark.timeout(120)]


# A page logged an error once as it closed, not yet known which; the closing line counts a rerun.
@pytest.mark.flaky(reruns=1)
async def test_two_people_agree_in_two_browsers_and_one_of_them_by_a_link(
    house: House, browser: BrowserContext, page: Page, sues_page: Page
) -> None:
    two = replace(POLICY, grants=2)
    await house.tell([started(), caller_turn("pay it, please"), request(policy=two)])
    await house.tell([request("appr_2", two)])
    await page.goto("/approvals/appr_1")
    await sues_page.goto("/approvals/appr_1")
    for one in (page, sues_page):
        await one.wait_for_selector("[data-feed-state=live]")
    await page.get_by_role("button", name="Approve", exact=False).first.click()
    await expect(page.locator(".notice").first).to_contain_text("Waiting for a second person")
    # Whoever has agreed cannot agree again, and is told why; the other sees that one has.
    await expect(page.locator(".ask-why")).to_contain_text("A second person must agree too")
    await expect(page.locator("[data-grant] button")).to_be_disabled()
    await expect(sues_page.locator(".ask-facts")).to_contain_text("1 of 2")
    await expect(sues_page.locator(".ask-facts")).to_contain_text(USER)
    again = await page.request.post(
        "/approvals/appr_1/grant",
        form={
            "csrf": await page.locator("[name=csrf]").first.input_value(),
            "seen_hash": await page.locator("[data-grant] [name=seen_hash]").input_value(),
        },
    )
    assert again.status == 409 and "second person" in await again.text()
    await sues_page.locator("[data-grant] button").click()
    await expect(sues_page.locator(".notice").first).to_contain_text("Approved")
    desk = ApprovalDesk(house.sessions)
    decided = (await desk.show("appr_1")).parked.approval
    assert decided.state is ApprovalState.GRANTED
    assert [grant.person_id for grant in decided.grants] == ["user:ops", "user:sue"]
    # The other request: one agrees by a link in a browser that is logged in nowhere.
    link = await link_of(house.sessions, USER, "appr_2")
    await browser.clear_cookies()
    await page.goto(link)
    await expect(page.locator(".ask-question")).to_contain_text("240.50")
    assert (await desk.show("appr_2")).parked.approval.state is ApprovalState.ASKED
    await page.get_by_role("button", name="Approve").click()
    await expect(page.locator("h1")).to_have_text("Waiting for a second person")
    await page.goto(link)
    await expect(page.locator("[role=status]")).to_contain_text("Each counts once")
    await sues_page.goto("/approvals/appr_2")
    await sues_page.locator("[data-grant] button").click()
    await expect(sues_page.locator(".notice").first).to_contain_text("Approved")
    grants = (await desk.show("appr_2")).parked.approval.grants
    assert [grant.person_id for grant in grants] == ["user:ops", "user:sue"]
