"""A caller made of bare datagrams: it can send what no phone would, and RTP from where it likes."""

from __future__ import annotations

import asyncio
import itertools
import re
import secrets
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

from trunkline.audio.g711 import pcm_to_ulaw

HOST = "127.0.0.1"
_BINDING = ("Via", "From", "To", "Call-ID", "CSeq")
_ids = itertools.count(1)


@dataclass
class RtpSender:
    """RTP of one synchronisation source, from a port of its own."""

    payload_type: int = 0
    ssrc: int = field(default_factory=lambda: secrets.randbits(32))
    seq: int = 1000
    timestamp: int = 0
    socket: socket.socket = field(
        default_factory=lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    )

    def __post_init__(self) -> None:
        self.socket.bind((HOST, 0))
        self.socket.setblocking(False)

    @property
    def port(self) -> int:
        return int(self.socket.getsockname()[1])

    def packet(self, payload: bytes, *, marker: bool = False, payload_type: int = -1) -> bytes:
        kind = (self.payload_type if payload_type < 0 else payload_type) | (0x80 if marker else 0)
        return struct.pack("!BBHII", 0x80, kind, self.seq, self.timestamp, self.ssrc) + payload

    def send(self, port: int, packet: bytes) -> None:
        self.socket.sendto(packet, (HOST, port))
        self.seq = (self.seq + 1) & 0xFFFF

    async def say(self, port: int, pcm: bytes) -> None:
        """PCM16 at 8 kHz in 20 ms packets of G.711, as fast as they would be spoken."""
        for at in range(0, len(pcm) - 319, 320):
            self.send(port, self.packet(pcm_to_ulaw(pcm[at : at + 320])))
            self.timestamp += 160
            await asyncio.sleep(0.02)

    def received(self) -> int:
        """Packets that have come in since the last look."""
        for count in itertools.count():
            try:
                self.socket.recv(2048)
            except BlockingIOError:
                return count
        raise AssertionError


class RawCaller(asyncio.DatagramProtocol):
    """One dialog at most; ``transact`` sends what it is given and waits for a final answer."""

    def __init__(self, sip_port: int) -> None:
        self.sip_port = sip_port
        self.call_id = f"raw-{next(_ids)}-{secrets.token_hex(4)}"
        self.tag = secrets.token_hex(4)
        self.to_tag = ""
        self.contact = f"sip:100@{HOST}:{sip_port}"
        self.messages: list[str] = []
        self.rtp = RtpSender()
        self.media_port = 0
        self.options_status = ""  # what OPTIONS are answered with: "200 OK"; empty: not at all
        self._changed = asyncio.Event()
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.messages.append(data.decode(errors="replace").replace("\r\n", "\n"))
        self._changed.set()
        if self.options_status and self.messages[-1].startswith("OPTIONS"):
            self.send(response_to(self.messages[-1], self.options_status))

    @property
    def port(self) -> int:
        assert self._transport is not None
        return int(self._transport.get_extra_info("sockname")[1])

    def send(self, message: str | bytes) -> None:
        assert self._transport is not None
        raw = message if isinstance(message, bytes) else message.encode()
        self._transport.sendto(raw, (HOST, self.sip_port))

    def request(
        self,
        method: str,
        cseq: int,
        *,
        body: str = "",
        kind: str = "application/sdp",
        headers: str = "",
        branch: str = "",
    ) -> str:
        """A request of this dialog, as it would be written by a careful phone."""
        to_tag = f";tag={self.to_tag}" if self.to_tag else ""
        lines = [
            f"{method} {self.contact} SIP/2.0",
            f"Via: SIP/2.0/UDP {HOST}:{self.port};branch=z9hG4bK{branch or secrets.token_hex(6)}",
            f"From: <sip:raw@{HOST}>;tag={self.tag}",
            f"To: <sip:100@{HOST}>{to_tag}",
            f"Call-ID: {self.call_id}",
            f"CSeq: {cseq} {method}",
            f"Contact: <sip:raw@{HOST}:{self.port}>",
            "Max-Forwards: 70",
            *headers.splitlines(),
        ]
        if body:
            lines.append(f"Content-Type: {kind}")
        return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", body])

    def offer(
        self, *, payloads: str = "0 101", maps: str = "a=rtpmap:101 telephone-event/8000"
    ) -> str:
        sdp = ["v=0", f"o=- 1 1 IN IP4 {HOST}", "s=-", f"c=IN IP4 {HOST}", "t=0 0"]
        return "\r\n".join(
            [*sdp, f"m=audio {self.rtp.port} RTP/AVP {payloads}", *maps.splitlines(), ""]
        )

    async def heard(self, pattern: str, *, deadline_s: float = 10) -> str:
        """The first message that begins like this; AssertionError with all that came."""
        try:
            async with asyncio.timeout(deadline_s):
                while True:
                    for message in self.messages:
                        if re.match(pattern, message):
                            return message
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            firsts = [message.split("\n", 1)[0] for message in self.messages]
            raise AssertionError(f"nothing like {pattern!r} among {firsts}") from None

    async def answer(self, cseq: int, *, deadline_s: float = 10) -> str:
        """The final response to a request of that number."""
        pattern = rf"SIP/2\.0 [2-6]\d\d (?s:.*?)^CSeq: {cseq} "
        return await self.heard(f"(?m){pattern}", deadline_s=deadline_s)

    async def invite(self, *, headers: str = "", offer: str | None = None) -> None:
        """Send it; ``confirm`` takes the answer."""
        body = self.offer() if offer is None else offer
        self.send(self.request("INVITE", 1, body=body, headers=headers))

    async def confirm(self) -> str:
        """Wait for the 200 and send the ACK."""
        response = await self.answer(1)
        assert response.startswith("SIP/2.0 200"), response
        self.to_tag = re.search(r"^To:.*;tag=(\S+)", response, re.M)[1]  # type: ignore[index]
        self.contact = re.search(r"^Contact: <([^>]+)>", response, re.M)[1]  # type: ignore[index]
        port = re.search(r"^m=audio (\d+)", response, re.M)
        self.media_port = int(port[1]) if port else 0
        self.send(self.request("ACK", 1))
        return response

    async def hang_up(self, cseq: int = 99) -> str:
        self.send(self.request("BYE", cseq))
        return await self.answer(cseq)

    def close(self) -> None:
        self.rtp.socket.close()
        if self._transport is not None:
            self._transport.close()


def response_to(request: str, status: str) -> str:
    """A response without a body, with the headers that bind it to its request."""
    kept = [line for line in request.split("\n") if line.split(":")[0] in _BINDING]
    return "\r\n".join([f"SIP/2.0 {status}", *kept, "Content-Length: 0", "", ""])


@asynccontextmanager
async def raw_caller(sip_port: int) -> AsyncIterator[RawCaller]:
    loop = asyncio.get_running_loop()
    _, caller = await loop.create_datagram_endpoint(
        lambda: RawCaller(sip_port), local_addr=(HOST, 0)
    )
    try:
        yield caller
    finally:
        caller.close()
