"""Keys that are heard in the audio are found, and speech is no key."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from tests.fakes.voices import voiced

from trunkline.audio.key_tones import HIGH_HZ, LOW_HZ, is_key_tone, without_key_tones


def pair(low: float, high: float, ms: int, rate_hz: int, level: float = 4096.0) -> bytes:
    at = np.arange(ms * rate_hz // 1000) / rate_hz
    tones = np.sin(2 * np.pi * low * at) + np.sin(2 * np.pi * high * at + 1)
    return bytes((tones * level).astype("<i2").tobytes())


@pytest.mark.parametrize("rate_hz", [8000, 24000])
@pytest.mark.parametrize("level", [200.0, 8000.0])
def test_every_key_is_found_loud_and_soft(rate_hz: int, level: float) -> None:
    for low, high in itertools.product(LOW_HZ, HIGH_HZ):
        assert is_key_tone(pair(low, high, 20, rate_hz, level), rate_hz)


def test_a_key_is_found_in_the_noise_of_a_line() -> None:
    noise = np.random.default_rng(4).normal(0, 300, 160)
    samples = np.frombuffer(pair(770, 1336, 20, 8000), "<i2") + noise
    assert is_key_tone(samples.astype("<i2").tobytes(), 8000)


def test_speech_single_tones_and_silence_are_no_keys() -> None:
    speech = voiced(2000)
    frames = [speech[at : at + 320] for at in range(0, len(speech), 320)]
    assert sum(is_key_tone(frame, 8000) for frame in frames) == 0
    assert not is_key_tone(bytes(320), 8000)
    at = np.arange(160) / 8000
    assert not is_key_tone((8000 * np.sin(2 * np.pi * 770 * at)).astype("<i2").tobytes(), 8000)


def test_only_the_frames_of_a_key_are_silenced() -> None:
    speech = voiced(100)
    kept = without_key_tones(speech + pair(697, 1209, 60, 8000) + speech, 320, 8000)
    assert kept == speech + bytes(3 * 320) + speech
