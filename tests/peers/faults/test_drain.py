"""SIGTERM with calls up: nobody new is let in, calls may end by themselves, and nothing is left."""

from __future__ import annotations

import asyncio
import json
import signal
from typing import Any

import pytest
from tests.peers.drivers.installation import Installation
from tests.peers.faults.conftest import Fresh
from tests.peers.faults.phone import calling, processes_of, said

pytestmark = [pytest.mark.peers, pytest.mark.timeout(120)]


async def test_an_installation_that_is_stopped_sees_its_calls_out(
    fresh: Fresh, tmp_path_factory: pytest.TempPathFactory
) -> None:
    data_dir = tmp_path_factory.mktemp("tl") / "var"
    with fresh(data_dir) as house:
        async with calling(house, user="+441632960999") as other:
            async with calling(house) as one:
                await one.until_step("menu")
                await other.until_step("menu")
                house.process.send_signal(signal.SIGTERM)
                with pytest.raises(RuntimeError, match="503"):
                    while True:  # the signal takes its way through the supervisor to the edge
                        async with calling(house, user="+441632960998"):
                            pass
                await one.press("4")  # served to the end
                await one.until_detail(lambda call: "open from" in said(call), "the opening hours")
                await other.press("4")
            # The other one stays until the edge's patience ends.
            await other.until_over(50)
        status = await asyncio.to_thread(house.process.wait, 30)
        assert status == 0
        assert processes_of(data_dir) == {}
        left = await asyncio.to_thread(call_record, house, one.call_id)
        drained = await asyncio.to_thread(call_record, house, other.call_id)
    assert left["summary"]["end_cause"] == "caller_hangup"
    assert drained["summary"]["end_cause"] == "drained"
    for call in (left, drained):
        assert call["recording"]["state"] == "complete"
        assert "open from" in said(call)


def call_record(house: Installation, call_id: str) -> dict[str, Any]:
    """From the database: nobody is left to ask."""
    done = house.command("transcript", call_id, "--json")
    assert done.returncode == 0, done.stderr
    record: dict[str, Any] = json.loads(done.stdout)
    return record
