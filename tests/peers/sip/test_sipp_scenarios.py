"""SIPp, case by case: what a signalling stack that is nobody's of ours gets for an answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
import pytest_asyncio
from tests.peers.drivers.sipp import (
    GSM_AND_G729,
    answered,
    cancelled,
    refused,
    reinvite,
    sipp,
    update,
    within,
)
from tests.peers.sip.conftest import Edge, running_edge
from tests.peers.sip.raw_calls import nothing_stays

from trunkline.domain.errors import TrunkError
from trunkline.domain.leg import LegEnded

pytestmark = [pytest.mark.peers, pytest.mark.asyncio(loop_scope="module")]

PCMA = ("8 101", "a=rtpmap:8 PCMA/8000\na=rtpmap:101 telephone-event/8000")
REPLACES = "Refer-To: <sip:thief@127.0.0.1:9>\nContact: sip:sipp@[local_ip]:[local_port]"

CASES = {
    "answered": answered("100"),
    "held_and_resumed": within("100", reinvite(2, way="sendonly"), reinvite(3)),
    "held_inactive": within("100", reinvite(2, way="inactive"), reinvite(3)),
    "hangs_up_on_hold": within("100", reinvite(2, way="sendonly")),
    "codec_changed": within("100", reinvite(2, PCMA), reinvite(3)),
    "codec_unknown": within("100", reinvite(2, GSM_AND_G729, expect=488), reinvite(3)),
    "session_refreshed": within(
        "100", update(2, "Supported: timer\nSession-Expires: 90;refresher=uac")
    ),
    "refers_us_elsewhere": within("100", refused(2, "REFER", REPLACES, expect=603)),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def edge() -> AsyncIterator[Edge]:
    async with running_edge() as running:
        yield running


@pytest.mark.parametrize("case", CASES)
async def test_a_call_goes_as_its_scenario_says(edge: Edge, tmp_path: Path, case: str) -> None:
    async with asyncio.TaskGroup() as tasks:
        calling = tasks.create_task(sipp(tmp_path, CASES[case], edge.endpoint.sip_port))
        line = await edge.next_line()
        await line.leg.answer()
        await line.wait_for(LegEnded, deadline_s=20)
    assert calling.result().exit_status == 0, calling.result().messages
    await nothing_stays(edge)


async def test_a_call_that_is_cancelled_while_it_rings(edge: Edge, tmp_path: Path) -> None:
    run = await sipp(tmp_path, cancelled("100"), edge.endpoint.sip_port)
    assert run.exit_status == 0, run.messages
    line = await edge.next_line()
    await line.wait_for(LegEnded)
    with suppress(TrunkError):
        await line.leg.answer()
    await nothing_stays(edge)


async def test_many_at_once_leave_no_port_behind(edge: Edge, tmp_path: Path) -> None:
    async def answer_all(count: int) -> None:
        for _ in range(count):
            line = await edge.next_line()
            with suppress(TrunkError):
                await line.leg.answer()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(answer_all(8))
        run = await sipp(tmp_path, answered("100", hold_ms=50), edge.endpoint.sip_port, calls=8)
    assert run.exit_status == 0, run.messages
    await nothing_stays(edge)
