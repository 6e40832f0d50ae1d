"""Caller audio for tests: silence, tones, and a voice that the detector takes for speech.

``voiced`` is a 120 Hz pulse train through three formants, swelling four times a second: webrtcvad
mode 3 accepts 95 % of its frames at either rate. Made once per length; deterministic.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

_FORMANTS = ((600.0, 90.0), (1150.0, 110.0), (2500.0, 160.0))


@lru_cache(maxsize=64)
def voiced(ms: int, rate_hz: int = 8000, level_dbfs: float = -20.0) -> bytes:
    """PCM16 of ``ms`` milliseconds of a voice."""
    count = rate_hz * ms // 1000
    noise = np.random.default_rng(7)
    source = np.zeros(count)
    at = 0.0
    while at < count:
        source[int(at)] = 1.0
        at += rate_hz / (120.0 * (1.0 + 0.03 * np.sin(at / rate_hz * 9.0)))
    source += 0.02 * noise.standard_normal(count)
    wave = np.zeros(count)
    for frequency, width in _FORMANTS:
        radius = np.exp(-np.pi * width / rate_hz)
        turn = 2 * radius * np.cos(2 * np.pi * frequency / rate_hz)
        one = two = 0.0
        out = np.empty(count)
        for n in range(count):
            value = source[n] + turn * one - radius * radius * two
            two, one = one, value
            out[n] = value
        wave += out
    wave *= 0.75 + 0.25 * np.sin(2 * np.pi * 4.0 * np.arange(count) / rate_hz)
    wave *= 10 ** (level_dbfs / 20) * 32768 / np.sqrt(np.mean(wave**2) + 1e-12)
    return bytes(np.clip(np.rint(wave), -32768, 32767).astype("<i2").tobytes())


def quiet(ms: int, rate_hz: int = 8000) -> bytes:
    return bytes(rate_hz * ms // 1000 * 2)


def tone(ms: int, *hz: float, rate_hz: int = 8000, level_dbfs: float = -16.0) -> bytes:
    """A sum of sines of equal strength: a test tone, or a DTMF pair."""
    at = np.arange(rate_hz * ms // 1000) / rate_hz
    wave = sum(np.sin(2 * np.pi * one * at) for one in hz)
    wave = np.asarray(wave) * 10 ** (level_dbfs / 20) * 32768 / np.sqrt(len(hz) / 2)
    return bytes(np.clip(np.rint(wave), -32768, 32767).astype("<i2").tobytes())
