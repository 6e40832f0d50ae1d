"""Somebody sets the machine's time while a call is up: a day on, a day back, and right again."""

from __future__ import annotations

import asyncio
import itertools
import time
from typing import Any, Final

import httpx
import pytest
from benchmarks.rtp_caller import SAMPLES, RtpCaller
from tests.peers.drivers.installation import Installation, running
from tests.soak.approval_house import WallClock

pytestmark = [pytest.mark.soak, pytest.mark.timeout(300)]

DAY_S: Final = 86_400
JUMPS_S: Final = (DAY_S, -DAY_S, 3600, 0)
BETWEEN_S: Final = 3.0
_STORED_S: Final = 30.0


async def test_a_call_does_not_notice_that_the_time_of_day_was_set(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    clock = WallClock(tmp_path_factory.mktemp("clock"))
    with running(tmp_path_factory.mktemp("tl") / "var", **clock.environment) as installation:
        async with RtpCaller("127.0.0.1", installation.sip_port) as caller:
            await caller.invite()
            answered_s = time.monotonic()
            for jump in JUMPS_S:
                await asyncio.sleep(BETWEEN_S)  # the call goes on between the jumps
                clock.jump(jump)
            await asyncio.sleep(BETWEEN_S)
            assert not caller.over.is_set()
        lasted_ms = (time.monotonic() - answered_s) * 1000
        call = await ended(installation)

    assert call["cause"] == "caller_hangup"
    assert call["duration_ms"] == pytest.approx(lasted_ms, abs=1500)
    assert call["recording"]["duration_ms"] == pytest.approx(call["duration_ms"], abs=500)
    assert call["recording"]["state"] == "complete"
    stamps = [packet.timestamp for packet in caller.packets]
    steps = {(later - sooner) % 2**32 for sooner, later in itertools.pairwise(stamps)}
    assert steps == {SAMPLES}, "the agent's audio has neither a gap nor a jump"
    assert all(0 <= turn["started_ms"] <= call["duration_ms"] for turn in call["turns"])


async def ended(installation: Installation) -> dict[str, Any]:
    """The only call, once it is stored whole."""
    headers = {"authorization": f"Bearer {installation.api_key}"}
    async with (
        httpx.AsyncClient(base_url=installation.api, headers=headers, trust_env=False) as client,
        asyncio.timeout(_STORED_S),
    ):
        while True:
            (one,) = (await client.get("/calls")).raise_for_status().json()["calls"]
            found = await client.get(f"/calls/{one['call_id']}")
            call: dict[str, Any] = found.raise_for_status().json()
            recording = call["recording"] or {}
            if call["state"] == "ended" and recording.get("state") == "complete":
                return call
            await asyncio.sleep(0.2)
