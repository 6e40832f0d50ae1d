"""A recorded greeting and a beep over real SIP: told from a person, and spoken to right after."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.peers.call_control.test_warm_transfer import put_through
from tests.peers.conversation.caller import AGENT_VOICE, VOICE, calling
from tests.peers.conversation.sound import find, rendered
from tests.peers.drivers.installation import Installation
from tests.peers.drivers.tones import tone, write_wav

pytestmark = [pytest.mark.peers, pytest.mark.timeout(120)]

GREETING = "You have reached my mailbox. Please leave a message after the tone."


async def test_a_machine_gets_the_message_behind_its_beep(
    installation: Installation, tmp_path: Path
) -> None:
    greeting = (await rendered(installation, GREETING, VOICE, 8000)).samples
    beep = np.frombuffer(tone(1000.0, 8000, 0.5), "<i2")
    silence = np.zeros(8000 * 60, "<i2")
    pcm = np.concatenate([greeting, silence[:6400], beep, silence]).tobytes()
    machine = write_wav(tmp_path / "machine.wav", pcm, 8000)
    async with calling(installation, tmp_path) as caller:
        await put_through(caller, "4")
        await caller.phone.command("ausrc", f"aufile,{machine}")
        await caller.log.next("verdict", lambda e: e.get("answerer") == "machine")
        heard_beep = await caller.log.next("beep", lambda e: e["event"] == "beep")
        message = await caller.hears("Please call us back.")
        call = await caller.until_hung_up()

    assert call["cause"] == "agent_hangup"
    assert heard_beep["was_heard"]
    assert message["started_ms"] - heard_beep["at_ms"] < 600
    ours, theirs = await caller.recording()
    said = await rendered(installation, "Please call us back.", AGENT_VOICE, 8000)
    found = find(said, theirs)
    assert found.likeness > 0.9
    # In the machine's own recording nothing of it lies before the end of the beep.
    loud = np.flatnonzero(np.abs(ours.samples) > 3000)
    assert found.at_s >= loud[-1] / ours.rate_hz - 0.1


async def test_a_person_is_a_person(installation: Installation, tmp_path: Path) -> None:
    async with calling(installation, tmp_path) as caller:
        await put_through(caller, "4")
        await caller.say("hello")
        await caller.log.next("verdict", lambda e: e.get("answerer") == "human")
        await caller.hears("You are a person.")
        await caller.hang_up()
