"""The database held by somebody else for a while: the call goes on and nothing is lost."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Final

import pytest
from tests.peers.drivers.installation import Installation
from tests.peers.faults.phone import ACCOUNT, calling, runs_of, said, until

pytestmark = [pytest.mark.peers, pytest.mark.timeout(120)]

# Longer than facts wait for a write before they go to disk.
_HELD_S: Final = 7.0
_HOLD: Final = """
import sqlite3, sys, time
database = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)
database.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
time.sleep(float(sys.argv[2]))
database.execute("COMMIT")
"""


async def test_a_locked_database_costs_a_call_nothing(house: Installation) -> None:
    spool = house.data_dir / "spool"
    async with calling(house) as phone:
        await phone.until_step("menu")
        holder = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", _HOLD, str(house.data_dir / "trunkline.db"), str(_HELD_S)),
            stdout=asyncio.subprocess.PIPE,
        )
        assert holder.stdout is not None
        assert await holder.stdout.readline() == b"held\n"
        await phone.press(f"1{ACCOUNT}")
        await until(lambda: any_line(spool), "facts go to disk", 15)
        await holder.wait()
        call = await phone.until_detail(lambda call: "You owe" in said(call), "the balance", 30)
    call = await phone.until_ended()
    await until(lambda: not any_line(spool), "the spool is empty again")
    assert [turn["seq"] for turn in call["turns"]] == list(range(1, len(call["turns"]) + 1))
    assert [step["step"] for step in call["steps"]][:4] == [
        "welcome",
        "menu",
        "balance_account",
        "look_up_balance",
    ]
    assert [run["outcome"] for run in runs_of(call, "get_balance")] == ["ok"]
    assert call["recording"]["state"] == "complete"


def any_line(spool: Path) -> bool:
    return any(path.stat().st_size for path in spool.glob("facts-*.jsonl"))
