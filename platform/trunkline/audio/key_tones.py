"""Keys in the sound of a line: the pairs of tones that ITU-T Q.23 gives to digits. Pure numpy.

A trunk that sends keys as events (RFC 4733) may leave their tones in the audio all the same.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from trunkline.audio.pcm import samples_of

LOW_HZ: Final = (697.0, 770.0, 852.0, 941.0)
HIGH_HZ: Final = (1209.0, 1336.0, 1477.0, 1633.0)
_FAINTEST: Final = 60.0  # RMS of a frame, about -55 dBFS
_PUREST: Final = 0.6  # of the frame's energy in one low and one high tone
_TWIST: Final = 16.0  # between the energies of the two: 12 dB


@lru_cache(maxsize=8)
def _waves(samples: int, rate_hz: int) -> npt.NDArray[np.complex128]:
    at = np.arange(samples) / rate_hz
    waves = [np.exp(-2j * np.pi * hz * at) for hz in (*LOW_HZ, *HIGH_HZ)]
    return np.array(waves)


def is_key_tone(frame: bytes, rate_hz: int) -> bool:
    """Whether 20 ms of PCM16 are mostly one low and one high tone of the keypad."""
    samples = samples_of(frame).astype(np.float64)
    energy = float(samples @ samples)
    if not samples.size or energy < _FAINTEST**2 * samples.size:
        return False
    # A sine of amplitude a has a correlation of a n / 2 and an energy of a² n / 2.
    power = np.abs(_waves(samples.size, rate_hz) @ samples) ** 2 * 2 / samples.size
    low, high = float(power[:4].max()), float(power[4:].max())
    is_balanced = high > 0 and 1 / _TWIST < low / high < _TWIST
    return is_balanced and (low + high) / energy >= _PUREST


def without_key_tones(pcm: bytes, frame_bytes: int, rate_hz: int) -> bytes:
    """Frames that hold a key are silent; the others are as they were."""
    kept = bytearray(pcm)
    for at in range(0, len(pcm), frame_bytes):
        frame = pcm[at : at + frame_bytes]
        if is_key_tone(frame, rate_hz):
            kept[at : at + frame_bytes] = bytes(len(frame))
    return bytes(kept)
