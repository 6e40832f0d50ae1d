"""A caller who does what callers do: cancels while it rings, holds in storms, is simply gone."""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from dataclasses import dataclass, field
from typing import Final, Self

from benchmarks.rtp_caller import RtpCaller

_ANSWER_S: Final = 15.0


@dataclass
class RestlessCaller(RtpCaller):
    """An RtpCaller with CANCEL and re-INVITE (RFC 3261, sections 9 and 14)."""

    waiting: dict[int, asyncio.Future[int]] = field(default_factory=dict)
    call_id_prefix: str = ""

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        self._call_id = self.call_id_prefix + self._call_id
        return self

    async def invite_and_cancel(self, after_s: float) -> int:
        """INVITE, CANCEL after a while: the INVITE's final status; a 200 that won is hung up."""
        branch = f"z9hG4bK{secrets.token_hex(8)}"
        self.invited_at = time.perf_counter()
        self._request("INVITE", branch, 1, self._offer("sendrecv"))
        due = self.invited_at + after_s
        is_cancelled = False
        async with asyncio.timeout(_ANSWER_S):
            while True:
                try:
                    # CANCEL is allowed once a provisional response has come (section 9.1).
                    may_wait = self.statuses and not is_cancelled
                    left = max(0.0, due - time.perf_counter()) if may_wait else None
                    async with asyncio.timeout(left):
                        at, data = await self._sip.queue.get()
                except TimeoutError:
                    is_cancelled = True
                    self._request("CANCEL", branch, 1)
                    continue
                head = data.decode(errors="replace")
                found = re.match(r"SIP/2\.0 (\d+)", head)
                if found is None or "INVITE" not in _header(head, "CSeq"):
                    continue
                status = int(found.group(1))
                self.statuses.setdefault(status, at)
                if status < 200:
                    continue
                self._to_tag = _tag(head)
                if status == 200:
                    self.answered_at = at
                    self._send("ACK", cseq=1)
                    self._tasks.append(self._group.create_task(self._read_sip(), name="sip in"))
                    await self.hang_up()
                else:
                    self._request("ACK", branch, 1)
                return status

    async def hold(self, direction: str) -> int:
        """A re-INVITE with ``sendonly``, ``inactive`` or ``sendrecv``; its final status."""
        self._cseq += 1
        number, branch = self._cseq, f"z9hG4bK{secrets.token_hex(8)}"
        answered: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.waiting[number] = answered
        self._request("INVITE", branch, number, self._offer(direction))
        async with asyncio.timeout(_ANSWER_S):
            status = await answered
        if status < 300:
            self._send("ACK", cseq=number)
        else:
            self._request("ACK", branch, number)
        return status

    async def hang_up(self) -> None:
        """BYE, and wait for its 200; nothing when the far end was first."""
        if self.over.is_set():
            return
        self._send("BYE")
        async with asyncio.timeout(_ANSWER_S):
            await self.over.wait()

    def vanish(self) -> None:
        """The phone has lost its network: no more RTP, no BYE, and no answer to anything."""
        self.over.set()
        for task in self._tasks:
            task.cancel()

    # ---- on the wire ---------------------------------------------------------------------------

    def _offer(self, direction: str) -> str:
        version = self._cseq
        return (
            f"v=0\r\no=- 1 {version} IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
            f"m=audio {self._rtp_port} RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\n"
            "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\n"
            f"a={direction}\r\n"
        )

    def _send(self, method: str, body: str = "", cseq: int | None = None) -> None:
        if cseq is None:
            self._cseq += 1
            cseq = self._cseq
        self._request(method, f"z9hG4bK{secrets.token_hex(8)}", cseq, body)

    def _request(self, method: str, branch: str, number: int, body: str = "") -> None:
        """A request whose branch is ours: CANCEL and the ACK of a refusal repeat their INVITE's."""
        tag = f";tag={self._to_tag}" if self._to_tag and method != "CANCEL" else ""
        message = (
            f"{method} {self._target} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP 127.0.0.1:{self._sip_port};branch={branch}\r\n"
            "Max-Forwards: 70\r\n"
            f"From: <sip:{self.user}@127.0.0.1:{self._sip_port}>;tag={self._tag}\r\n"
            f"To: <sip:{self.number}@{self.host}:{self.port}>{tag}\r\n"
            f"Call-ID: {self._call_id}\r\nCSeq: {number} {method}\r\n"
            f"Contact: <sip:{self.user}@127.0.0.1:{self._sip_port}>\r\n"
            + ("Content-Type: application/sdp\r\n" if body else "")
            + f"Content-Length: {len(body)}\r\n\r\n{body}"
        )
        assert self._sip.transport is not None
        # A test may want bytes that are no UTF-8: they stand as lone surrogates in the text.
        wire = message.encode("utf-8", "surrogateescape")
        self._sip.transport.sendto(wire, (self.host, self.port))

    async def _read_sip(self) -> None:
        while True:
            at, data = await self._sip.queue.get()
            text = data.decode(errors="replace")
            found = re.match(r"SIP/2\.0 (\d+)", text)
            if found is None:
                self._answer(text)
                if text.startswith("BYE"):
                    self._is_over(at)
                continue
            number, _, method = _header(text, "CSeq").partition(" ")
            status = int(found.group(1))
            if status < 200:
                continue
            if method == "BYE":
                self._is_over(at)
            elif method == "INVITE" and (waiting := self.waiting.pop(int(number), None)):
                waiting.set_result(status)

    def _is_over(self, at: float) -> None:
        self.ended_at = self.ended_at or at
        self.over.set()

    def _answer(self, request: str) -> None:
        """200 to whatever is asked of us, but for ACK; a re-INVITE gets our description."""
        if request.startswith("ACK"):
            return
        kept = [
            line
            for line in request.split("\r\n")[1:]
            if re.match(r"(?i)(via|from|to|call-id|cseq|[vfti])\s*:", line)
        ]
        body = self._offer("sendrecv") if request.startswith("INVITE") else ""
        if body:
            kept += [
                f"Contact: <sip:{self.user}@127.0.0.1:{self._sip_port}>",
                "Content-Type: application/sdp",
            ]
        answer = "\r\n".join(["SIP/2.0 200 OK", *kept, f"Content-Length: {len(body)}", "", body])
        assert self._sip.transport is not None
        self._sip.transport.sendto(answer.encode(), (self.host, self.port))


def _header(message: str, name: str) -> str:
    found = re.search(rf"(?im)^{name}\s*:\s*(.*?)\r?$", message)
    return found.group(1) if found else ""


def _tag(message: str) -> str:
    found = re.search(r";tag=([^;\s]+)", _header(message, "(?:To|t)"))
    return found.group(1) if found else ""
