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


_KEYS: Final = ("123A", "456B", "789C", "*0#D")
# Stricter than ``is_key_tone``, which only mutes: a key must be 40 ms long (ITU-T Q.24), nearly all
# there is on the line, and each tone stand 9 dB above the others of its group.
_FRAMES_ON: Final = 2
_FRAMES_OFF: Final = 2
_PUREST_KEY: Final = 0.8
_ABOVE_OTHERS: Final = 8.0


def key_of(frame: bytes, rate_hz: int) -> str:
    """The key that 20 ms of PCM16 hold, or nothing."""
    if not is_key_tone(frame, rate_hz):
        return ""
    samples = samples_of(frame).astype(np.float64)
    power = np.abs(_waves(samples.size, rate_hz) @ samples) ** 2 * 2 / samples.size
    low, high = int(power[:4].argmax()), int(power[4:].argmax())
    for group, best in ((power[:4], low), (power[4:], high)):
        others = np.delete(group, best)
        if float(others.max()) * _ABOVE_OTHERS > float(group[best]):
            return ""
    is_pure = (power[low] + power[4 + high]) / float(samples @ samples) >= _PUREST_KEY
    return _KEYS[low][high] if is_pure else ""


class KeyListener:
    """Tells each key once, when it has sounded for 40 ms; it ends with 40 ms without it."""

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._now = ""  # the key that is held
        self._next = ""
        self._frames = 0  # of ``_next`` in a row

    def hear(self, frame: bytes) -> str:
        """The key that is pressed with this frame, or nothing."""
        found = key_of(frame, self._rate_hz)
        if found == self._now:
            self._next, self._frames = "", 0
            return ""
        self._frames = self._frames + 1 if found == self._next else 1
        self._next = found
        if self._frames < (_FRAMES_ON if found else _FRAMES_OFF):
            return ""
        self._now, self._next, self._frames = found, "", 0
        return found


def without_key_tones(pcm: bytes, frame_bytes: int, rate_hz: int) -> bytes:
    """Frames that hold a key are silent; the others are as they were."""
    kept = bytearray(pcm)
    for at in range(0, len(pcm), frame_bytes):
        frame = pcm[at : at + frame_bytes]
        if is_key_tone(frame, rate_hz):
            kept[at : at + frame_bytes] = bytes(len(frame))
    return bytes(kept)
