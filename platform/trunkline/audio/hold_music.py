"""Music on hold: a slow arpeggio made here, so that there is nothing to license and to load.

Sixteen seconds that join into a loop: an F major ninth and its neighbours, one soft plucked note
every half second, below 1.6 kHz so that a G.711 line carries it whole.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np

LOOP_S: Final = 16.0
LEVEL_DBFS: Final = -28.0
"""Well below speech, which lies about -20 dBFS: a line said over it must not be shouted."""

_NOTE_S: Final = 0.5
_DECAY_S: Final = 1.4
# MIDI notes, four chords of eight: Fmaj9, Dm9, Bbmaj9, C9sus.
_NOTES: Final = (
    (53, 57, 60, 64, 67, 64, 60, 57),
    (50, 57, 60, 64, 65, 64, 60, 57),
    (46, 53, 57, 60, 65, 60, 57, 53),
    (48, 55, 58, 62, 65, 62, 58, 55),
)
_PARTIALS: Final = ((1, 1.0), (2, 0.35), (3, 0.12))


@lru_cache(maxsize=4)
def hold_music(rate_hz: int) -> bytes:
    """The loop as PCM16 at ``rate_hz``; made once (some 20 ms), then shared."""
    total = round(LOOP_S * rate_hz)
    wave = np.zeros(total)
    length = round(_DECAY_S * rate_hz)
    at = np.arange(length) / rate_hz
    attack = np.minimum(at / 0.012, 1.0)
    envelope = attack * np.exp(-3.2 * at / _DECAY_S) * np.minimum((_DECAY_S - at) / 0.05, 1.0)
    notes = [note for chord in _NOTES for note in chord]
    for number, note in enumerate(notes):
        pitch = 440.0 * 2 ** ((note - 69) / 12)
        tone = sum(gain * np.sin(2 * np.pi * pitch * n * at) for n, gain in _PARTIALS)
        start = round(number * _NOTE_S * rate_hz)
        # A note that outlasts the end sounds on at the beginning: the loop has no seam.
        np.add.at(wave, (start + np.arange(length)) % total, tone * envelope)
    wave *= 10 ** (LEVEL_DBFS / 20) * 32768 / np.sqrt(np.mean(wave**2))
    return bytes(np.clip(np.rint(wave), -32768, 32767).astype("<i2").tobytes())


class Tune:
    """The loop, from wherever it was left."""

    def __init__(self, rate_hz: int) -> None:
        self._loop = hold_music(rate_hz)
        self._rate_hz = rate_hz
        self._at = 0

    def next(self, ms: int) -> bytes:
        """So many milliseconds more of it."""
        wanted = 2 * (ms * self._rate_hz // 1000)
        piece = bytearray()
        while len(piece) < wanted:
            part = self._loop[self._at : self._at + wanted - len(piece)]
            piece += part
            self._at = (self._at + len(part)) % len(self._loop)
        return bytes(piece)
