"""The answerer detector on greetings that a real synthesiser speaks; the whole is in benchmarks."""

from __future__ import annotations

import shutil

import pytest
from benchmarks.answering import HUMANS, MACHINES, judged, on_a_line, spoken

from trunkline.audio.answerer import TakenBy

pytestmark = pytest.mark.peers


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")
@pytest.mark.parametrize("voice", ["en-us+f3"])
def test_people_and_machines_are_told_apart_by_how_they_greet(voice: str) -> None:
    right = total = 0
    for who, texts in ((TakenBy.HUMAN, HUMANS), (TakenBy.MACHINE, MACHINES)):
        for seed, text in enumerate(texts):
            verdict, _ = judged(on_a_line(spoken(text, voice, 170), seed, 20.0))
            total += 1
            right += verdict is who
    print(f"{voice}: {right} of {total}")  # noqa: T201  the figure is the point
    assert right / total >= 0.95
