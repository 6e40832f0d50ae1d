"""A tool that is down, slow or answers nonsense: said, tried again so often, and on the record."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from tests.peers.drivers.installation import Installation
from tests.peers.faults.phone import ACCOUNT, CALLER, calling, runs_of, said, until

from trunkline.flows.catalog import SHIPPED_AGENTS

pytestmark = [pytest.mark.peers, pytest.mark.timeout(120)]

LOOKING: Final = "One moment, I'm looking that up."
ONCE_MORE: Final = "I'm sorry, that didn't work. Let me try once more."
NO_ANSWER: Final = "I'm sorry, our system isn't answering right now."


@dataclass(frozen=True, slots=True)
class Drill:
    """A fault at one account's balance, and what comes of it: two runs, or one that is late."""

    kind: str
    account: str
    outcome: str
    attempts: int  # in each run
    runs: int = 2

    @property
    def caller(self) -> str:
        return f"{CALLER[:-4]}{self.account[-4:]}"


DRILLS: Final = (
    Drill("error", ACCOUNT, "failed", attempts=2),  # it may pass: tried again within a run
    Drill("html", "44180023", "failed", attempts=1),  # a broken service answers the same again
    Drill("nonsense", "44195571", "failed", attempts=1),
    Drill("never", "44203316", "timed_out", attempts=2),
    Drill("slow", "44217740", "ok", attempts=1, runs=1),
)


def service(house: Installation) -> str:
    return f"http://127.0.0.1:{house.web_port + 3}"


async def hold(house: Installation, drill: Drill) -> dict[str, Any]:
    """Ask for a balance that goes wrong, then for the opening hours, and hang up."""
    async with calling(house, drill.caller) as phone:
        await phone.until_step("menu")
        await phone.press("1")
        await phone.until_step("balance_account")
        await phone.press(drill.account)
        await phone.until_step("anything_else", deadline_s=40)
        for line in (LOOKING,) if drill.outcome == "ok" else (ONCE_MORE, NO_ANSWER):
            await phone.until_heard(line)
        await phone.press("4")  # the conversation goes on
        await phone.until_detail(
            lambda call: bool(runs_of(call, "get_hours")) and "open from" in said(call),
            "the opening hours",
        )
    return await phone.until_ended()


PATIENT_BREAKER: Final = "    breaker: {failures: 50, open_s: 1}\n"


@pytest.fixture
async def patient_house(house: Installation, agents_dir: Path) -> AsyncIterator[Installation]:
    """Drills side by side would open the breaker of the one tool they share."""
    waits = "    while_running: One moment, I'm looking that up.\n"
    shipped = (SHIPPED_AGENTS / "energy.yaml").read_text(encoding="utf-8")
    assert shipped.count(waits) == 1
    patient, loaded = agents_dir / "energy.yaml", house.log.count("flow_loaded")
    patient.write_text(shipped.replace(waits, PATIENT_BREAKER + waits), encoding="utf-8")
    await until(lambda: house.log.count("flow_loaded") > loaded, "the flow is loaded", 10)
    yield house
    patient.unlink()


async def test_a_broken_tool_is_spoken_of_and_tried_a_bounded_number_of_times(
    patient_house: Installation,
) -> None:
    house = patient_house
    async with httpx.AsyncClient(base_url=service(house), trust_env=False) as client:
        for drill in DRILLS:
            path = f"/accounts/{drill.account}"
            fault = {"kind": drill.kind, "count": 10, "path": path, "delay_s": 2}
            (await client.post("/faults", json=fault)).raise_for_status()
        async with asyncio.TaskGroup() as calls:
            held = {drill: calls.create_task(hold(house, drill)) for drill in DRILLS}
        await client.delete("/faults")
    for drill, task in held.items():
        call = task.result()
        runs = runs_of(call, "get_balance")
        expected = [(drill.outcome, drill.attempts)] * drill.runs
        assert [(run["outcome"], run["attempts"]) for run in runs] == expected, drill
        assert (ONCE_MORE in said(call)) is (drill.outcome != "ok"), drill
        assert (NO_ANSWER in said(call)) is (drill.outcome != "ok"), drill
        assert all(("error" in run["result"]) is (drill.outcome != "ok") for run in runs), drill
        assert runs_of(call, "get_hours")[0]["outcome"] == "ok", drill
        assert call["cause"] == "caller_hangup", drill


async def test_a_service_that_is_down_is_used_again_in_the_same_call_once_it_is_up(
    house: Installation,
) -> None:
    async def keep_down() -> None:
        """The supervisor starts it again and again."""
        while True:
            with suppress(RuntimeError, ProcessLookupError):
                os.kill(house.child_pid("sample-service"), signal.SIGKILL)
            await asyncio.sleep(0.1)

    async with calling(house) as phone:
        await phone.until_step("menu")
        await phone.press("1")
        await phone.until_step("balance_account")
        down = asyncio.create_task(keep_down())
        try:
            await phone.press(ACCOUNT)
            call = await phone.until_step("anything_else", deadline_s=30)
        finally:
            down.cancel()
        for run in runs_of(call, "get_balance"):
            assert (run["outcome"], run["attempts"]) == ("failed", 2)
            assert run["result"]["error"]["code"] == "unreachable"
        await phone.until_heard(NO_ANSWER)
        await until(lambda: is_up(house), "the service is up again", 30)
        await phone.press("1")
        call = await phone.until_detail(lambda call: "You owe" in said(call), "the balance")
        assert runs_of(call, "get_balance")[-1]["outcome"] == "ok"
    assert (await phone.until_ended())["cause"] == "caller_hangup"


async def is_up(house: Installation) -> bool:
    async with httpx.AsyncClient(trust_env=False) as client:
        try:
            return (await client.get(f"{service(house)}/readyz")).is_success
        except httpx.TransportError:
            return False
