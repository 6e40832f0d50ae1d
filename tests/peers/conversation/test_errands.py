"""A customer gives a meter reading and pays a bill: the one is done once, the other not yet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.peers.conversation.caller import calling, runs_of, said
from tests.peers.drivers.installation import Installation

pytestmark = [pytest.mark.peers, pytest.mark.timeout(120)]

ACCOUNT = "44195571"  # nobody else's in this folder: what its books say is this call's doing


async def test_a_reading_is_noted_once_and_a_payment_waits_for_approval(
    installation: Installation, tmp_path: Path
) -> None:
    async with calling(installation, tmp_path) as caller:
        await caller.hears("How can I help you")
        await caller.say("i want to give you a meter reading")
        await caller.hears("account number")
        await caller.key(ACCOUNT)
        await caller.hears("five digits on your meter")
        await caller.say("seven three four double two")
        await caller.hears("Is that right")
        await caller.say("yes that's right")
        await caller.hears("I've recorded your reading")
        await caller.hears("anything else")
        await caller.say("i want to pay my bill")
        await caller.hears("How much would you like to pay")
        await caller.say("forty two dollars and fifty cents")
        await caller.hears("forty two dollars and fifty cents")
        await caller.say("yes please")
        await caller.hears("Nothing has been taken yet")
        call = await caller.hang_up()

    (reading,) = runs_of(call, "submit_reading")
    assert reading["outcome"] == "ok"
    assert reading["arguments"] == {"account": ACCOUNT, "reading": "73422"}
    books = books_of(installation, ACCOUNT)
    assert [kept["reading"] for kept in books["readings"]] == ["73422"]

    (payment,) = runs_of(call, "pay_bill")
    assert payment["outcome"] == "parked"
    assert payment["arguments"] == {"account": ACCOUNT, "amount": "42.50"}
    (approval,) = call["approvals"]
    assert approval["state"] == "asked"
    assert approval["run_id"] == payment["run_id"]
    assert approval["arguments"] == payment["arguments"]
    assert len(approval["arguments_hash"]) == 64
    assert books["payments"] == []
    assert books["owed"] == 67.05

    spoken = said(call)
    assert "I've recorded your reading, seven three four, two two." in spoken
    assert "A colleague has to approve your payment" in spoken
    assert "has been made" not in spoken
    # The account was given once and served both errands.
    assert spoken.count("account number") == 1


def books_of(installation: Installation, account: str) -> dict[str, Any]:
    """What the energy supplier's own service says of an account now."""
    url = f"http://127.0.0.1:{installation.web_port + 3}/accounts/{account}"
    with httpx.Client(timeout=10, trust_env=False) as client:
        answers = [
            client.get(f"{url}/{part}").raise_for_status().json()
            for part in ("readings", "payments", "balance")
        ]
    return {key: value for answer in answers for key, value in answer.items()}
