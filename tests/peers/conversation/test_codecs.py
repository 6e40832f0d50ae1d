"""The same short conversation in every codec, by three callers at the same time."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

import pytest
from tests.peers.conversation.caller import VOICE, calling, runs_of, turns
from tests.peers.conversation.sound import find, rendered, share_found
from tests.peers.drivers.installation import Installation

pytestmark = [pytest.mark.peers, pytest.mark.timeout(120)]

QUESTION: Final = "what are your opening hours"
# What the far end heard of our own rendering: G.722 and Opus do not keep the wave as G.711 does.
ALIKE: Final = {"PCMA": 0.95, "G722": 0.9, "opus": 0.8}
SPOKEN_AT_HZ: Final = {"PCMA": 8000, "G722": 24000, "opus": 24000}
NAMES: Final = {"PCMA": "PCMA/8000", "G722": "G722/16000", "opus": "opus/48000"}


async def test_a_question_is_answered_in_every_codec(
    installation: Installation, tmp_path: Path
) -> None:
    async with asyncio.TaskGroup() as callers:
        for codec in NAMES:
            callers.create_task(ask(installation, tmp_path / codec, codec), name=codec)


async def ask(installation: Installation, folder: Path, codec: str) -> None:
    async with calling(installation, folder, codec=codec) as caller:
        await caller.hears("How can I help you")
        await caller.say(QUESTION)
        answer = await caller.hears("We're open from eight o'clock", deadline_s=40)
        call = await caller.hang_up()

    assert call["codec"] == NAMES[codec]
    assert turns(call, "caller") == [QUESTION]
    assert [run["outcome"] for run in runs_of(call, "get_hours")] == ["ok"]
    rate_hz = SPOKEN_AT_HZ[codec]
    assert call["recording"]["sample_rate_hz"] == rate_hz

    phrase = await caller.agent_phrase(answer["text"], rate_hz)
    heard = caller.heard()
    assert -35 < heard.dbfs < -10
    assert find(phrase, heard).likeness > ALIKE[codec], codec
    customer, agent = await caller.recording()
    found = find(phrase, agent)
    assert found.likeness > 0.95
    assert found.at_s * 1000 == pytest.approx(answer["started_ms"], abs=100)
    question = await rendered(installation, QUESTION, VOICE, rate_hz)
    assert share_found(question, customer) >= 0.5, codec
