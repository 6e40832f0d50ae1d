"""A caller for drills: keys and waits by what is heard, and knows our own lines by their sound."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import numpy as np
import orjson
from benchmarks.rtp_caller import SPEECH_DBFS, RtpCaller
from numpy.typing import NDArray
from tests.peers.drivers.installation import Installation

from trunkline.audio.g711 import ulaw_to_pcm

CALLER: Final = "+441632960123"
ACCOUNT: Final = "44172908"
RATE_HZ: Final = 8000
_ALIKE: Final = 0.9  # correlation of a line with itself after G.711; other speech stays below 0.5


class Phone(RtpCaller):
    """One call into an installation; ``call_id`` is known once the answer is in the database."""

    def __init__(self, installation: Installation, user: str, address: str) -> None:
        super().__init__("127.0.0.1", installation.sip_port, user=user, address=address)
        self.installation = installation
        self.call_id = ""

    def heard(self) -> NDArray[np.int16]:
        """All that came, at 8 kHz, every packet in its place by its RTP timestamp."""
        if not self.packets:
            return np.zeros(0, np.int16)
        first = self.packets[0].timestamp
        last = max(p.timestamp - first + len(p.payload) for p in self.packets)
        audio = np.zeros(last, np.int16)
        for packet in self.packets:
            pcm = np.frombuffer(ulaw_to_pcm(packet.payload), "<i2")
            at = packet.timestamp - first
            audio[at : at + len(pcm)] = pcm[: last - at]
        return audio

    def has_heard(self, text: str) -> bool:
        """Whether the fixed line ``text`` was heard, whole, as it lies rendered on disk."""
        audio = self.heard()
        return any(likeness(audio, line) > _ALIKE for line in renderings(self.installation, text))

    async def until_heard(self, text: str, deadline_s: float = 20) -> None:
        line = rendered(self.installation, text)
        try:
            async with asyncio.timeout(deadline_s):
                while likeness(self.heard(), line) <= _ALIKE:
                    # Looked at twice a second: each look correlates the whole call.
                    await asyncio.sleep(0.5)
        except TimeoutError:
            raise AssertionError(f"the caller never heard: {text}") from None

    async def until_speaking(self, deadline_s: float = 15) -> None:
        """The agent speaks: a loud packet from now on."""
        await self.first_loud(time.perf_counter(), deadline_s)

    async def until_quiet(self, quiet_s: float = 0.8, deadline_s: float = 30) -> None:
        """The agent has spoken since the call began, and has been silent for ``quiet_s``."""
        async with asyncio.timeout(deadline_s):
            while True:
                loud = [p.at for p in self.packets if p.dbfs > SPEECH_DBFS]
                if loud and time.perf_counter() - loud[-1] > quiet_s:
                    return
                self.got_packet.clear()
                await self.got_packet.wait()

    async def until_over(self, deadline_s: float = 30) -> None:
        """The far end has hung up."""
        async with asyncio.timeout(deadline_s):
            await self.over.wait()

    async def until_step(self, *steps: str, deadline_s: float = 20) -> dict[str, Any]:
        """The flow is in one of ``steps``, as the database tells; the call's detail."""
        return await self.until_detail(
            lambda call: bool(call["steps"]) and call["steps"][-1]["step"] in steps,
            f"step {' or '.join(steps)}",
            deadline_s,
        )

    async def until_ended(self, deadline_s: float = 20) -> dict[str, Any]:
        return await self.until_detail(lambda call: call["state"] == "ended", "the end", deadline_s)

    async def until_detail(
        self, holds: Callable[[dict[str, Any]], bool], what: str, deadline_s: float = 20
    ) -> dict[str, Any]:
        call: dict[str, Any] = {}
        try:
            async with asyncio.timeout(deadline_s), api(self.installation) as client:
                while True:
                    call = (await get(client, f"/calls/{await self._id(client)}")).json()
                    if holds(call):
                        return call
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise AssertionError(f"the call never came to {what}: {call}") from None

    async def _id(self, client: httpx.AsyncClient) -> str:
        """The newest call from our number: drills that call side by side use several."""
        while not self.call_id:
            found = (await get(client, "/calls", number=self.user, limit=1)).json()["calls"]
            if found and found[0]["call_id"] not in self._before:
                self.call_id = found[0]["call_id"]
            else:
                await asyncio.sleep(0.05)
        return self.call_id

    async def note_earlier_calls(self) -> None:
        async with api(self.installation) as client:
            found = (await get(client, "/calls", number=self.user, limit=1)).json()["calls"]
        self._before = {call["call_id"] for call in found}


@asynccontextmanager
async def calling(
    installation: Installation, user: str = CALLER, address: str = "127.0.0.1"
) -> AsyncIterator[Phone]:
    """A call that is answered; hung up by us at the end unless it is over."""
    async with Phone(installation, user, address) as phone:
        await phone.note_earlier_calls()
        await phone.invite()
        yield phone


@asynccontextmanager
async def api(installation: Installation) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(
        base_url=installation.api,
        headers={"authorization": f"Bearer {installation.api_key}"},
        timeout=20,
        trust_env=False,
    ) as client:
        yield client


async def get(client: httpx.AsyncClient, path: str, **params: Any) -> httpx.Response:
    return (await client.get(path, params=params)).raise_for_status()


async def until(
    holds: Callable[[], bool | Awaitable[bool]], what: str, deadline_s: float = 20
) -> None:
    """Poll a condition outside the call: a log line, a process, a health answer."""
    try:
        async with asyncio.timeout(deadline_s):
            while True:
                found = holds()
                if found if isinstance(found, bool) else await found:
                    return
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"never within {deadline_s} s: {what}") from None


def rendered(installation: Installation, text: str) -> NDArray[np.int16]:
    """The fixed line at 8 kHz, as the edge renders it before it takes calls."""
    return renderings(installation, text)[0]


def renderings(installation: Installation, text: str) -> list[NDArray[np.int16]]:
    """One in each voice that says it."""
    found = []
    for path in installation.rendered_lines.glob("*.speech"):
        header, _, pcm = path.read_bytes().partition(b"\n")
        document = orjson.loads(header)
        words = [word for word, _, _ in document["marks"]]
        if document["sample_rate_hz"] == RATE_HZ and words == text.split():
            found.append(np.frombuffer(pcm, "<i2"))
    assert found, f"no such line is rendered: {text}"
    return found


def likeness(audio: NDArray[np.int16], line: NDArray[np.int16]) -> float:
    """The highest normalised correlation of ``line`` at any place of ``audio``, 0 to 1."""
    if len(audio) < len(line):
        return 0.0
    heard, wanted = audio.astype(np.float64), line.astype(np.float64)
    size = 1 << (len(heard) + len(wanted)).bit_length()
    spectrum = np.fft.rfft(heard, size) * np.conj(np.fft.rfft(wanted, size))
    products = np.fft.irfft(spectrum, size)[: len(heard) - len(wanted) + 1]
    sums = np.concatenate([[0.0], np.cumsum(heard**2)])
    energies = sums[len(wanted) :] - sums[: len(heard) - len(wanted) + 1]
    norms = np.sqrt(np.maximum(energies, 1.0) * np.sum(wanted**2))
    return float(np.max(products / norms))


def said(call: dict[str, Any], speaker: str = "agent") -> str:
    return " ".join(turn["text"] for turn in call["turns"] if turn["speaker"] == speaker)


def runs_of(call: dict[str, Any], tool: str) -> list[dict[str, Any]]:
    return [run for run in call["tool_runs"] if run["tool"] == tool]


def processes_of(data_dir: Path) -> dict[int, str]:
    """Every process of an installation, by what its environment says, with its command line."""
    wanted = f"TRUNKLINE_DATA_DIR={data_dir.resolve()}\0".encode()
    found = {}
    for entry in Path("/proc").iterdir():
        try:
            if not entry.name.isdigit():
                continue
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            # Redis writes its title over its environment; a zombie has no command line.
            if command and (
                str(data_dir.resolve()) in command or wanted in (entry / "environ").read_bytes()
            ):
                found[int(entry.name)] = command
        except OSError:
            continue
    return found
