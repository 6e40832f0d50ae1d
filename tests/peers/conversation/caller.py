"""A person at a softphone: baresip with a voice, keys, and an eye on how far the call has come."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from tests.peers.conversation.event_log import CallLog, turn_of
from tests.peers.conversation.sound import Sound, channels, rendered
from tests.peers.drivers.baresip import SOURCE_RATE_HZ, Baresip, baresip
from tests.peers.drivers.installation import Installation
from tests.peers.drivers.tones import write_wav

VOICE = "ash"
AGENT_VOICE = "coral"

_FILE_S = 90  # baresip plays a file once; the silence behind a phrase outlasts the call
_numbers = itertools.count(4401)


class Caller:
    """One call. It speaks by switching baresip's microphone to another file."""

    def __init__(self, installation: Installation, phone: Baresip, folder: Path, rate_hz: int):
        self.installation = installation
        self.phone = phone
        self.log = CallLog(installation.data_dir, phone.user)
        self._folder = folder
        self._rate_hz = rate_hz
        self._files = itertools.count()

    async def dial(self, uri: str = "") -> None:
        await self.phone.command("dial", uri or self.installation.sip_uri)
        await self.phone.wait_for("CALL_ESTABLISHED")

    async def say(self, text: str) -> None:
        """Begin to speak, now; the agent is heard meanwhile."""
        phrase = await rendered(self.installation, text, VOICE, self._rate_hz)
        file = _microphone_file(
            self._folder / f"said-{next(self._files)}.wav", phrase.samples.tobytes(), self._rate_hz
        )
        await self.phone.command("ausrc", f"aufile,{file}")

    async def key(self, digits: str) -> None:
        """Press one key after the other, each once the last has arrived."""
        for digit in digits:
            await self.phone.command("sndcode", digit)
            await self.until_leg_tells("LegDigit")

    async def hears(self, words: str, deadline_s: float = 25) -> dict[str, Any]:
        """Wait until the agent has said a turn with ``words`` in it to the end; the turn."""
        return await self.hears_one_of(words, deadline_s=deadline_s)

    async def hears_one_of(self, *words: str, deadline_s: float = 25) -> dict[str, Any]:
        """The first turn of the agent's, said to its end, with one of these in it."""

        def matches(entry: dict[str, Any]) -> bool:
            turn = turn_of(entry)
            is_agent = bool(turn) and turn["speaker"] == "agent"
            return is_agent and any(one in turn["text"] for one in words)

        wanted = "” or “".join(words)
        entry = await self.log.next(f"agent who says “{wanted}”", matches, deadline_s)
        return turn_of(entry)

    async def until_agent_speaks(self) -> None:
        """The next line of the agent has begun."""
        await self.log.next("agent who speaks", lambda entry: entry["event"] == "speech_started")

    async def until_leg_tells(self, name: str, deadline_s: float = 10) -> float:
        """The edge has seen an event of the SIP leg, such as LegHeld; seconds since the answer."""
        entry = await self.log.next(
            name, lambda e: e["event"] == "leg" and e.get("name") == name, deadline_s
        )
        return float(entry["at_ms"]) / 1000

    async def hang_up(self) -> dict[str, Any]:
        """The caller ends the call; the call as the API tells it."""
        await self.phone.command("hangup")
        return await self.ended()

    async def until_hung_up(self, deadline_s: float = 20) -> dict[str, Any]:
        """The agent ends the call; the call as the API tells it."""
        await self.phone.wait_for("CALL_CLOSED", deadline_s=deadline_s)
        return await self.ended()

    async def ended(self, deadline_s: float = 10) -> dict[str, Any]:
        """The call as the API tells it, once its end is written there."""
        try:
            async with asyncio.timeout(deadline_s), self._client() as client:
                while True:
                    answer = await client.get(f"/calls/{self.log.call_id}")
                    call: dict[str, Any] = answer.raise_for_status().json()
                    if call["state"] == "ended":
                        return call
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"the API does not know the call's end\n{self.log}") from None

    async def recording(self) -> tuple[Sound, Sound]:
        """Caller and agent, as the API serves them."""
        async with self._client() as client:
            answer = await client.get(f"/calls/{self.log.call_id}/recording")
        return channels(answer.raise_for_status().content)

    def heard(self) -> Sound:
        """What baresip itself recorded of all that it received."""
        takes = self.phone.takes()
        return Sound(np.concatenate([samples for samples, _ in takes]), takes[0][1])

    async def until_recorded(self, seconds: float, *, take: int) -> None:
        """Its phone has recorded so much of what it hears in its ``take``-th take."""
        async with asyncio.timeout(seconds + 10):
            while True:
                takes = self.phone.takes()
                if len(takes) >= take and len(takes[take - 1][0]) >= seconds * takes[take - 1][1]:
                    return
                await asyncio.sleep(0.05)

    async def agent_phrase(self, text: str, rate_hz: int) -> Sound:
        return await rendered(self.installation, text, AGENT_VOICE, rate_hz)

    def _client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            base_url=self.installation.api,
            headers={"authorization": f"Bearer {self.installation.api_key}"},
            timeout=20,
            trust_env=False,
        )


@asynccontextmanager
async def calling(
    installation: Installation,
    folder: Path,
    *,
    codec: str = "PCMU",
    records_after_hold: bool = False,
    uri: str = "",
) -> AsyncIterator[Caller]:
    """A call that is answered, from a number of its own."""
    rate_hz = SOURCE_RATE_HZ[codec]
    user = str(next(_numbers))
    folder = folder / user
    folder.mkdir(parents=True)
    silence = _microphone_file(folder / "silence.wav", b"", rate_hz)
    async with baresip(
        folder / "phone", silence, user=user, codec=codec, records_after_hold=records_after_hold
    ) as phone:
        caller = Caller(installation, phone, folder, rate_hz)
        await caller.dial(uri)
        yield caller


def _microphone_file(path: Path, pcm: bytes, rate_hz: int) -> Path:
    return write_wav(path, pcm + bytes(2 * rate_hz * _FILE_S), rate_hz)


def turns(call: dict[str, Any], speaker: str) -> list[str]:
    """What one side said, in order."""
    return [turn["text"] for turn in call["turns"] if turn["speaker"] == speaker]


def said(call: dict[str, Any], speaker: str = "agent") -> str:
    return " ".join(turns(call, speaker))


def runs_of(call: dict[str, Any], tool: str) -> list[dict[str, Any]]:
    return [run for run in call["tool_runs"] if run["tool"] == tool]
