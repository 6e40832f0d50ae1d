"""Keys that are heard in the audio are found, and speech is no key."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from tests.fakes.voices import voiced

from trunkline.audio.g711 import pcm_to_ulaw, ulaw_to_pcm
from trunkline.audio.key_tones import (
    HIGH_HZ,
    LOW_HZ,
    KeyListener,
    is_key_tone,
    without_key_tones,
)


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


def told(pcm: bytes, rate_hz: int = 8000) -> str:
    listener, size = KeyListener(rate_hz), rate_hz // 25
    return "".join(listener.hear(pcm[at : at + size]) for at in range(0, len(pcm), size))


@pytest.mark.parametrize("rate_hz", [8000, 24000])
def test_a_listener_tells_each_press_once(rate_hz: int) -> None:
    gap = bytes(2 * 60 * rate_hz // 1000)
    one, five = pair(697, 1209, 90, rate_hz), pair(770, 1336, 70, rate_hz)
    hash_key = pair(941, 1477, 500, rate_hz)
    assert told(gap + one + gap + one + gap + five + hash_key + gap, rate_hz) == "115#"


def test_a_click_of_a_tone_and_a_gap_within_a_press_are_no_presses() -> None:
    assert told(pair(697, 1209, 20, 8000) + bytes(640)) == ""
    assert told(pair(697, 1209, 80, 8000) + bytes(320) + pair(697, 1209, 80, 8000)) == "1"


def test_a_key_is_heard_through_g711_and_noise() -> None:
    noise = np.random.default_rng(4).normal(0, 200, 8000)
    keys = bytes(1600) + pair(852, 1477, 100, 8000, 2000) + bytes(1600)
    samples = np.frombuffer(keys, "<i2") + noise[: len(keys) // 2]
    assert told(ulaw_to_pcm(pcm_to_ulaw(samples.astype("<i2").tobytes()))) == "9"


def test_nobody_talks_a_key() -> None:
    """Voices of many pitches for ten minutes in all, and music of the keypad's single tones."""
    rng = np.random.default_rng(7)
    for _ in range(60):
        at = np.arange(80_000) / 8000
        pitch = rng.uniform(80, 300) * (1 + 0.05 * np.sin(2 * np.pi * rng.uniform(2, 6) * at))
        phase = 2 * np.pi * np.cumsum(pitch) / 8000
        formants = rng.uniform((300, 900), (900, 2200))
        voice = np.zeros(at.size)
        for harmonic in range(1, 14):
            near = np.exp(-((harmonic * pitch[:, None] - formants) ** 2) / 2e4).sum(axis=1)
            voice += near * np.sin(harmonic * phase)
        loud = 6000 * voice / np.abs(voice).max()
        assert told(loud.astype("<i2").tobytes()) == ""
