"""The model server away: calls wait for it, new ones are told, and the next call is served."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from tests.peers.drivers.installation import Installation
from tests.peers.faults.phone import ACCOUNT, Phone, calling, processes_of, runs_of, said, until

pytestmark = [pytest.mark.peers, pytest.mark.timeout(180)]

APOLOGY: Final = (
    "I'm sorry, we have a technical problem. Please call us again in a few minutes. Goodbye."
)


async def is_ready(house: Installation) -> bool:
    async with httpx.AsyncClient(trust_env=False) as client:
        try:
            url = f"http://127.0.0.1:{house.model_port}/readyz"
            return (await client.get(url)).is_success
        except httpx.TransportError:
            return False


async def apologised_to(phone: Phone) -> dict[str, Any]:
    """The end of a call whose engine is gone for good."""
    await phone.until_over(40)
    assert phone.has_heard(APOLOGY)
    call = await phone.until_ended()
    assert call["cause"] == "engine_error"
    assert call["answerable"] == "engine"
    assert call["turns"][-1]["text"] == APOLOGY
    assert call["recording"]["state"] == "complete"
    return call


async def test_a_call_outlives_its_model_server_and_whoever_calls_meanwhile_hears_an_apology(
    house: Installation,
) -> None:
    async with (
        calling(house, user="+441632960771") as waiting,
        calling(house, user="+441632960772") as listening,
    ):
        await waiting.until_step("menu")
        await waiting.press("1")
        await waiting.until_detail(lambda call: "account number?" in said(call), "the question")
        await listening.press("2")
        await listening.until_speaking()
        dead = house.child_pid("model")
        workers = children_of(dead)
        os.kill(dead, signal.SIGKILL)
        async with calling(house) as late:
            told = await apologised_to(late)
        # Who was in a call already has waited for the server, and is served by the new one.
        await waiting.press(ACCOUNT)
        await waiting.until_detail(lambda call: "You owe" in said(call), "the balance")
        await listening.until_detail(lambda call: "account number?" in said(call), "the question")
    assert [turn["text"] for turn in told["turns"]] == [APOLOGY]
    # What it was made of went down with it.
    assert workers
    assert not workers & set(processes_of(house.data_dir))

    await until(lambda: is_ready(house), "the model server is back", 60)
    async with calling(house) as phone:
        await phone.until_step("menu")
        await phone.press("1")
        # The engine's own words, from the server that was started again.
        await phone.until_detail(lambda call: "account number?" in said(call), "the question")
        await phone.press(ACCOUNT)
        call = await phone.until_detail(lambda call: "You owe" in said(call), "the balance")
    assert runs_of(call, "get_balance")[0]["outcome"] == "ok"


def children_of(parent: int) -> set[int]:
    return {int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()}
