"""A meter reading and a bill payment, by two customers at once: one is done, the other not yet."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.peers.conversation.caller import calling, runs_of, said
from tests.peers.conversation.paying import books_of
from tests.peers.drivers.installation import Installation

pytestmark = [pytest.mark.peers, pytest.mark.timeout(120)]

# Nobody else's in this folder: what the books say of them is the doing of these calls.
READER, PAYER = "44217740", "44195571"


async def test_a_reading_is_noted_once_and_a_payment_waits_for_approval(
    installation: Installation, tmp_path: Path
) -> None:
    async with asyncio.TaskGroup() as customers:
        customers.create_task(give_a_reading(installation, tmp_path / "reader"), name="reader")
        customers.create_task(pay_a_bill(installation, tmp_path / "payer"), name="payer")


async def give_a_reading(installation: Installation, folder: Path) -> None:
    async with calling(installation, folder) as caller:
        await caller.hears("How can I help you")
        await caller.say("i want to give you a meter reading")
        await caller.hears("account number")
        await caller.key(READER)
        await caller.hears("five digits on your meter")
        await caller.say("nine one two double four")
        await caller.hears("Is that right")
        await caller.say("yes that's right")
        await caller.hears("I've recorded your reading, nine one two, four four.")
        call = await caller.hang_up()

    (run,) = runs_of(call, "submit_reading")
    assert run["outcome"] == "ok"
    assert run["arguments"] == {"account": READER, "reading": "91244"}
    readings = books_of(installation, READER)["readings"]
    assert [kept["reading"] for kept in readings] == ["91244"]


async def pay_a_bill(installation: Installation, folder: Path) -> None:
    async with calling(installation, folder) as caller:
        await caller.hears("How can I help you")
        await caller.say("i want to pay my bill")
        await caller.hears("account number")
        await caller.key(PAYER)
        await caller.hears("You owe sixty seven dollars and five cents")
        await caller.hears("How much would you like to pay")
        await caller.say("forty two dollars and fifty cents")
        await caller.hears("That's forty two dollars and fifty cents. Is that right")
        await caller.say("yes please")
        await caller.hears("Nothing has been taken yet")
        call = await caller.hang_up()

    (run,) = runs_of(call, "pay_bill")
    assert run["outcome"] == "parked"
    assert run["arguments"] == {"account": PAYER, "amount": "42.50"}
    (approval,) = call["approvals"]
    assert approval["state"] == "abandoned"
    assert approval["run_id"] == run["run_id"]
    assert approval["arguments"] == run["arguments"]
    assert len(approval["arguments_hash"]) == 64
    assert "A colleague has to approve your payment" in said(call)
    assert "has been made" not in said(call)
    books = books_of(installation, PAYER)
    assert books["payments"] == []
    assert books["owed"] == 67.05
