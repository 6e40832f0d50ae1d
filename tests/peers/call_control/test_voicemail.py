"""A recorded greeting and a beep over real SIP: told from a person, and spoken to right after."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.peers.call_control.test_warm_transfer import put_through
from tests.peers.conversation.caller import AGENT_VOICE, VOICE, calling
from tests.peers.conversation.sound import Sound, channels, find, rendered
from tests.peers.drivers.baresip import baresip
from tests.peers.drivers.installation import Installation
from tests.peers.drivers.tones import tone, write_wav

pytestmark = [pytest.mark.peers, pytest.mark.timeout(120)]

GREETING = "You have reached my mailbox. Please leave a message after the tone."
MESSAGE = "Please call us back."


async def greeting_and_beep(installation: Installation) -> bytes:
    greeting = (await rendered(installation, GREETING, VOICE, 8000)).samples
    beep = np.frombuffer(tone(1000.0, 8000, 0.5), "<i2")
    silence = np.zeros(8000 * 60, "<i2")
    return np.concatenate([silence[:4000], greeting, silence[:6400], beep, silence]).tobytes()


async def ended(installation: Installation, call_id: str) -> dict[str, Any]:
    async with asyncio.timeout(40):
        while True:
            with installation.client() as client:
                call: dict[str, Any] = client.get(f"/calls/{call_id}").raise_for_status().json()
            if call["state"] == "ended":
                return call
            await asyncio.sleep(0.2)


def noted(installation: Installation, call_id: str, kind: str) -> dict[str, Any]:
    (log,) = (installation.data_dir / "recordings").rglob(f"{call_id}.jsonl")
    entries = [json.loads(line) for line in log.read_bytes().splitlines()]
    return next(entry for entry in entries if entry["event"] == kind)


async def test_a_machine_that_we_call_gets_the_message_behind_its_beep(
    installation: Installation, tmp_path: Path, desk_port: int
) -> None:
    wav = write_wav(tmp_path / "machine.wav", await greeting_and_beep(installation), 8000)
    async with baresip(
        tmp_path / "machine", wav, user="desk", codec="PCMU", sip_port=desk_port
    ) as machine:
        with installation.client() as client:
            order = client.post("/calls", json={"to": machine.uri, "agent": "callback"})
        call_id = order.raise_for_status().json()["call_id"]
        call = await ended(installation, call_id)
        kept = Sound(*machine.heard())

    assert call["cause"] == "agent_hangup"
    assert noted(installation, call_id, "answerer")["answerer"] == "machine"
    beep = noted(installation, call_id, "beep")
    assert beep["was_heard"]
    (message,) = [turn for turn in call["turns"] if turn["text"] == MESSAGE]
    assert message["started_ms"] - beep["at_ms"] < 600
    assert not message["is_interrupted"]
    said = await rendered(installation, MESSAGE, AGENT_VOICE, 8000)
    assert find(said, kept).likeness > 0.9  # the machine has it whole
    with installation.client() as client:
        recording = client.get(f"/calls/{call_id}/recording").raise_for_status().content
    ours, theirs = channels(recording)
    loud = np.flatnonzero(np.abs(ours.samples) > 3000)
    assert find(said, theirs).at_s >= loud[-1] / ours.rate_hz - 0.1


async def test_a_machine_is_given_no_caller(
    installation: Installation, tmp_path: Path, desk_port: int
) -> None:
    wav = write_wav(tmp_path / "machine.wav", await greeting_and_beep(installation), 8000)
    async with (
        baresip(
            tmp_path / "machine", wav, user="desk", codec="PCMU", sip_port=desk_port
        ) as machine,
        calling(installation, tmp_path) as caller,
    ):
        await put_through(caller, "5")
        await caller.hears("Nobody picked up.")
        await machine.wait_for("CALL_CLOSED")
        call = await caller.hang_up()

    assert [t["sip_status"] for t in call["transfers"] if t["is_final"]] == [408]


async def test_a_person_is_a_person(installation: Installation, tmp_path: Path) -> None:
    async with calling(installation, tmp_path) as caller:
        await put_through(caller, "4")
        await caller.say("hello")
        await caller.log.next("verdict", lambda e: e.get("answerer") == "human")
        await caller.hears("You are a person.")
        await caller.hang_up()
