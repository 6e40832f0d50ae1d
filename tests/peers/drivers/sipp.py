"""SIPp: one scripted request, and every message that came back."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.peers.drivers.ports import free_port, free_range

_HEAD: Final = '<?xml version="1.0" encoding="ISO-8859-1" ?>\n<scenario name="{name}">\n'

_INVITE: Final = """\
<send retrans="500"><![CDATA[
INVITE sip:{number}@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:sipp@[local_ip]:[local_port]>;tag=[pid]SIPpTag00[call_number]
To: <sip:{number}@[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: 1 INVITE
Contact: sip:sipp@[local_ip]:[local_port]
Max-Forwards: 70
Content-Type: application/sdp
Content-Length: [len]

v=0
o=user1 53655765 2353687637 IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [media_port] RTP/AVP {payloads}
{maps}
]]></send>
<recv response="100" optional="true"/>
"""
_ACK: Final = """\
<send><![CDATA[
ACK sip:{number}@[remote_ip]:[remote_port] SIP/2.0
[last_Via:]
[last_From:]
[last_To:]
Call-ID: [call_id]
CSeq: 1 ACK
Max-Forwards: 70
Content-Length: 0

]]></send>
"""
_IN_DIALOG: Final = """\
<send{retrans}><![CDATA[
{method} [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:sipp@[local_ip]:[local_port]>;tag=[pid]SIPpTag00[call_number]
To: <sip:{number}@[remote_ip]:[remote_port]>[peer_tag_param]
Call-ID: [call_id]
CSeq: {cseq} {method}
Max-Forwards: 70
Content-Length: 0

]]></send>
"""
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
_OPTIONS: Final = """\
<send retrans="500"><![CDATA[
OPTIONS sip:[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:sipp@[local_ip]:[local_port]>;tag=[pid]SIPpTag00[call_number]
To: <sip:[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: 1 OPTIONS
Contact: sip:sipp@[local_ip]:[local_port]
Max-Forwards: 70
Accept: application/sdp
Content-Length: 0

]]></send>
<recv response="200"/>
"""

G711: Final = ("0 101", "a=rtpmap:0 PCMU/8000\na=rtpmap:101 telephone-event/8000")
GSM_AND_G729: Final = ("3 18", "a=rtpmap:3 GSM/8000\na=rtpmap:18 G729/8000")


def invite(number: str, *, expect: int, offer: tuple[str, str] = G711, rings: bool = False) -> str:
    """A scenario: INVITE, perhaps 180, the expected final refusal, ACK."""
    payloads, maps = offer
    return (
        _HEAD.format(name="invite")
        + _INVITE.format(number=number, payloads=payloads, maps=maps)
        + ('<recv response="180"/>\n' if rings else "")
        + f'<recv response="{expect}"/>\n'
        + _ACK.format(number=number)
        + "</scenario>\n"
    )


def answered(number: str, *, hold_ms: int = 200) -> str:
    """A scenario: INVITE, 180, 200, ACK, a pause, BYE, 200. It sends no audio."""
    payloads, maps = G711
    return (
        _HEAD.format(name="answered")
        + _INVITE.format(number=number, payloads=payloads, maps=maps)
        + '<recv response="180"/>\n<recv response="200" rrs="true"/>\n'
        + _IN_DIALOG.format(method="ACK", cseq=1, number=number, retrans="")
        + f'<pause milliseconds="{hold_ms}"/>\n'
        + _IN_DIALOG.format(method="BYE", cseq=2, number=number, retrans=' retrans="500"')
        + '<recv response="200"/>\n</scenario>\n'
    )


def hung_up_on(number: str) -> str:
    """A scenario: INVITE, 180, 200, ACK, then their BYE. It sends no audio."""
    payloads, maps = G711
    return (
        _HEAD.format(name="hung-up-on")
        + _INVITE.format(number=number, payloads=payloads, maps=maps)
        + '<recv response="180"/>\n<recv response="200" rrs="true"/>\n'
        + _IN_DIALOG.format(method="ACK", cseq=1, number=number, retrans="")
        + f'<recv request="BYE"/>\n{_OK}</scenario>\n'
    )


def late_offer(number: str) -> str:
    """A scenario: INVITE without SDP, their offer in the 200, our answer in the ACK, BYE."""
    payloads, maps = G711
    with_sdp = _INVITE.format(number=number, payloads=payloads, maps=maps)
    head, _, rest = with_sdp.partition("Content-Type: application/sdp\n")
    sdp = "\nv=0" + rest.partition("\n\nv=0")[2].partition("]]>")[0]
    ack = _IN_DIALOG.format(method="ACK", cseq=1, number=number, retrans="")
    return (
        _HEAD.format(name="late-offer")
        + head
        + 'Content-Length: 0\n\n]]></send>\n<recv response="100" optional="true"/>\n'
        + '<recv response="180"/>\n<recv response="200" rrs="true"/>\n'
        + ack.replace(
            "Content-Length: 0\n", f"Content-Type: application/sdp\nContent-Length: [len]\n{sdp}"
        )
        + '<pause milliseconds="200"/>\n'
        + _IN_DIALOG.format(method="BYE", cseq=2, number=number, retrans=' retrans="500"')
        + '<recv response="200"/>\n</scenario>\n'
    )


def digits_by_info(number: str, digits: str) -> str:
    """A scenario: an answered call in which each digit is sent as INFO (application/dtmf-relay)."""
    infos = ""
    for cseq, digit in enumerate(digits, start=2):
        info = _IN_DIALOG.format(method="INFO", cseq=cseq, number=number, retrans=' retrans="500"')
        infos += info.replace(
            "Content-Length: 0\n",
            "Content-Type: application/dtmf-relay\nContent-Length: [len]\n\n"
            f"Signal={digit}\nDuration=160",
        )
        infos += '<recv response="200"/>\n'
    before, pause, after = answered(number).partition("<pause")
    bye = after.replace("CSeq: 2 BYE", f"CSeq: {len(digits) + 2} BYE")
    return before + infos + pause + bye


def reinvite(
    cseq: int, offer: tuple[str, str] = G711, *, way: str = "sendrecv", expect: int = 200
) -> str:
    """A step for ``within``: an offer of its own version, the answer that is expected, ACK."""
    payloads, maps = offer
    sdp = _INVITE.partition("\n\nv=0")[2].partition("]]>")[0]
    body = ("v=0" + sdp).format(payloads=payloads, maps=f"{maps}\na={way}")
    asked = _IN_DIALOG.format(method="INVITE", cseq=cseq, number="100", retrans=' retrans="500"')
    with_body = asked.replace(
        "Content-Length: 0\n",
        "Contact: sip:sipp@[local_ip]:[local_port]\nContent-Type: application/sdp\n"
        f"Content-Length: [len]\n\n{body.replace('2353687637', str(2353687637 + cseq))}",
    )
    # The ACK of a refusal belongs to the INVITE's own transaction (RFC 3261 §17.1.1.3).
    ack = _IN_DIALOG.format(method="ACK", cseq=cseq, number="100", retrans="")
    if expect != 200:
        ack = ack.replace("branch=[branch]", "branch=[branch-2]")
    return (
        with_body
        + '<recv response="100" optional="true"/>\n'
        + f'<recv response="{expect}"/>\n{ack}'
    )


def update(cseq: int, headers: str) -> str:
    """A step for ``within``: UPDATE with headers of its own, and 200."""
    asked = _IN_DIALOG.format(method="UPDATE", cseq=cseq, number="100", retrans=' retrans="500"')
    more = f"Contact: sip:sipp@[local_ip]:[local_port]\n{headers}\nContent-Length: 0\n"
    return asked.replace("Content-Length: 0\n", more) + '<recv response="200"/>\n'


def refused(cseq: int, method: str, headers: str, *, expect: int) -> str:
    """A step for ``within``: a request that we must not obey, and the refusal."""
    asked = _IN_DIALOG.format(method=method, cseq=cseq, number="100", retrans=' retrans="500"')
    return (
        asked.replace("Content-Length: 0\n", f"{headers}\nContent-Length: 0\n")
        + f'<recv response="{expect}"/>\n'
    )


def within(number: str, *steps: str) -> str:
    """A scenario: an answered call in which each step happens, then BYE."""
    before, pause, after = answered(number).partition("<pause")
    bye = after.replace("CSeq: 2 BYE", f"CSeq: {len(steps) + 2} BYE")
    return before + "".join(steps) + pause + bye


def cancelled(number: str) -> str:
    """A scenario: INVITE, 180, CANCEL, 200 to it, 487, ACK."""
    payloads, maps = G711
    request = _INVITE.format(number=number, payloads=payloads, maps=maps)
    ack = _ACK.format(number=number)
    cancel = (
        ack.replace("ACK sip", "CANCEL sip")
        .replace("1 ACK", "1 CANCEL")
        .replace("[last_To:]", f"To: <sip:{number}@[remote_ip]:[remote_port]>")
    )
    return (
        _HEAD.format(name="cancelled")
        + request
        + f'<recv response="180"/>\n{cancel}<recv response="200"/>\n<recv response="487"/>\n'
        + f"{ack}</scenario>\n"
    )


def options(expect: int = 200) -> str:
    asked = _OPTIONS.replace('response="200"', f'response="{expect}"')
    return _HEAD.format(name="options") + asked + "</scenario>\n"


@dataclass(frozen=True, slots=True)
class SippRun:
    exit_status: int
    messages: str

    def responses(self) -> list[str]:
        """Each SIP response received, whole."""
        received = re.split(r"^-{20,}.*$", self.messages, flags=re.MULTILINE)
        return [
            part[part.index("SIP/2.0 ") :].replace("\r", "")
            for part in received
            if "message received" in part and "SIP/2.0 " in part.split("\n\n")[1][:8]
        ]

    def response(self, status: int, cseq_method: str = "INVITE") -> str:
        """The response with a status to a method, whole."""
        for response in self.responses():
            is_to = re.search(rf"^CSeq: \d+ {cseq_method}$", response, re.MULTILINE)
            if response.startswith(f"SIP/2.0 {status} ") and is_to:
                return response
        raise AssertionError(f"no {status} to {cseq_method}:\n{self.messages}")

    def header(self, name: str, status: int) -> str:
        """A header's value in the response with a status; empty when it is not there."""
        for response in self.responses():
            if response.startswith(f"SIP/2.0 {status} "):
                found = re.search(rf"^{name}:\s*(.*)$", response, re.MULTILINE | re.IGNORECASE)
                return found[1].strip() if found else ""
        raise AssertionError(f"no {status} among the responses:\n{self.messages}")


async def sipp(
    folder: Path,
    scenario: str,
    sip_port: int,
    *,
    calls: int = 1,
    rate: int = 50,
    transport: str = "u1",
    local_ip: str = "127.0.0.1",
    deadline_s: float = 20,
) -> SippRun:
    """Run a scenario against a port on loopback; ``transport`` u1 is UDP, t1 TCP.

    ``rate`` calls begin a second.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "scenario.xml").write_text(scenario)
    process = await asyncio.create_subprocess_exec(
        *("sipp", f"127.0.0.1:{sip_port}", "-sf", "scenario.xml", "-m", str(calls)),
        *("-l", str(calls), "-r", str(rate), "-i", local_ip, "-mi", local_ip),
        *("-p", str(free_port()), "-mp", str(free_range(6)[0]), "-t", transport, "-nostdin"),
        *("-trace_msg", "-message_file", "messages.log"),
        *(
            "-deadcall_wait",
            "500",
            "-trace_err",
            "-error_file",
            "errors.log",
            "-timeout",
            f"{deadline_s:g}s",
        ),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        cwd=folder,
    )
    try:
        async with asyncio.timeout(deadline_s + 5):
            status = await process.wait()
    except TimeoutError:
        process.kill()
        status = await process.wait()
    log = folder / "messages.log"
    return SippRun(status, log.read_text(errors="replace") if log.exists() else "")
