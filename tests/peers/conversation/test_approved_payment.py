"""Payments over the phone that people decide about, while the callers wait, ask and change."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.async_api import Page, expect
from tests.peers.conversation.caller import VOICE, Caller, calling, runs_of, said, turns
from tests.peers.conversation.paying import (
    HURRIED,
    KEEPING,
    ask_to_pay,
    key_amount,
    paid,
    the_asked,
    uri_of,
)
from tests.peers.conversation.sound import find, rendered, share_found, transcribed
from tests.peers.drivers.chromium import chromium, log_in
from tests.peers.drivers.deciders import PASSWORD, Decider, deciding, hire
from tests.peers.drivers.installation import Installation

pytestmark = [pytest.mark.peers, pytest.mark.timeout(180)]

# On the first every payment is made that anybody agrees to; on the other never one.
PAYING, NEVER = "44217740", "44195571"
HOLD: Final = (
    "Thank you. A colleague has to approve your payment of two hundred and forty dollars and "
    "fifty cents first. Nothing has been taken yet. Please stay on the line."
)
NOT_YET: Final = "Not yet. My colleague is still looking at it, and nothing has been taken so far."
RECEIPT: Final = "Your payment of two hundred dollars has been made. Thank you."
AS_ASKED: Final = (
    "Your payment of two hundred and forty dollars and fifty cents has been made. Thank you."
)
REFUSED: Final = "I'm sorry. My colleague did not approve the payment, so nothing has been taken."
EXPIRED: Final = "I'm sorry. Nobody could look at your payment in time, so nothing has been taken."


async def test_payments_are_made_as_people_decide_and_told_as_they_are(
    installation: Installation, tmp_path: Path
) -> None:
    supervisors, managers = ["approvals:read", "approvals:decide"], ["approvals:manage"]
    await hire(installation, "sam", "supervisor")
    before = paid(installation, PAYING)  # of a first try, where this is the second
    async with (
        deciding(installation, supervisors) as supervisor,
        deciding(installation, ["approvals:read", *managers]) as manager,
        asyncio.TaskGroup() as customers,
    ):
        stories = {
            "edited": edited_and_granted_in_a_browser(installation, tmp_path, supervisor),
            "refused": refused(installation, tmp_path, supervisor),
            "changed": changed_by_the_caller(installation, tmp_path, supervisor),
            "escalated": escalated(installation, tmp_path, supervisor, manager),
            "expired": expired(installation, tmp_path, supervisor),
            "gone": granted_once_the_caller_is_gone(installation, tmp_path, supervisor),
        }
        for name, story in stories.items():
            customers.create_task(story, name=name)
    # What was paid is what people agreed to, each once.
    since = paid(installation, PAYING)[len(before) :]
    assert sorted(since) == ["130.00", "200.00", "300.00", "75.25"]
    assert paid(installation, NEVER) == []


async def edited_and_granted_in_a_browser(
    installation: Installation, folder: Path, supervisor: Decider
) -> None:
    url = f"http://127.0.0.1:{installation.web_port}"
    async with (
        chromium(url, folder / "profile") as browser,
        calling(installation, folder) as caller,
    ):
        page = await log_in(browser, "sam", PASSWORD)
        await page.goto("/approvals")
        await page.wait_for_selector("[data-feed-state=live]")
        await caller.hears("How can I help you")
        await caller.say("i want to pay my bill")
        await caller.hears("account number")
        await caller.key(PAYING)
        await caller.hears("How much would you like to pay")
        await caller.say("two hundred and forty dollars and fifty cents")
        await caller.hears("two hundred and forty dollars and fifty cents. Is that right")
        await caller.say("yes please")
        asked = await the_asked(caller, supervisor)
        await caller.say("is it done yet")
        await caller.hears(NOT_YET)
        await edit_and_approve(page, "200.00")
        await caller.hears(RECEIPT)
        await expect(page.locator("article.ask")).to_have_attribute("data-state", "done")
        await expect(page.locator(".ask-result")).to_contain_text('"amount": "200.00"')
        await expect(page.locator("article.ask")).to_contain_text("sam changed the arguments")
        call = await caller.hang_up()

    assert asked["question"] == (
        "May two hundred and forty dollars and fifty cents be paid on account 44217740?"
    )
    assert asked["arguments"] == {"account": PAYING, "amount": "240.50"}
    (approval,) = call["approvals"]
    assert approval["state"] == "done"
    (run,) = runs_of(call, "pay_bill")
    assert (run["outcome"], run["arguments"]["amount"]) == ("ok", "200.00")
    deeds = (await supervisor.show(asked["approval_id"]))["deeds"]
    by_people = [(deed["deed"], deed["via"]) for deed in deeds if deed["person_id"] == "user:sam"]
    assert by_people == [("edit", "dashboard"), ("grant", "dashboard")]
    words = said(call)
    assert words.count("has been made") == 1
    assert words.index("Not yet.") < words.index("has been made")
    assert "is it done yet" in turns(call, "caller")
    await judge_by_ear(caller)


async def edit_and_approve(page: Page, amount: str) -> None:
    """As a supervisor does it: by keys, once what is asked is on the screen."""
    asked = "May two hundred and forty dollars and fifty cents"
    await page.locator(f'[data-question^="{asked}"] a').click()
    await expect(page.locator(".ask-question")).to_contain_text(asked)
    await page.keyboard.press("e")
    field = page.locator("[name='field.amount']")
    await expect(field).to_be_focused()
    await field.fill(amount)
    await page.get_by_role("button", name="Save the change").click()
    await expect(page.locator(".is-changed")).to_contain_text("the call asked 240.50")
    await page.keyboard.press("a")
    await expect(page.locator(".notice").first).to_contain_text("Approved")


async def judge_by_ear(caller: Caller) -> None:
    """What the caller's own phone and the call's recording hold, each line in its place."""
    callers_side, recorded = await caller.recording()
    for heard in (caller.heard(), recorded):
        places = []
        for line in (HOLD, NOT_YET, RECEIPT):
            phrase = await caller.agent_phrase(line, 8000)
            found = find(phrase, heard)
            # By parts where a busy machine made the phone's jitter buffer wait in mid-phrase.
            assert found.likeness > 0.9 or share_found(phrase, heard) > 0.8, line
            assert heard.between(found.at_s, found.at_s + phrase.seconds).dbfs > -35, line
            places.append(found.at_s)
        assert places == sorted(places)
        receipt = await caller.agent_phrase(RECEIPT, 8000)
        assert find(receipt, heard.between(0, places[-1])).likeness < 0.8
        as_asked = await caller.agent_phrase(AS_ASKED, 8000)
        assert find(as_asked, heard).likeness < 0.8
    ending = caller.heard().between(find(receipt, caller.heard()).at_s - 0.2)
    lines = [plain(line) for line in (RECEIPT, AS_ASKED, REFUSED, NOT_YET)]
    understood = await transcribed(
        caller.installation, ending.between(0, receipt.seconds + 0.4), lines
    )
    assert understood == plain(RECEIPT)
    asking = await rendered(caller.installation, "is it done yet", VOICE, 8000)
    assert find(asking, callers_side).likeness > 0.7


def plain(line: str) -> str:
    return line.replace(".", "").replace(",", "").lower()


async def refused(installation: Installation, folder: Path, supervisor: Decider) -> None:
    async with calling(installation, folder) as caller:
        await ask_to_pay(caller, NEVER, "41.00")
        asked = await the_asked(caller, supervisor)
        await supervisor.refuse(asked, "the account is under review")
        await caller.hears(REFUSED)
        await caller.hears("Is there anything else")
        await caller.say("no thanks goodbye")
        call = await caller.until_hung_up()

    assert (call["approvals"][0]["state"], len(call["approvals"])) == ("refused", 1)
    assert "under review" not in said(call)
    assert_nothing_done(call)
    await never_heard(caller, "Your payment of forty one dollars has been made. Thank you.")


async def changed_by_the_caller(
    installation: Installation, folder: Path, supervisor: Decider
) -> None:
    async with calling(installation, folder) as caller:
        await ask_to_pay(caller, PAYING, "50.00")
        first = await the_asked(caller, supervisor)
        await caller.say("change the amount")
        await caller.hears("How much would you like to pay")
        # Nobody grants any more what the caller has taken back.
        await supervisor.grant(first, status=409)
        await key_amount(caller, "75.25")
        second = await the_asked(caller, supervisor)
        assert second["arguments"] == {"account": PAYING, "amount": "75.25"}
        assert second["arguments_hash"] != first["arguments_hash"]
        await supervisor.grant(second)
        await caller.hears("Your payment of seventy five dollars and twenty five cents")
        call = await caller.hang_up()

    assert [one["state"] for one in call["approvals"]] == ["abandoned", "done"]
    assert said(call).count("has been made") == 1
    await never_heard(caller, "Your payment of fifty dollars has been made. Thank you.")


async def escalated(
    installation: Installation, folder: Path, supervisor: Decider, manager: Decider
) -> None:
    async with calling(installation, folder, uri=uri_of(installation, HURRIED)) as caller:
        await ask_to_pay(caller, PAYING, "300.00")
        asked = await the_asked(caller, supervisor)
        await caller.hears("I'm asking another colleague. Please stay on the line.")
        # It has passed on: whoever was asked first may not any more, the next may.
        await supervisor.grant(asked, status=403)
        await manager.grant(asked)
        await caller.hears("Your payment of three hundred dollars has been made.")
        call = await caller.hang_up()

    (approval,) = call["approvals"]
    assert approval["state"] == "done"
    seen = await manager.show(approval["approval_id"])
    assert [grant["role"] for grant in seen["grants"]] == ["manager"]
    assert "escalate" in [deed["deed"] for deed in seen["deeds"] if deed["via"] == "clock"]


async def expired(installation: Installation, folder: Path, supervisor: Decider) -> None:
    async with calling(installation, folder, uri=uri_of(installation, HURRIED)) as caller:
        await ask_to_pay(caller, NEVER, "42.00")
        asked = await the_asked(caller, supervisor)
        await caller.hears("I'm asking another colleague. Please stay on the line.")
        await caller.hears(EXPIRED)
        await supervisor.grant(asked, status=409)
        call = await caller.hang_up()

    assert [one["state"] for one in call["approvals"]] == ["expired"]
    assert_nothing_done(call)
    await never_heard(caller, "Your payment of forty two dollars has been made. Thank you.")


async def granted_once_the_caller_is_gone(
    installation: Installation, folder: Path, supervisor: Decider
) -> None:
    """The policy keeps what was asked: it is decided and done, and its receipt kept."""
    async with calling(installation, folder, uri=uri_of(installation, KEEPING)) as caller:
        await ask_to_pay(caller, PAYING, "130.00")
        asked = await the_asked(caller, supervisor)
        call = await caller.hang_up()
        assert [one["state"] for one in call["approvals"]] == ["asked"]
        assert_nothing_done(call)
        await supervisor.grant(asked)
        done = await supervisor.until(asked["approval_id"], "done")
        assert done["result"]["amount"] == "130.00"
        call = await caller.ended()
    (run,) = runs_of(call, "pay_bill")
    assert (run["outcome"], run["result"]["amount"]) == ("ok", "130.00")


def assert_nothing_done(call: dict[str, Any]) -> None:
    assert "has been made" not in said(call)
    assert [run["outcome"] for run in runs_of(call, "pay_bill")] == ["parked"]


async def never_heard(caller: Caller, line: str) -> None:
    phrase = await caller.agent_phrase(line, 8000)
    assert find(phrase, caller.heard()).likeness < 0.8
