"""SIPp as many callers at once: each says a recording over and over until it hangs up."""

from __future__ import annotations

import csv
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trunkline.audio.g711 import pcm_to_ulaw

_SCENARIO: Final = """\
<?xml version="1.0" encoding="ISO-8859-1" ?>
<scenario name="load">
<send retrans="500" start_rtd="setup"><![CDATA[
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
m=audio [rtpstream_audio_port] RTP/AVP 0 101
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-16
]]></send>
<recv response="100" optional="true"/>
<recv response="180" optional="true"/>
<recv response="183" optional="true"/>
<recv response="200" rrs="true" rtd="setup"/>
<send><![CDATA[
ACK [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:sipp@[local_ip]:[local_port]>;tag=[pid]SIPpTag00[call_number]
To: <sip:{number}@[remote_ip]:[remote_port]>[peer_tag_param]
Call-ID: [call_id]
CSeq: 1 ACK
Contact: sip:sipp@[local_ip]:[local_port]
Max-Forwards: 70
Content-Length: 0

]]></send>
<nop><action><exec rtp_stream="{recording},-1,0"/></action></nop>
<pause milliseconds="{hold_ms}"/>
<send retrans="500"><![CDATA[
BYE [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:sipp@[local_ip]:[local_port]>;tag=[pid]SIPpTag00[call_number]
To: <sip:{number}@[remote_ip]:[remote_port]>[peer_tag_param]
Call-ID: [call_id]
CSeq: 2 BYE
Max-Forwards: 70
Content-Length: 0

]]></send>
<recv response="200" crlf="true"/>
</scenario>
"""


@dataclass(frozen=True, slots=True)
class SippOutcome:
    """``setup_ms``: INVITE to 200 of every call that was answered."""

    succeeded: int
    failed: int
    retransmissions: int
    setup_ms: list[float]


@dataclass
class SippLoad:
    """``start`` places ``calls`` calls, ``rate`` a second; each hangs up after ``hold_s``."""

    folder: Path
    sip_port: int
    number: str
    recording: Path

    def start(self, calls: int, rate: float, hold_s: float) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        scenario = self.folder / "load.xml"
        scenario.write_text(
            _SCENARIO.format(
                number=self.number, recording=self.recording, hold_ms=round(hold_s * 1000)
            )
        )
        self._process = subprocess.Popen(
            [
                *("sipp", "-sf", str(scenario), f"127.0.0.1:{self.sip_port}", "-i", "127.0.0.1"),
                *("-m", str(calls), "-l", str(calls), "-r", f"{rate:g}", "-nostdin"),
                *("-trace_rtt", "-rtt_freq", "1", "-trace_stat", "-fd", "1", "-stf", "stat.csv"),
                *("-trace_err", "-error_file", "errors.log"),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self.folder,
        )

    def finish(self, deadline_s: float) -> SippOutcome:
        """Wait until all have hung up; TimeoutExpired when they do not."""
        try:
            self._process.wait(deadline_s)
        finally:
            self._process.kill()
            self._process.wait()
        with (self.folder / "stat.csv").open() as file:
            last = list(csv.DictReader(file, delimiter=";"))[-1]
        return SippOutcome(
            succeeded=int(last["SuccessfulCall(C)"]),
            failed=int(last["FailedCall(C)"]),
            retransmissions=int(last["Retransmissions(C)"]),
            setup_ms=self._setups(),
        )

    def _setups(self) -> list[float]:
        found: list[float] = []
        for path in self.folder.glob("*rtt.csv"):
            lines = path.read_text().splitlines()[1:]
            found += [float(line.split(";")[1]) for line in lines]
        return found


def write_recording(path: Path, pcm: NDArray[np.int16]) -> None:
    """8 kHz PCM16 as a mu-law WAV, the only kind that SIPp streams as PCMU."""
    words = pcm_to_ulaw(pcm.astype("<i2").tobytes())
    shape = struct.pack("<IHHIIHH", 18, 7, 1, 8000, 8000, 1, 8) + b"\0\0"
    head = b"RIFF" + struct.pack("<I", 38 + len(words)) + b"WAVEfmt " + shape
    path.write_bytes(head + b"data" + struct.pack("<I", len(words)) + words)
