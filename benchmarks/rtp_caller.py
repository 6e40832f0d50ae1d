"""A bare SIP and RTP caller: no jitter buffer, so that packets are what is timed.

One INVITE with PCMU, RTP paced by the clock, every received packet kept with its arrival time.
Enough of RFC 3261 for loopback measurements and nothing more: it is no user agent.
"""

from __future__ import annotations

import asyncio
import random
import re
import secrets
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self, cast

import numpy as np
from numpy.typing import NDArray

from benchmarks.stamped_udp import StampedUdp
from trunkline.audio.g711 import pcm_to_ulaw, ulaw_to_pcm

PTIME_S = 0.02
SAMPLES = 160
SPEECH_DBFS = -45.0
_EVENT = 101  # the payload type we offer for telephone-event
_KEY_TICKS, _KEY_ENDS, _KEY_PAUSE_TICKS = 4, 3, 3


@dataclass(frozen=True, slots=True)
class Packet:
    """``at`` is time.perf_counter() when the kernel got it; ``dbfs`` its payload's RMS level."""

    at: float
    timestamp: int
    payload: bytes
    dbfs: float


def level_dbfs(pcm: NDArray[np.int16]) -> float:
    rms = float(np.sqrt(np.mean(np.square(pcm.astype(np.float64)))))
    return 20 * float(np.log10(rms / 32768)) if rms > 0.03 else -120.0


@dataclass(frozen=True, slots=True)
class _Key:
    """One packet of a pressed key (RFC 4733, section 2.3); ``begins``: the key goes down."""

    payload: bytes
    begins: bool


def _key_packets(digit: str) -> list[_Key | None]:
    """A tick each: 80 ms of tone, its end told three times, and 60 ms of sound (None)."""
    event = "0123456789*#ABCD".index(digit)
    packets: list[_Key | None] = []
    for tick in range(_KEY_TICKS + _KEY_ENDS):
        is_end = tick >= _KEY_TICKS
        duration = SAMPLES * min(tick + 1, _KEY_TICKS)
        flags = (0x80 if is_end else 0) | 10  # E bit, volume -10 dBm0
        packets.append(_Key(bytes([event, flags]) + duration.to_bytes(2, "big"), tick == 0))
    return packets + [None] * _KEY_PAUSE_TICKS


class _Udp(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(maxsize=10_000)
        self.transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # CPython 3.11's own datagram transport is no subclass of DatagramTransport.
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: object) -> None:
        if not self.queue.full():
            self.queue.put_nowait((time.perf_counter(), data))

    def error_received(self, exc: Exception) -> None:
        """ICMP refusals after the far end closed its port are expected."""


@dataclass
class RtpCaller:
    """One call from ``user`` at ``address``. Times are perf_counter seconds."""

    host: str
    port: int
    number: str = "100"
    user: str = "bench"
    address: str = "127.0.0.1"
    packets: list[Packet] = field(default_factory=list)
    statuses: dict[int, float] = field(default_factory=dict)
    invited_at: float = 0.0
    answered_at: float = 0.0
    ended_at: float = 0.0
    line: Callable[[bytes], bytes] | None = None
    """What the line does to each 20 ms of the caller's sound, PCMU to PCMU."""

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        _, self._sip = await loop.create_datagram_endpoint(_Udp, local_addr=(self.address, 0))
        self._rtp = StampedUdp(self.address)
        self._rtp_port = self._rtp.port
        assert self._sip.transport is not None
        self._sip_port = self._sip.transport.get_extra_info("sockname")[1]
        self._call_id = secrets.token_hex(8)
        self._tag = secrets.token_hex(4)
        self._to_tag = ""
        self._target = f"sip:{self.number}@{self.host}:{self.port}"
        self._cseq = 1
        self._voice = bytearray()
        self._voice_started: asyncio.Future[float] | None = None
        self._voice_sent: list[float] = []
        self._voice_done = asyncio.Event()
        self._loop_voice = b""
        self._keys: deque[_Key | None] = deque()
        self._keys_done = asyncio.Event()
        self.over = asyncio.Event()
        self.got_packet = asyncio.Event()
        self._group = asyncio.TaskGroup()
        await self._group.__aenter__()
        self._tasks = [self._group.create_task(self._read_rtp(), name="rtp in")]
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self.answered_at and not self.over.is_set():
            self._send("BYE")
            try:
                async with asyncio.timeout(2):
                    await self.over.wait()
            except TimeoutError:
                pass
        for task in self._tasks:
            task.cancel()
        await self._group.__aexit__(None, None, None)
        assert self._sip.transport is not None
        self._sip.transport.close()
        self._rtp.close()

    # ---- SIP ---------------------------------------------------------------------------------

    def _send(self, method: str, body: str = "", cseq: int | None = None) -> None:
        if cseq is None:
            self._cseq += 1
            cseq = self._cseq
        to_tag = f";tag={self._to_tag}" if self._to_tag else ""
        ours = f"{self.address}:{self._sip_port}"
        message = (
            f"{method} {self._target} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP {ours};branch=z9hG4bK{secrets.token_hex(6)}\r\n"
            "Max-Forwards: 70\r\n"
            f"From: <sip:{self.user}@{ours}>;tag={self._tag}\r\n"
            f"To: <sip:{self.number}@{self.host}:{self.port}>{to_tag}\r\n"
            f"Call-ID: {self._call_id}\r\nCSeq: {cseq} {method}\r\n"
            f"Contact: <sip:{self.user}@{ours}>\r\n"
            + ("Content-Type: application/sdp\r\n" if body else "")
            + f"Content-Length: {len(body)}\r\n\r\n{body}"
        )
        assert self._sip.transport is not None
        self._sip.transport.sendto(message.encode(), (self.host, self.port))

    async def invite(self, deadline_s: float = 10) -> None:
        """Until 200 and our ACK; RuntimeError on a refusal."""
        sdp = (
            f"v=0\r\no=- 1 1 IN IP4 {self.address}\r\ns=-\r\nc=IN IP4 {self.address}\r\nt=0 0\r\n"
            f"m=audio {self._rtp_port} RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\n"
            "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\na=sendrecv\r\n"
        )
        self.invited_at = time.perf_counter()
        self._send("INVITE", sdp, cseq=1)
        async with asyncio.timeout(deadline_s):
            while True:
                at, data = await self._sip.queue.get()
                head = data.decode(errors="replace")
                match = re.match(r"SIP/2\.0 (\d+)", head)
                if match is None:
                    continue
                status = int(match.group(1))
                self.statuses.setdefault(status, at)
                if status == 200:
                    break
                if status >= 300:
                    raise RuntimeError(f"refused: {head.splitlines()[0]}")
        self.answered_at = at
        tag = re.search(r"^(?:To|t)\s*:.*;tag=(\S+)", head, re.M | re.I)
        contact = re.search(r"^(?:Contact|m)\s*:\s*<?([^>\s;]+)", head, re.M | re.I)
        media = re.search(r"m=audio (\d+)", head)
        assert tag and contact and media
        self._to_tag, self._target = tag.group(1), contact.group(1)
        self._media = (self.host, int(media.group(1)))
        self._send("ACK", cseq=1)
        self._tasks += [
            self._group.create_task(self._write_rtp(), name="rtp out"),
            self._group.create_task(self._read_sip(), name="sip in"),
        ]

    async def _read_sip(self) -> None:
        while True:
            at, data = await self._sip.queue.get()
            text = data.decode(errors="replace")
            if text.startswith("BYE"):
                lines = [
                    line
                    for line in text.split("\r\n")[1:]
                    if re.match(r"(?i)(via|from|to|call-id|cseq|[vfti])\s*:", line)
                ]
                answer = "\r\n".join(["SIP/2.0 200 OK", *lines, "Content-Length: 0", "", ""])
                assert self._sip.transport is not None
                self._sip.transport.sendto(answer.encode(), (self.host, self.port))
                self.ended_at = at
                self.over.set()
            elif re.match(r"SIP/2\.0 200", text) and "BYE" in text:
                self.ended_at = at
                self.over.set()

    # ---- RTP ---------------------------------------------------------------------------------

    async def _read_rtp(self) -> None:
        while True:
            at, data = await self._rtp.queue.get()
            if len(data) < 12 + 1 or data[1] & 0x7F != 0:
                continue
            payload = data[12:]
            pcm = np.frombuffer(ulaw_to_pcm(payload), "<i2")
            stamp = int.from_bytes(data[4:8], "big")
            self.packets.append(Packet(at, stamp, payload, level_dbfs(pcm)))
            self.got_packet.set()

    async def _write_rtp(self) -> None:
        silence = pcm_to_ulaw(bytes(2 * SAMPLES))
        sequence, stamp, source = random.randrange(1 << 15), random.randrange(1 << 30), 0x7A
        key_stamp = stamp
        due = time.perf_counter()
        while True:
            if self.over.is_set():
                if self._voice_started is not None and not self._voice_started.done():
                    self._voice_started.set_exception(RuntimeError("the call ended meanwhile"))
                self._voice_done.set()
                return
            payload, kind, at = silence, 0, stamp
            key = self._next_key()
            if key is not None:
                key_stamp = stamp if key.begins else key_stamp
                payload, at = key.payload, key_stamp  # all of a key's packets bear its beginning
                kind = _EVENT | (0x80 if key.begins else 0)
            elif self._voice:
                self._voice_sent.append(time.perf_counter())
                if self._voice_started is not None and not self._voice_started.done():
                    self._voice_started.set_result(self._voice_sent[-1])
                payload = bytes(self._voice[:SAMPLES]).ljust(SAMPLES, b"\xff")
                del self._voice[:SAMPLES]
                if not self._voice:
                    self._voice_done.set()
                    self._voice += self._loop_voice
            if self.line is not None and key is None:
                payload = self.line(payload)
            header = bytes([0x80, kind]) + (sequence & 0xFFFF).to_bytes(2, "big")
            header += (at & 0xFFFFFFFF).to_bytes(4, "big") + source.to_bytes(4, "big")
            self._rtp.send(header + payload, self._media)
            sequence += 1
            stamp += SAMPLES
            due += PTIME_S
            await asyncio.sleep(max(0.0, due - time.perf_counter()))

    def _next_key(self) -> _Key | None:
        if not self._keys:
            return None
        key = self._keys.popleft()
        if not self._keys:
            self._keys_done.set()
        return key

    async def press(self, digits: str) -> None:
        """Key digits in, as RFC 4733 events; returns when the last one is up."""
        self._keys_done.clear()
        for digit in digits:
            self._keys += _key_packets(digit)
        await self._keys_done.wait()

    async def speak(self, pcm: NDArray[np.int16]) -> float:
        """Send 8 kHz PCM16 as RTP; returns when its first packet left.

        RuntimeError when the call is over.
        """
        if self.over.is_set():
            raise RuntimeError("the call is over: nobody can speak in it")
        self._voice_started = asyncio.get_running_loop().create_future()
        self._voice_done.clear()
        self._voice_sent.clear()
        self._voice += pcm_to_ulaw(pcm.astype("<i2").tobytes())
        return await self._voice_started

    def left_at(self, phrase_ms: float) -> float:
        """When the packet left that carries this moment of what ``speak`` was last given.

        The earliest at which anybody can know of it: the sound of a packet is over as it leaves.
        """
        return self._voice_sent[int(phrase_ms / 1000 / PTIME_S)]

    def repeat(self, pcm: NDArray[np.int16]) -> None:
        """Say 8 kHz PCM16 over and over until the call ends."""
        self._loop_voice = pcm_to_ulaw(pcm.astype("<i2").tobytes())
        self._voice += self._loop_voice

    async def spoken(self) -> None:
        await self._voice_done.wait()

    # ---- reading the packets ------------------------------------------------------------------

    async def first_loud(self, after: float = 0.0, deadline_s: float = 10) -> float:
        """Arrival of the first packet with speech at or after ``after``."""
        async with asyncio.timeout(deadline_s):
            while True:
                for packet in self.packets:
                    if packet.at >= after and packet.dbfs > SPEECH_DBFS:
                        return packet.at
                self.got_packet.clear()
                await self.got_packet.wait()

    def last_loud_before_silence(self, onset: float, quiet_s: float = 0.3) -> float | None:
        """Arrival of the last loud packet before ``quiet_s`` without one; None if none."""
        loud = [p.at for p in self.packets if p.dbfs > SPEECH_DBFS and p.at > onset - 0.3]
        if not loud or loud[0] > onset + 0.1:
            return None
        end = loud[0]
        for at in loud:
            if at - end > quiet_s and at > onset:
                return end
            end = at
        return end if self.packets[-1].at - end >= quiet_s else None
