"""Keys in thousands, by every way they can come: what is told is bounded, and the call goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from prometheus_client import REGISTRY
from tests.peers.drivers.raw_sip import HOST, RawCaller
from tests.peers.sip.conftest import Edge, running_edge
from tests.peers.sip.raw_calls import both_hear, nothing_stays, raw_call

from trunkline.domain.leg import LegDigit, LegEnded

pytestmark = [pytest.mark.peers, pytest.mark.asyncio(loop_scope="module")]

EVENTS = 2000
INFOS = 400
AT_ONCE, PER_S = 40, 15
DROPPED = "trunkline_dtmf_dropped_total"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def edge() -> AsyncIterator[Edge]:
    async with running_edge() as running:
        yield running


def press(caller: RawCaller, code: int) -> None:
    """One RFC 4733 event of three packets, as short as can be."""
    for duration, end in ((80, 0), (160, 0x80), (160, 0x80)):
        body = bytes([code, end | 10]) + duration.to_bytes(2, "big")
        packet = caller.rtp.packet(body, payload_type=101, marker=duration == 80)
        caller.rtp.socket.sendto(packet, (HOST, caller.media_port))
        caller.rtp.seq = (caller.rtp.seq + 1) & 0xFFFF
    caller.rtp.timestamp += 160


def most_told(since_s: float) -> float:
    """However long a slow machine takes to send them all."""
    return AT_ONCE + PER_S * (asyncio.get_running_loop().time() - since_s) + 1


async def test_thousands_of_events_a_second(edge: Edge) -> None:
    before = REGISTRY.get_sample_value(DROPPED) or 0
    async with raw_call(edge) as (caller, line):
        began_s = asyncio.get_running_loop().time()
        for n in range(EVENTS):
            press(caller, n % 10)
            if n % 50 == 49:
                await asyncio.sleep(0.01)
        await both_hear(caller, line)
        assert 0 < len(line.of(LegDigit)) <= most_told(began_s)
        assert (REGISTRY.get_sample_value(DROPPED) or 0) > before + EVENTS / 4
        await caller.hang_up()
        await line.wait_for(LegEnded)
        await nothing_stays(edge)


async def test_a_storm_of_info(edge: Edge) -> None:
    """Each is answered (RFC 6086 §4.2.2), whatever comes of it; the ladder stays short."""
    async with raw_call(edge) as (caller, line):
        began_s = asyncio.get_running_loop().time()
        for n in range(2, INFOS + 2):
            body = f"Signal={n % 10}\r\nDuration=160"
            caller.send(caller.request("INFO", n, body=body, kind="application/dtmf-relay"))
            if n % 20 == 0:
                await caller.answer(n)
        assert (await caller.answer(INFOS + 1)).startswith("SIP/2.0 200")
        assert 0 < len(line.of(LegDigit)) <= most_told(began_s)
        await both_hear(caller, line)
        await caller.hang_up(INFOS + 9)
        await line.wait_for(LegEnded)
        assert len(line.ended.signalling) <= 61
        await nothing_stays(edge)


async def test_info_of_the_bare_kind_has_its_key_taken(edge: Edge) -> None:
    async with raw_call(edge) as (caller, line):
        caller.send(caller.request("INFO", 2, body="5", kind="application/dtmf"))
        assert (await caller.answer(2)).startswith("SIP/2.0 200")
        assert (await line.wait_for(LegDigit)).digit == "5"
        await caller.hang_up()
        await line.wait_for(LegEnded)
