"""The edge killed in a call: the recording is there, the call is closed, and calls are taken."""

from __future__ import annotations

import io
import os
import signal
import time
import wave

import numpy as np
import pytest
from tests.peers.drivers.installation import Installation
from tests.peers.faults.phone import RATE_HZ, api, calling, get, likeness, rendered, said, until

pytestmark = [pytest.mark.peers, pytest.mark.timeout(180)]

GREETING = "Welcome to Brightwater Energy. How can I help you today?"


async def test_a_killed_edges_call_is_closed_and_its_recording_readable(
    house: Installation,
) -> None:
    async with calling(house) as phone:
        await phone.until_detail(lambda call: "Welcome" in said(call), "the greeting")
        await phone.until_quiet(1.0)
        edge = house.child_pid("sip")
        lived_s = time.perf_counter() - phone.answered_at
        starts = house.log.count("calls are taken")
        os.kill(edge, signal.SIGKILL)
        killed_at = time.monotonic()
        phone.over.set()  # nobody is left to answer our BYE
    await until(lambda: is_another(house, edge), "the edge is started again", 30)
    await until(lambda: house.log.count("calls are taken") > starts, "calls are taken", 30)
    async with calling(house, user="+441632960999") as another:
        await another.until_step("menu")

        call = await phone.until_detail(
            lambda call: call["state"] == "ended" and call["recording"] is not None,
            "the end with what was recorded",
            60,
        )
        assert time.monotonic() - killed_at < 40
        assert call["cause"] == "edge_lost"
        assert GREETING in said(call)
        async with api(house) as client:
            recording = await get(client, f"/calls/{phone.call_id}/recording")
        with wave.open(io.BytesIO(recording.content)) as file:
            assert file.getframerate() == RATE_HZ
            assert file.getnframes() / RATE_HZ > lived_s - 1.0
            sides = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
        assert likeness(sides[:, 1], rendered(house, GREETING)) > 0.99
        assert call["recording"]["state"] == "incomplete"


def is_another(house: Installation, edge: int) -> bool:
    try:
        return house.child_pid("sip") != edge
    except RuntimeError:
        return False
