"""What an audio caller's line carries: levels, bands, and the same again from the same seed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from trunkline.calls.speech_cache import SpeechCache
from trunkline.calls.speech_source import SpeechPiece, SpokenLine
from trunkline.cli.simulate.audio_line import AudioLine
from trunkline.cli.simulate.audio_voice import CallerSounds, Sound, render_caller
from trunkline.cli.simulate.simulation import (
    CallerTurn,
    Cough,
    Expectations,
    Line,
    Mumble,
    Say,
    Simulation,
)
from trunkline.cli.simulate.sounds import (
    NOISE_KINDS,
    SPEECH_DBFS,
    Samples,
    Wave,
    as_samples,
    mumble,
    noise,
    speech_at_level,
    through_telephone,
)
from trunkline.cli.simulate.text_leg import Humans, TextLeg
from trunkline.cli.simulate.text_speech import hum
from trunkline.cli.simulate.virtual_time import run_virtual

RATE_HZ = 8000


def level(wave: Wave | Samples) -> float:
    return float(20 * np.log10(np.sqrt(np.mean(np.square(wave.astype(np.float64)))) / 32768))


def voice(ms: int) -> Samples:
    return np.frombuffer(hum(ms), "<i2")


def tone(hz: float) -> Samples:
    return as_samples(8000 * np.sin(2 * np.pi * hz * np.arange(RATE_HZ) / RATE_HZ))


@pytest.mark.parametrize("kind", NOISE_KINDS)
def test_noise_is_as_loud_as_speech_before_it_is_turned_down(kind: str) -> None:
    made = noise(kind, RATE_HZ, np.random.default_rng(1), [voice(900)])
    assert level(made) == pytest.approx(SPEECH_DBFS, abs=0.1)
    # Its end joins on to its beginning: no click once every eight seconds.
    steps = np.abs(np.diff(made))
    assert abs(made[0] - made[-1]) <= steps.max()


def test_speech_is_levelled_by_what_sounds_of_it() -> None:
    quiet = np.concatenate([voice(500) // 8, np.zeros(16000, dtype="<i2")])
    assert level(speech_at_level(quiet, RATE_HZ)[:4000]) == pytest.approx(SPEECH_DBFS, abs=1)


@pytest.mark.parametrize(("hz", "passes"), [(60, False), (1000, True), (3000, True), (3900, False)])
def test_the_telephone_passes_its_band(hz: float, passes: bool) -> None:
    lost_db = level(tone(hz)) - level(through_telephone(tone(hz), RATE_HZ))
    assert (lost_db < 1.5) if passes else (lost_db > 12)


def test_a_mumble_has_the_length_that_was_asked_for() -> None:
    assert mumble(voice(300), RATE_HZ, 1.5).size == 12_000


class Hums:
    """Every word a hum of its own length."""

    async def speak(self, line: SpokenLine) -> AsyncIterator[SpeechPiece]:
        yield SpeechPiece(hum(120 * len(line.text.split())))


def caller(directory: Path, seed: int | None, *, own: int = 1) -> CallerSounds:
    acts = (Say(("four four", 0.5, "one")), Cough(), Mumble(1.0))
    simulation = Simulation(
        name="one",
        title="One",
        agent="energy",
        now=datetime(2026, 11, 23, tzinfo=UTC),
        turns=tuple(CallerTurn(act, 1) for act in acts),
        expect=Expectations(),
        seed=own,
        line=Line(snr_db=20),
    )
    return asyncio.run(render_caller(simulation, SpeechCache(directory, Hums()), RATE_HZ, seed))


def sounds(one: CallerSounds) -> bytes:
    turns = b"".join(turn.samples.tobytes() for turn in one.turns if turn is not None)
    return turns + one.background.tobytes() + repr(one.reactions_s).encode()


def test_the_same_seed_is_the_same_caller_sample_by_sample(tmp_path: Path) -> None:
    assert sounds(caller(tmp_path, 5)) == sounds(caller(tmp_path, 5))
    assert sounds(caller(tmp_path, 5)) != sounds(caller(tmp_path, 6))
    assert sounds(caller(tmp_path, None, own=5)) == sounds(caller(tmp_path, 5))


def test_pauses_are_part_of_what_is_said(tmp_path: Path) -> None:
    said = caller(tmp_path, 5).turns[0]
    assert said is not None
    middle = said.samples[RATE_HZ * 300 // 1000 : RATE_HZ * 700 // 1000]
    assert not middle.any()


def test_the_line_carries_the_voice_over_noise_that_never_stops() -> None:
    async def scene() -> None:
        leg = TextLeg("+1", "100", Humans([]))
        background = noise("white", RATE_HZ, np.random.default_rng(1), [])
        line = AudioLine(leg, background, 20.0)
        leg.listen(line)
        await leg.answer()
        for _ in range(20):
            await leg.tick()
        line.say(Sound(voice(600), 4800))
        began_ms = line.now_ms
        while line.is_speaking:
            await leg.tick()
        assert 0 <= line.began_ms - began_ms <= 200
        assert 500 <= line.ended_ms - line.began_ms <= 800

    run_virtual(scene())
