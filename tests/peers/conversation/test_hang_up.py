"""A caller hangs up in the middle of a sentence: what was not heard was not said."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.peers.conversation.caller import calling
from tests.peers.conversation.sound import find
from tests.peers.drivers.installation import Installation

pytestmark = [pytest.mark.peers, pytest.mark.timeout(60)]

WELCOME = "Welcome to Brightwater Energy. How can I help you today?"


async def test_the_transcript_ends_where_the_caller_hung_up(
    installation: Installation, tmp_path: Path
) -> None:
    async with calling(installation, tmp_path) as caller:
        await caller.hears("This call is recorded")
        await caller.until_agent_speaks()
        await asyncio.sleep(1.5)  # into the middle of the welcome
        call = await caller.hang_up()

    assert call["cause"] == "caller_hangup"
    assert call["answerable"] == "caller"
    assert call["state"] == "ended"
    *_, welcome = call["turns"]
    assert welcome["is_interrupted"]
    assert welcome["generated_text"] == WELCOME
    assert welcome["text"]
    assert WELCOME.startswith(welcome["text"].rstrip(" .…-"))
    assert len(welcome["text"]) < len(WELCOME) - 10
    fates = [word["fate"] for word in welcome["words"]]
    heard = fates.count("heard")
    assert fates[:heard] == ["heard"] * heard
    assert "heard" not in fates[heard:]
    assert 0 < heard < len(fates)
    assert welcome["text"].split() == [word["text"] for word in welcome["words"][:heard]]

    # The recording is whole: it goes on to the moment of the BYE, and agrees with the transcript.
    _, agent = await caller.recording()
    assert call["recording"]["state"] == "complete"
    assert agent.seconds * 1000 == pytest.approx(call["duration_ms"], abs=300)
    assert agent.between(agent.seconds - 0.3).loud_share() > 0.5
    phrase = await caller.agent_phrase(WELCOME, 8000)
    last = welcome["words"][heard - 1]
    heard_s = (last["end_ms"] - welcome["started_ms"]) / 1000
    assert find(phrase.between(0, heard_s), agent).likeness > 0.95
    assert find(phrase.between(0, heard_s), caller.heard()).likeness > 0.95
    assert find(phrase, agent).likeness < 0.9

    lines = [(m.was_sent, m.first_line) for m in caller.phone.messages()]
    assert lines[-1] == (False, "SIP/2.0 200 OK")
    assert lines[-2][0]
    assert lines[-2][1].startswith("BYE ")
