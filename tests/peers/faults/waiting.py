"""A caller who waits for a payment's approval while a part of the house is killed."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import numpy as np
from numpy.typing import NDArray
from tests.peers.drivers.deciders import Decider
from tests.peers.drivers.installation import Installation
from tests.peers.faults.phone import Phone, calling, likeness, processes_of, rendered, said, until
from tests.peers.faults.test_engine import is_ready

from trunkline.audio.g711 import ulaw_to_pcm
from trunkline.flows.catalog import SHIPPED_AGENTS

PAYER: Final = "44217740"
HELD: Final = (
    "My colleague is still looking at your payment. Thank you for waiting.",
    "It is still with my colleague. You can also say goodbye and call us again later.",
)
VICTIMS: Final = ("worker", "web", "redis", "model")
_ALIKE: Final = 0.9


@asynccontextmanager
async def talkative(house: Installation, agents: Path) -> AsyncIterator[None]:
    """The energy supplier tells its callers every five seconds that they are not forgotten."""
    shipped = (SHIPPED_AGENTS / "energy.yaml").read_text(encoding="utf-8")
    assert shipped.count("every_s: 15") == 1
    own, loaded = agents / "energy.yaml", house.log.count("flow_loaded")
    own.write_text(shipped.replace("every_s: 15", "every_s: 5"), encoding="utf-8")
    await until(lambda: house.log.count("flow_loaded") > loaded, "the flow is loaded", 10)
    yield
    own.unlink()


@asynccontextmanager
async def waiting(
    house: Installation, decider: Decider, user: str, amount: str
) -> AsyncIterator[tuple[Phone, dict[str, Any]]]:
    """The caller's phone and the open request, as soon as somebody is asked."""
    async with calling(house, user=user) as phone:
        await phone.until_step("menu")
        await phone.press("3")
        await phone.until_step("payment_account")
        await phone.press(PAYER)
        await phone.until_step("payment_amount")
        await phone.press(f"{amount.replace('.', '*')}#")
        await phone.until_detail(lambda call: "Is that right" in said(call), "the read-back")
        await phone.press("1")
        await phone.until_detail(lambda call: bool(call["approvals"]), "the request")
        (asked,) = await decider.asked(phone.call_id)
        yield phone, asked


async def until_held(house: Installation, phone: Phone, packets: int) -> None:
    """One of the holding lines was heard, whole, after so many packets."""
    lines = [rendered(house, text) for text in HELD]
    await until(
        lambda: any(likeness(heard_since(phone, packets), line) > _ALIKE for line in lines),
        "a holding line after the kill",
        40,
    )


def heard_since(phone: Phone, packets: int) -> NDArray[np.int16]:
    """What came after the first ``packets`` packets, one behind the other, at 8 kHz."""
    payload = b"".join(packet.payload for packet in phone.packets[packets:])
    return np.frombuffer(ulaw_to_pcm(payload), "<i2")


async def kill_while_waiting(
    house: Installation, decider: Decider, victim: str, user: str, amount: str
) -> None:
    """The caller is held all the same, and the decision afterwards lands once."""
    async with waiting(house, decider, user, amount) as (phone, asked):
        heard = len(phone.packets)
        kill(house, victim)
        await until_held(house, phone, heard)
        if victim == "model":  # whose voice the receipt is told in
            await until(lambda: is_ready(house), "the model server is back", 90)
        await granted_at_last(decider, asked)
        call = await phone.until_detail(
            lambda call: "has been made" in said(call), f"the receipt without {victim}", 60
        )
        assert said(call).count("has been made") == 1, victim
    (approval,) = (await phone.until_ended())["approvals"]
    assert approval["state"] == "done", victim


async def granted_at_last(decider: Decider, asked: dict[str, Any]) -> None:
    """As soon as there is somebody to tell it to; told twice, it is granted once."""
    async with asyncio.timeout(40):
        while True:
            try:
                seen = await decider.show(asked["approval_id"])
                if seen["state"] == "asked":
                    await decider.grant(seen)
                return
            except httpx.HTTPError:
                await asyncio.sleep(0.1)


def kill(house: Installation, victim: str) -> None:
    """By its name as a child of the house, or Redis."""
    if victim != "redis":
        os.kill(house.child_pid(victim), signal.SIGKILL)
        return
    for pid, command in processes_of(house.data_dir).items():
        if "redis-server" in command:
            os.kill(pid, signal.SIGKILL)
