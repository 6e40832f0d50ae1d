"""Single tones on a line: an answering machine's beep, and the three tones of an intercept.

A sine is fitted to every 60 ms: what it leaves unexplained tells a beep from a voice, a chord, a
DTMF pair and a ringback of two tones. A beep is such a tone that stands still for 100 ms to 2 s and
is followed by quiet. Pure; some 60 µs a frame.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from trunkline.audio.pcm import level_dbfs, samples_of
from trunkline.audio.vad import Decimator

LOWEST_HZ: Final = 400.0
HIGHEST_HZ: Final = 2000.0
SHORTEST_BEEP_MS: Final = 100
LONGEST_BEEP_MS: Final = 2000

_RATE_HZ: Final = 8000
_FRAME_MS: Final = 20
_WINDOW: Final = 480  # 60 ms
_PUREST: Final = 0.8  # of the energy is the sine's: 6 dB over noise in the same band
_FAINTEST_DBFS: Final = -42.0
_STILL: Final = 0.015  # of its frequency, from window to window
_QUIET_DB: Final = 8.0  # below the tone
_FLAT_DB: Final = 6.0  # a plucked string is pure too, but dies away
_QUIET_MS: Final = 80
# Ringing and busy in most of Europe (ITU-T E.180): a PBX that plays it after the answer is no beep.
_CADENCE_HZ: Final = (415.0, 435.0)
# The second and third of the special information tones, low and high (ITU-T E.180, Q.35).
_SIT_SECOND_HZ: Final = (1340.0, 1460.0)
_SIT_THIRD_HZ: Final = (1740.0, 1810.0)


@dataclass(frozen=True, slots=True)
class Tone:
    """``at_ms``: its beginning in the time of the frames fed; a flat one does not die away."""

    hz: float
    at_ms: int
    length_ms: int
    level_dbfs: float
    is_flat: bool = True


class ToneFinder:
    """``feed`` 20 ms frames at 8 or 24 kHz; ``beeped_ms`` and ``is_intercept`` tell what came."""

    def __init__(self, rate_hz: int) -> None:
        if rate_hz not in (8000, 24000):
            raise ValueError("tones are looked for at 8 or 24 kHz")
        self._decimator = Decimator() if rate_hz == 24000 else None
        self._window: npt.NDArray[np.float64] = np.zeros(_WINDOW)
        self._now_ms = 0
        self._open: Tone | None = None
        self._ended: Tone | None = None  # waits for the quiet behind it
        self._quiet_ms = 0
        self._recent: deque[Tone] = deque(maxlen=3)
        self.beep: Tone | None = None
        self.is_intercept = False

    @property
    def is_tone(self) -> bool:
        """What was fed last belongs to a single tone."""
        return self._open is not None

    def feed(self, frame: bytes) -> bool:
        """True when a beep has just been found, with the quiet behind it."""
        heard = samples_of(frame)
        if self._decimator is not None:
            heard = self._decimator.feed(heard)
        self._now_ms += _FRAME_MS
        self._window = np.concatenate((self._window[heard.size :], heard.astype(np.float64)))
        level = level_dbfs(heard)
        hz = _single_tone(self._window) if level > _FAINTEST_DBFS else 0.0
        self._follow(hz, level)
        return self._is_behind_beep(level)

    def _follow(self, hz: float, level: float) -> None:
        tone = self._open
        if tone is not None and hz and abs(hz - tone.hz) <= _STILL * tone.hz:
            loudest = max(level, tone.level_dbfs)
            is_flat = tone.is_flat and level > loudest - _FLAT_DB
            self._open = Tone(tone.hz, tone.at_ms, self._now_ms - tone.at_ms, loudest, is_flat)
            return
        if tone is not None:
            self._close(tone)
        # A window is pure only when all of it is: the tone began two frames before this one.
        self._open = Tone(hz, self._now_ms - 60, 60, level) if hz else None

    def _close(self, tone: Tone) -> None:
        if tone.length_ms >= SHORTEST_BEEP_MS:
            self._recent.append(tone)
            self._ended, self._quiet_ms = tone, 0
            self.is_intercept = self.is_intercept or _is_intercept(self._recent)

    def _is_behind_beep(self, level: float) -> bool:
        tone = self._ended
        if tone is None or self._open is not None:
            if self._open is not None:
                self._ended = None  # another tone follows: a tune, or an intercept
            return False
        if level > tone.level_dbfs - _QUIET_DB:
            if self._now_ms - tone.at_ms - tone.length_ms > 3 * _FRAME_MS:
                self._ended = None  # something else follows: a voice, music
            self._quiet_ms = 0
            return False
        self._quiet_ms += _FRAME_MS
        if self._quiet_ms < _QUIET_MS:
            return False
        self._ended = None
        if self.is_intercept or not _is_beep(tone):
            return False
        self.beep = tone
        return True


def _is_beep(tone: Tone) -> bool:
    is_cadence = _CADENCE_HZ[0] <= tone.hz <= _CADENCE_HZ[1]
    return tone.is_flat and tone.length_ms <= LONGEST_BEEP_MS and not is_cadence


def _is_intercept(tones: deque[Tone]) -> bool:
    """The second and the third of the three, the one right behind the other."""
    if len(tones) < 2:
        return False
    second, third = tones[-2], tones[-1]
    gap_ms = third.at_ms - second.at_ms - second.length_ms
    return (
        _SIT_SECOND_HZ[0] <= second.hz <= _SIT_SECOND_HZ[1]
        and _SIT_THIRD_HZ[0] <= third.hz <= _SIT_THIRD_HZ[1]
        and gap_ms < 100
    )


_HANN: Final = np.hanning(_WINDOW)
_AT: Final = np.arange(_WINDOW) / _RATE_HZ


def _single_tone(window: npt.NDArray[np.float64]) -> float:
    """The frequency of the sine that the window is, 0 when it is none."""
    spectrum = np.abs(np.fft.rfft(window * _HANN))
    peak = int(spectrum.argmax())
    if not 1 <= peak < len(spectrum) - 1:
        return 0.0
    left, middle, right = np.log(spectrum[peak - 1 : peak + 2] + 1e-9)
    bend = left - 2 * middle + right
    offset = 0.5 * (left - right) / bend if bend else 0.0
    hz = (peak + offset) * _RATE_HZ / _WINDOW
    if not LOWEST_HZ <= hz <= HIGHEST_HZ:
        return 0.0
    turn = 2 * np.pi * hz * _AT
    cosine, sine = np.cos(turn), np.sin(turn)
    centred = window - window.mean()
    total = float(centred @ centred)
    fitted = 2.0 / _WINDOW * (float(centred @ cosine) ** 2 + float(centred @ sine) ** 2)
    return float(hz) if total > 0 and fitted / total >= _PUREST else 0.0
