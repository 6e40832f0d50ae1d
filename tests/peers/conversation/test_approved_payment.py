"""A payment over the phone that a person decides about, while the caller waits and asks."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.peers.conversation.caller import Caller, calling, runs_of, said
from tests.peers.conversation.test_errands import books_of
from tests.peers.drivers.installation import Installation

pytestmark = [pytest.mark.peers, pytest.mark.timeout(150)]

# A refusal changes no books, and nobody else in this folder pays on the other account.
GRANTED, REFUSED = "44217740", "44195571"
HOLD = (
    "Thank you. A colleague has to approve your payment of two hundred and forty dollars and "
    "fifty cents first. Nothing has been taken yet. Please stay on the line."
)


async def test_a_supervisor_edits_and_grants_one_payment_and_refuses_another(
    installation: Installation, tmp_path: Path
) -> None:
    async with asyncio.TaskGroup() as customers:
        customers.create_task(granted(installation, tmp_path / "granted"), name="granted")
        customers.create_task(refused(installation, tmp_path / "refused"), name="refused")


async def granted(installation: Installation, folder: Path) -> None:
    async with calling(installation, folder) as caller:
        asked = await ask_to_pay(caller, GRANTED)
        assert asked["question"] == (
            "May two hundred and forty dollars and fifty cents be paid on account 44217740?"
        )
        assert asked["arguments"] == {"account": GRANTED, "amount": "240.50"}
        await caller.say("is it done yet")
        await caller.hears("Not yet. My colleague is still looking at it")
        seen = await decide(
            caller,
            asked["approval_id"],
            "edit",
            seen_hash=asked["arguments_hash"],
            arguments={"account": GRANTED, "amount": "200.00"},
        )
        await decide(caller, asked["approval_id"], "grant", seen_hash=seen["arguments_hash"])
        await caller.hears("Your payment of two hundred dollars has been made.")
        call = await caller.hang_up()

    (approval,) = call["approvals"]
    assert approval["state"] == "done"
    (run,) = runs_of(call, "pay_bill")
    assert (run["outcome"], run["arguments"]["amount"]) == ("ok", "200.00")
    (payment,) = books_of(installation, GRANTED)["payments"]
    assert float(payment["amount"]) == 200
    words = said(call)
    assert words.count("has been made") == 1
    assert words.index("Not yet.") < words.index("has been made")


async def refused(installation: Installation, folder: Path) -> None:
    async with calling(installation, folder) as caller:
        asked = await ask_to_pay(caller, REFUSED)
        await decide(
            caller,
            asked["approval_id"],
            "refuse",
            seen_hash=asked["arguments_hash"],
            reason="the account is under review",
        )
        await caller.hears("did not approve the payment, so nothing has been taken")
        call = await caller.hang_up()

    (approval,) = call["approvals"]
    assert approval["state"] == "refused"
    assert "under review" not in said(call)
    assert "has been made" not in said(call)
    assert books_of(installation, REFUSED)["payments"] == []


async def ask_to_pay(caller: Caller, account: str) -> dict[str, Any]:
    """Until the holding line has been heard; the approval as the API shows it."""
    await caller.hears("How can I help you")
    await caller.say("i want to pay my bill")
    await caller.hears("account number")
    await caller.key(account)
    await caller.hears("How much would you like to pay")
    await caller.say("two hundred and forty dollars and fifty cents")
    await caller.hears("two hundred and forty dollars and fifty cents. Is that right")
    await caller.say("yes please")
    await caller.hears(HOLD)
    async with client(caller) as api:
        answer = await api.get("/approvals", params={"call_id": caller.log.call_id})
    (asked,) = answer.raise_for_status().json()
    return dict(asked)


async def decide(caller: Caller, approval_id: str, deed: str, **body: Any) -> dict[str, Any]:
    async with client(caller) as api:
        answer = await api.post(f"/approvals/{approval_id}/{deed}", json=body)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def client(caller: Caller) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=caller.installation.api,
        headers={"authorization": f"Bearer {caller.installation.api_key}"},
        timeout=20,
        trust_env=False,
    )
