"""The disk full in a call: the call goes on, what was lost is counted, what was said is kept."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.peers.faults.conftest import Fresh
from tests.peers.faults.phone import ACCOUNT, calling, runs_of, said, until

pytestmark = [pytest.mark.peers, pytest.mark.timeout(120)]

ANYTHING_ELSE = "Is there anything else I can help you with?"


@pytest.fixture
def small_disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A filesystem of its own for a whole data directory: database, Redis, recordings, spool."""
    place = tmp_path_factory.mktemp("tl") / "var"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", str(place)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no filesystem can be mounted here: {done.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(disk: Path) -> Path:
    """A file that takes all the room there is."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            try:
                while file.write(bytes(size)) == size:
                    pass
            except OSError:
                continue
    return ballast


async def test_a_full_disk_costs_sound_and_nothing_else(fresh: Fresh, small_disk: Path) -> None:
    with fresh(small_disk) as house:
        async with calling(house) as phone:
            await phone.until_step("menu")
            await phone.until_quiet(1.0)
            ballast = fill(small_disk)
            await until(lambda: "a recording cannot be written" in house.log, "the log says so")
            await phone.press(f"1{ACCOUNT}")
            await phone.until_heard(ANYTHING_ELSE)
        await until(lambda: "facts wait in memory" in house.log, "facts wait for room")
        ballast.unlink()
        call = await phone.until_ended(40)
        assert call["cause"] == "caller_hangup"
        assert call["recording"]["state"] == "incomplete"
        # What was recorded before the disk was full is there; what came after is counted.
        assert 0 < call["recording"]["lost_ms"] < call["recording"]["duration_ms"]
        assert [turn["seq"] for turn in call["turns"]] == list(range(1, len(call["turns"]) + 1))
        assert "You owe" in said(call)
        assert ANYTHING_ELSE in said(call)
        assert [run["outcome"] for run in runs_of(call, "get_balance")] == ["ok"]

        async with calling(house) as phone:
            await phone.until_step("menu")
            await phone.until_quiet(1.0)
        assert (await phone.until_ended())["recording"]["state"] == "complete"
