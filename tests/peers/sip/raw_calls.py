"""Answered calls from a caller made of bare datagrams, and what must hold when they are over."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from tests.peers.drivers.raw_sip import RawCaller, raw_caller
from tests.peers.drivers.tones import tone
from tests.peers.sip.conftest import CALLER_HZ, Edge, Line

from trunkline.domain.call import EndCause
from trunkline.domain.leg import LegMediaStarted

_CLEARED_S = 5.0
_TRIES = 6


@asynccontextmanager
async def raw_call(
    edge: Edge, *, headers: str = "", offer: str | None = None
) -> AsyncIterator[tuple[RawCaller, Line]]:
    """Up, with media. What still stands at the end is hung up: others may share the edge."""
    async with raw_caller(edge.endpoint.sip_port) as caller:
        await caller.invite(headers=headers, offer=offer)
        line = await edge.next_line()
        line.listen()
        await line.leg.answer()
        await caller.confirm()
        await line.wait_for(LegMediaStarted)
        try:
            yield caller, line
        finally:
            await line.leg.hang_up(EndCause.OPERATOR_HANGUP)


async def both_hear(caller: RawCaller, line: Line, frequency_hz: float = CALLER_HZ) -> None:
    """The caller's tone arrives, and what the agent sends reaches the caller without a gap.

    A machine that has no time for us paces the tone badly: it is said again, a few times.
    """
    caller.rtp.received()
    for _ in range(_TRIES):
        await caller.rtp.say(caller.media_port, tone(frequency_hz, 8000, 0.6))
        enough = len(line.heard) + 5 * 640
        await line.until(partial(_has_heard, line, enough))
        missed = sequence_gaps(caller)
        assert missed == 0, f"{missed} packets of the agent's never came"
        if line.caller_spectrum(0.4).is_tone(frequency_hz):
            return
    raise AssertionError("what the caller says is not heard")


def _has_heard(line: Line, count: int) -> bool:
    return len(line.heard) >= count


def sequence_gaps(caller: RawCaller) -> int:
    """How many of the packets that the edge sent since the last look are not there."""
    seqs: list[int] = []
    while True:
        try:
            packet = caller.rtp.socket.recv(2048)
        except BlockingIOError:
            break
        if len(packet) > 12 and packet[1] & 0x7F not in (72, 73, 74):
            seqs.append(struct.unpack("!H", packet[2:4])[0])
    assert seqs, "nothing came from the edge"
    wanted = (seqs[-1] - seqs[0]) % 65536 + 1
    return wanted - len(set(seqs))


async def nothing_stays(edge: Edge) -> None:
    """No dialog, and no RTP port, five seconds after the last of them ended."""
    async with asyncio.timeout(_CLEARED_S):
        while edge.endpoint.live_count or rtp_ports_in_use(edge):
            await asyncio.sleep(0.05)
    assert edge.arrivals.empty()


def rtp_ports_in_use(edge: Edge) -> set[int]:
    first, last = edge.rtp_ports
    table = Path("/proc/net/udp").read_text().splitlines()[1:]
    bound = {int(row.split()[1].partition(":")[2], 16) for row in table}
    return {port for port in bound if first <= port <= last}
