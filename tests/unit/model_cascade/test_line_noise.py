"""How noisy a turn is, and where in it somebody speaks."""

from __future__ import annotations

import numpy as np
import pytest

from trunkline.model.cascade.ear_tuning import EarTuning
from trunkline.model.cascade.line_noise import gated, measured, suppressed

SAMPLES_PER_S = 16_000


def turn(noise: float) -> bytes:
    """Half a second of room, one of a loud voice, three quarters of hangover."""
    chance = np.random.default_rng(1)
    voice = 0.1 * chance.standard_normal(SAMPLES_PER_S)
    wave = np.concatenate([np.zeros(8000), voice, np.zeros(12_000)])
    wave = wave + noise * chance.standard_normal(len(wave))
    return bytes(np.clip(wave * 32767, -32768, 32767).astype("<i2"))


@pytest.mark.parametrize(("noise", "snr_db"), [(0.001, 40.0), (0.01, 20.0), (0.03, 10.5)])
def test_the_ratio_and_the_voice_are_found(noise: float, snr_db: float) -> None:
    sound = measured(turn(noise))
    assert sound.snr_db == pytest.approx(snr_db, abs=2.0)
    assert sound.is_noisy == (snr_db < 28)
    assert 250 <= sound.start_ms <= 500
    assert 1500 <= sound.end / 32 <= 1750


def test_what_is_too_short_or_has_no_voice_is_left_whole() -> None:
    assert not measured(b"").is_noisy
    assert not measured(bytes(3200)).is_noisy
    silence = measured(bytes(32_000))
    assert (silence.start, silence.end) == (0, 32_000)


def test_suppression_keeps_the_length_and_turns_the_noise_down() -> None:
    noisy = turn(0.01)[:-2]  # not a whole step of the library
    clean = suppressed(noisy)
    assert len(clean) == len(noisy)
    tail = slice(-6400, None)
    before, after = (np.frombuffer(pcm[tail], "<i2").astype(float).std() for pcm in (noisy, clean))
    assert after < before / 2


def test_what_is_switched_off_crosses_to_the_process() -> None:
    for tuning in (EarTuning(), EarTuning(has_transform=False), EarTuning(suppresses_noise=False)):
        assert EarTuning.from_arguments(tuning.arguments()) == tuning


def test_voices_around_the_speech_are_no_part_of_it() -> None:
    """Their level goes up and down by 15 dB, so that their peaks are far above their floor."""
    chance = np.random.default_rng(2)
    around = 0.006 * (1 + 0.9 * np.sin(np.arange(45_000) / 900)) * chance.standard_normal(45_000)
    around[12_000:28_000] += 0.08 * chance.standard_normal(16_000)
    sound = measured(bytes(np.round(around * 32767).astype("<i2")))
    assert 500 <= sound.start_ms <= 760
    assert 1740 <= sound.end / 32 <= 2000


def test_what_is_no_louder_than_the_rims_is_turned_down_and_the_voice_is_not() -> None:
    noisy = turn(0.01)
    quiet = gated(noisy, measured(noisy))
    assert len(quiet) == len(noisy)

    def level(pcm: bytes, start_s: float, end_s: float) -> float:
        samples = np.frombuffer(pcm, "<i2")[int(start_s * 16_000) : int(end_s * 16_000)]
        return float(20 * np.log10(samples.astype(float).std()))

    assert level(noisy, 1.7, 2.1) - level(quiet, 1.7, 2.1) > 10
    assert abs(level(noisy, 0.6, 1.4) - level(quiet, 0.6, 1.4)) < 0.5
    assert gated(b"\x01\x00" * 100, measured(b"")) == b"\x01\x00" * 100
