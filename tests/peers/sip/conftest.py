"""A real edge without the calls above it: legs are handed to the test."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
from tests.peers.drivers.baresip import SOURCE_RATE_HZ
from tests.peers.drivers.ports import free_range
from tests.peers.drivers.tones import Spectrum, spectrum, tone, write_wav

from trunkline.domain.leg import LegEnded, LegEvent
from trunkline.domain.trunk import LOCAL_TRUNK, NumberRoute, Trunk
from trunkline.runtime.supervision import Nursery, nursery
from trunkline.sip.config import EndpointConfig, Tls
from trunkline.sip.endpoint import Endpoint
from trunkline.sip.leg import SipLeg
from trunkline.sip.reception import Reception
from trunkline.sip.registration_backoff import Backoff

E = TypeVar("E", bound=LegEvent)

AGENT_HZ = 440.0
CALLER_HZ = 1000.0


@dataclass
class Line:
    """A leg under test: its events and all audio it heard."""

    leg: SipLeg
    agent: str = ""
    invite_at_ms: float = 0.0
    events: list[LegEvent] = field(default_factory=list)
    heard: bytearray = field(default_factory=bytearray)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def follow(self) -> None:
        async for event in self.leg.events():
            self.events.append(event)
            self._changed.set()

    def listen(self) -> None:
        self.leg.listen(self._take)

    def _take(self, pairs: bytes) -> None:
        self.heard += pairs
        self._changed.set()

    def of(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    async def wait_for(self, kind: type[E], *, count: int = 1, deadline_s: float = 10) -> E:
        await self.until(lambda: len(self.of(kind)) >= count, deadline_s)
        return self.of(kind)[count - 1]

    async def until(self, holds: Callable[[], bool], deadline_s: float = 10) -> None:
        async with asyncio.timeout(deadline_s):
            while not holds():
                self._changed.clear()
                await self._changed.wait()

    async def until_heard(self, seconds: float) -> None:
        size = int(seconds * 1000 / 20) * 2 * self.leg.format.bytes_per_frame
        await self.until(lambda: len(self.heard) >= size, seconds + 10)

    @property
    def ended(self) -> LegEnded:
        return self.of(LegEnded)[0]

    def sides(self) -> tuple[bytes, bytes]:
        """What the caller said and what was sent, each as one stretch of PCM."""
        frame = self.leg.format.samples_per_frame
        pairs = np.frombuffer(bytes(self.heard), "<i2").reshape(-1, 2, frame)
        return pairs[:, 0].tobytes(), pairs[:, 1].tobytes()

    def caller_spectrum(self, last_s: float) -> Spectrum:
        rate = self.leg.format.sample_rate_hz
        return spectrum(self.sides()[0][-int(last_s * rate) * 2 :], rate)

    def say(self, seconds: float, frequency_hz: float = AGENT_HZ) -> None:
        """Queue a tone; it must fit into the ring whole."""
        pcm = tone(frequency_hz, self.leg.format.sample_rate_hz, seconds)
        assert self.leg.write(pcm) == len(pcm)


@dataclass
class Edge:
    endpoint: Endpoint
    reception: Reception
    tasks: Nursery
    arrivals: asyncio.Queue[Line]
    rtp_ports: tuple[int, int] = (0, 0)

    def uri(self, number: str = "100") -> str:
        return f"sip:{number}@127.0.0.1:{self.endpoint.sip_port}"

    async def next_line(self, deadline_s: float = 10) -> Line:
        async with asyncio.timeout(deadline_s):
            return await self.arrivals.get()

    def follow(self, leg: SipLeg, agent: str = "", at_ms: float = 0.0) -> Line:
        line = Line(leg, agent, at_ms)
        self.tasks.start(line.follow(), leg.description.leg_id)
        return line


@asynccontextmanager
async def running_edge(
    *trunks: Trunk,
    routes: tuple[NumberRoute, ...] = (NumberRoute("100", "energy"),),
    max_calls: int = 10,
    bind_address: str = "127.0.0.1",
    public_address: str = "",
    media_timeout_s: float = 60,
    tls: Tls | None = None,
    logs_messages: bool = False,
    backoff: Backoff | None = None,
    takes_calls: bool = True,
) -> AsyncIterator[Edge]:
    arrivals: asyncio.Queue[Line] = asyncio.Queue()
    async with nursery("edge") as tasks:

        def accept(leg: SipLeg, agent: str, at_ms: float) -> None:
            line = Line(leg, agent, at_ms)
            tasks.start(line.follow(), leg.description.leg_id)
            arrivals.put_nowait(line)

        reception = Reception(
            trunks=trunks or (LOCAL_TRUNK,),
            routes=routes,
            max_calls=max_calls,
            accept=accept,
            takes_calls=takes_calls,
        )
        rtp_ports = free_range(40)
        config = EndpointConfig(
            bind_address=bind_address,
            public_address=public_address,
            rtp_ports=rtp_ports,
            max_calls=max_calls,
            media_timeout_s=media_timeout_s,
            tls=tls,
            logs_messages=logs_messages,
            backoff=backoff or Backoff(),
        )
        endpoint = Endpoint(config, reception=reception, trunks=trunks)
        async with endpoint.running():
            yield Edge(endpoint, reception, tasks, arrivals, rtp_ports)


@pytest.fixture
async def edge() -> AsyncIterator[Edge]:
    async with running_edge() as running:
        yield running


@pytest.fixture(autouse=True)
def peers_installed() -> None:
    for program, package in (("baresip", "baresip-core"), ("sipp", "sip-tester")):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed (Debian: {package})")


@pytest.fixture
def caller_wav(tmp_path: Path) -> Callable[[str], Path]:
    """A file with the caller's tone at the rate a codec wants."""

    def make(codec: str) -> Path:
        rate = SOURCE_RATE_HZ[codec]
        return write_wav(tmp_path / f"{codec}.wav", tone(CALLER_HZ, rate, 30), rate)

    return make
