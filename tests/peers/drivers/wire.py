"""RTP as it lies on the loopback wire, for tests that must see what others could hear."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import numpy as np
import pytest

from trunkline.audio.g711 import ulaw_to_pcm

_ETH_P_ALL = 3
_HEADERS = 14 + 20 + 8  # Ethernet, IPv4 without options, UDP
_RTP_HEADER = 12


@dataclass
class Wire:
    """UDP payloads of RTP's version and of a static audio type, by the port they went to."""

    packets: list[tuple[int, bytes]] = field(default_factory=list)

    def payloads(self, port: int) -> bytes:
        """All audio that went to a port, as if it were plain."""
        return b"".join(packet[_RTP_HEADER:] for to, packet in self.packets if to == port)

    def ports(self) -> set[int]:
        return {port for port, _ in self.packets}

    def as_ulaw(self, port: int) -> bytes:
        """PCM16 of what somebody on the line would hear who takes it for G.711 µ-law."""
        return ulaw_to_pcm(self.payloads(port))

    def take(self, frame: bytes) -> None:
        payload = frame[_HEADERS:]
        is_rtp = len(payload) > _RTP_HEADER and payload[0] >> 6 == 2 and payload[1] & 0x7F == 0
        if frame[12:14] == b"\x08\x00" and frame[23] == socket.IPPROTO_UDP and is_rtp:
            self.packets.append((int.from_bytes(frame[36:38], "big"), payload))


@asynccontextmanager
async def listening_in(device: str = "lo") -> AsyncIterator[Wire]:
    """Skips the test where the system lets nobody listen."""
    try:
        tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL))
    except PermissionError:
        pytest.skip("listening on the wire needs CAP_NET_RAW")
    wire = Wire()
    with tap:
        tap.bind((device, 0))
        tap.setblocking(False)
        loop = asyncio.get_running_loop()

        def read() -> None:
            # Packets that leave by loopback come in there too: each is seen once.
            frame, (_, _, kind, *_) = tap.recvfrom(65536)
            if kind != socket.PACKET_OUTGOING:
                wire.take(frame)

        loop.add_reader(tap, read)
        try:
            yield wire
        finally:
            loop.remove_reader(tap)


def entropy_bits(payload: bytes) -> float:
    """Bits a byte (Shannon): a tone in G.711 has a few, a cipher's output nearly eight."""
    counts = np.bincount(np.frombuffer(payload, np.uint8), minlength=256)
    shares = counts[counts > 0] / max(1, counts.sum())
    return float(-(shares * np.log2(shares)).sum())
