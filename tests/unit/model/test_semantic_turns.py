"""semantic_vad: how long a pause ends a turn, by eagerness and by how finished the words look."""

from __future__ import annotations

import pytest
from tests.fakes.realtime_session import session_with
from tests.fakes.virtual_time import run_virtual
from tests.fakes.voices import quiet, voiced

from trunkline.model.engine import Hypothesis
from trunkline.model.script import Script
from trunkline.model.scripted import ScriptedEngine
from trunkline.realtime import server_events as ev

FINISHED, UNFINISHED = "i would like a table", "i would like to"


async def pause_ms(eagerness: str | None, heard: str) -> int:
    """From the end of the voice to the turn's end, on the audio clock."""
    async with session_with(ScriptedEngine(Script())) as session:
        detection = {"type": "semantic_vad", "create_response": False}
        if eagerness is not None:
            detection["eagerness"] = eagerness
        await session.update(audio={"input": {"turn_detection": detection}})
        await session.hear(quiet(400, 24000) + voiced(1000, 24000))
        started = await session.expect(ev.InputSpeechStarted)
        session.connection._hearing.engine_said(Hypothesis(started.item_id, heard))
        await session.hear(quiet(9000, 24000))
        return (await session.expect(ev.InputSpeechStopped)).audio_end_ms - 1400


@pytest.mark.parametrize(
    ("eagerness", "finished_ms", "unfinished_ms"),
    [
        ("low", 1000, 8000),
        ("medium", 600, 4000),
        ("auto", 600, 4000),
        (None, 600, 4000),
        ("high", 400, 2000),
    ],
)
def test_an_unfinished_sentence_is_waited_for_by_eagerness(
    eagerness: str | None, finished_ms: int, unfinished_ms: int
) -> None:
    assert abs(run_virtual(pause_ms(eagerness, FINISHED)) - finished_ms) <= 120
    assert abs(run_virtual(pause_ms(eagerness, UNFINISHED)) - unfinished_ms) <= 120
