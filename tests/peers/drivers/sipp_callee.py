"""SIPp where our own calls arrive: it refuses with a status, or answers after early media."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from tests.peers.drivers.ports import free_port, free_range

_HEAD: Final = '<?xml version="1.0" encoding="ISO-8859-1" ?>\n<scenario name="callee">\n'
_RESPONSE: Final = """\
<send{retrans}><![CDATA[
SIP/2.0 {status} {reason}
[last_Via:]
[last_From:]
[last_To:];tag=[pid]SIPpTag01[call_number]
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:[local_ip]:[local_port]>
{more}Content-Length: {length}
{body}
]]></send>
"""
_SDP: Final = """
v=0
o=user1 53655765 2353687637 IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 0
a=rtpmap:0 PCMU/8000"""
_OK: Final = """\
<send><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send>
"""


def _respond(status: int, reason: str, *, more: str = "", has_sdp: bool = False) -> str:
    return _RESPONSE.format(
        retrans=' retrans="500"' if status >= 200 else "",
        status=status,
        reason=reason,
        more=("Content-Type: application/sdp\n" if has_sdp else "") + more,
        length="[len]" if has_sdp else "0",
        body=_SDP if has_sdp else "",
    )


def refusing(status: int, *, reason_header: str = "", rings: bool = False) -> str:
    """A scenario: INVITE, perhaps 180, the refusal, ACK."""
    more = f"Reason: {reason_header}\n" if reason_header else ""
    return (
        f'{_HEAD}<recv request="INVITE"/>\n'
        + (_respond(180, "Ringing") if rings else "")
        + _respond(status, "No", more=more)
        + '<recv request="ACK"/>\n</scenario>\n'
    )


def announcing(early_ms: int) -> str:
    """A scenario: INVITE, 183 with media, a pause, 200, ACK, then our BYE. It sends no audio."""
    return (
        f'{_HEAD}<recv request="INVITE"/>\n'
        + _respond(183, "Session Progress", has_sdp=True)
        + f'<pause milliseconds="{early_ms}"/>\n'
        + _respond(200, "OK", has_sdp=True)
        + f'<recv request="ACK"/>\n<recv request="BYE"/>\n{_OK}</scenario>\n'
    )


@asynccontextmanager
async def sipp_callee(folder: Path, scenario: str, *, transport: str = "u1") -> AsyncIterator[int]:
    """Serve one call at a port of its own; AssertionError when the call went otherwise."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "callee.xml").write_text(scenario)
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *("sipp", "-sf", "callee.xml", "-m", "1", "-i", "127.0.0.1", "-mi", "127.0.0.1"),
        *("-p", str(port), "-mp", str(free_range(6)[0]), "-t", transport, "-nostdin"),
        *("-trace_err", "-error_file", "errors.log", "-timeout", "20s", "-timeout_error"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        cwd=folder,
    )
    try:
        yield port
        async with asyncio.timeout(15):
            status = await process.wait()
        errors = folder / "errors.log"
        assert status == 0, errors.read_text(errors="replace") if errors.exists() else status
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
