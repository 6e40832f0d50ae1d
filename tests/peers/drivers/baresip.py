"""A real softphone: baresip, driven over its control socket, with files for a sound card."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from tests.peers.drivers.ports import free_port, free_range
from tests.peers.drivers.tones import Samples, read_wav

_CONFIG: Final = """\
poll_method epoll
sip_listen 127.0.0.1:{sip_port}
audio_player aubridge,sink{sip_port}
audio_source aufile,{wav}
audio_alert aubridge,alert{sip_port}
audio_level no
ausrc_format s16
auplay_format s16
auenc_format s16
audec_format s16
rtp_ports {rtp_first}-{rtp_last}
jitter_buffer_delay 1-5
module_path /usr/lib/baresip/modules
module g711.so
module g722.so
module opus.so
module aufile.so
module aubridge.so
module sndfile.so
module_tmp uuid.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:{control_port}
snd_path heard
audio_buffer 20-160
call_local_timeout 120
call_max_calls 20
opus_stereo no
opus_sprop_stereo no
"""
# It runs in its folder: a name longer than 127 characters is cut off, "-dec.wav" first (sndfile.c).
# The file that baresip plays must match the negotiated codec exactly, or the call dies.
SOURCE_RATE_HZ: Final = {"PCMU": 8000, "PCMA": 8000, "G722": 16000, "opus": 48000}
_ACCOUNT_CODEC: Final = {
    "PCMU": "PCMU/8000/1",
    "PCMA": "PCMA/8000/1",
    "G722": "G722/16000/1",
    "opus": "opus/48000/1",
}
# One message of baresip's SIP trace: the addresses, then all up to the colour's end.
_TRACED: Final = re.compile(
    r"^(?:UDP|TCP|TLS) \S+:(?P<source>\d+) -> \S+:(?P<target>\d+)\n(?P<text>.*?)\x1b\[;m",
    re.M | re.S,
)
_STATUS_LINE: Final = re.compile(r"\s*\[\d+:\d\d:\d\d\] audio=\S+ \(bit/s\)\s*")


@dataclass(frozen=True, slots=True)
class SipMessage:
    """``first_line`` is the request line or the status line."""

    was_sent: bool
    text: str

    @property
    def first_line(self) -> str:
        return self.text.split("\n", 1)[0]

    def header(self, name: str) -> str:
        """Its value; empty when it is not there."""
        found = re.search(rf"^{name}:[ \t]*(.*)$", self.text, re.M | re.I)
        return found[1] if found else ""


@dataclass
class Baresip:
    """One running baresip; ``events`` are its call events as its control socket tells them."""

    sip_port: int
    folder: Path
    process: asyncio.subprocess.Process
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    user: str
    events: list[dict[str, Any]] = field(default_factory=list)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def uri(self) -> str:
        return f"sip:{self.user}@127.0.0.1:{self.sip_port}"

    async def command(self, name: str, params: str = "") -> None:
        message = json.dumps({"command": name, "params": params, "token": name}).encode()
        self.writer.write(b"%d:%s," % (len(message), message))
        await self.writer.drain()

    async def wait_for(
        self, kind: str, *, count: int = 1, deadline_s: float = 10
    ) -> dict[str, Any]:
        """The ``count``-th event of a type, such as CALL_ESTABLISHED or CALL_CLOSED."""
        try:
            async with asyncio.timeout(deadline_s):
                while True:
                    found = [event for event in self.events if event.get("type") == kind]
                    if len(found) >= count:
                        return found[count - 1]
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            seen = [event.get("type") for event in self.events]
            raise AssertionError(
                f"baresip told of no {kind}; it told of {seen}\n{self.log}"
            ) from None

    async def read_events(self) -> None:
        """Take netstrings until the socket closes."""
        try:
            while True:
                length = await self.reader.readuntil(b":")
                body = await self.reader.readexactly(int(length[:-1]) + 1)
                message = json.loads(body[:-1])
                if message.get("event"):
                    self.events.append(message)
                    self._changed.set()
        except (asyncio.IncompleteReadError, ConnectionError):
            return

    def digits_heard(self) -> str:
        """DTMF digits that came in, in order."""
        starts = (event for event in self.events if event.get("type") == "CALL_DTMF_START")
        return "".join(event["param"] for event in starts)

    @property
    def log(self) -> str:
        """Its end, without the status line that is written ten times a second."""
        return _STATUS_LINE.sub("\n", (self.folder / "log").read_text(errors="replace"))[-8000:]

    def messages(self) -> list[SipMessage]:
        """Every SIP message so far, in order."""
        log = (self.folder / "log").read_text(errors="replace").replace("\r", "")
        return [
            SipMessage(found["source"] == str(self.sip_port), found["text"].strip())
            for found in _TRACED.finditer(log)
        ]

    def rtp_ports(self) -> set[int]:
        """Ports that the SDP of either side named."""
        found = (re.search(r"^m=audio (\d+)", one.text, re.M) for one in self.messages())
        return {int(one[1]) for one in found if one}

    def heard(self) -> tuple[Samples, int]:
        """What came out of the loudspeaker in the last call: samples and rate."""
        return self.takes()[-1]

    def takes(self) -> list[tuple[Samples, int]]:
        """All that came out of the loudspeaker: one take a call, and one from each hold on."""
        return [read_wav(path) for path in sorted((self.folder / "heard").glob("*-dec.wav"))]


@asynccontextmanager
async def baresip(
    folder: Path,
    wav: Path,
    *,
    user: str = "phone",
    codec: str = "",
    answers: bool = True,
    account: str = "",
    transport: str = "udp",
    sip_port: int = 0,
    records_after_hold: bool = False,
    params: str = "",
    config: str = "",
) -> AsyncIterator[Baresip]:
    """Run one; ``codec`` (PCMU, PCMA, G722, opus) restricts what it offers.

    ``params`` are more parameters of its account, ``config`` more lines of its configuration.
    """
    if shutil.which("baresip") is None:
        pytest.skip("baresip is not installed (Debian: baresip-core)")
    folder.mkdir(parents=True)
    (folder / "heard").mkdir()
    if records_after_hold:
        _keep_it_from_recording_itself(folder / "heard")
    sip_port, control_port = sip_port or free_port(), free_port()
    first, last = free_range(20)
    (folder / "config").write_text(
        _CONFIG.format(
            sip_port=sip_port,
            control_port=control_port,
            wav=wav,
            rtp_first=first,
            rtp_last=last,
        )
        + config
    )
    params += f";regint=0;answermode={'auto' if answers else 'manual'}"
    if codec:
        params += f";audio_codecs={_ACCOUNT_CODEC[codec]}"
    line = account or f"<sip:{user}@127.0.0.1:{sip_port};transport={transport}>{params}"
    (folder / "accounts").write_text(line + "\n")
    (folder / "contacts").write_text("")
    with (folder / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *("baresip", "-f", str(folder), "-v", "-s", "-4", "-n", "127.0.0.1"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=folder,
        )
    reading = None
    try:
        reader, writer = await _connect(control_port, folder)
        phone = Baresip(sip_port, folder, process, reader, writer, user)
        reading = asyncio.get_running_loop().create_task(phone.read_events(), name="baresip")
        try:
            yield phone
        finally:
            await phone.command("quit")
    finally:
        await _end(process)
        if reading is not None:
            writer.close()
            await reading


def _keep_it_from_recording_itself(folder: Path, seconds: int = 180) -> None:
    """Take the names of its own voice's files, so that it records what it hears after a hold too.

    At a hold baresip 1.0 drops the recorder of what it hears, and makes one again only when it has
    none of what it says (audio.c: audio_decoder_set, aufilt_setup).
    """
    now = datetime.now()  # noqa: DTZ005  local time is what it names its files by
    for later in range(seconds):
        name = (now + timedelta(seconds=later)).strftime("dump-%Y-%m-%d-%H-%M-%S-enc.wav")
        (folder / name).mkdir()


async def _connect(port: int, folder: Path) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    try:
        async with asyncio.timeout(10):
            while True:
                try:
                    return await asyncio.open_connection("127.0.0.1", port)
                except ConnectionRefusedError:
                    await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError((folder / "log").read_text(errors="replace")) from None


async def _end(process: asyncio.subprocess.Process) -> None:
    try:
        async with asyncio.timeout(3):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
