"""The edge's own speech detector: webrtcvad behind the speech gate, one verdict every 20 ms.

Measured onset over the telephone band: 80 ms (p90 140) for 3 of 5, 60 ms (p90 105) with sudden
voices; 200 ms (p90 260) for 9 of 12; about 10 µs a frame.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import webrtcvad

from trunkline.audio.pcm import Samples, level_dbfs, samples_of
from trunkline.audio.speech_gate import (
    GATE_FRAME_MS,
    GATE_FRAME_SAMPLES,
    GATE_RATE_HZ,
    Debounce,
    SpeechGate,
)
from trunkline.domain.audio import AudioFormat

_AGGRESSIVENESS: Final = 3
_TALKING_FRAMES: Final = 10  # a caller who spoke this recently is not taken for echo


class FrameVerdict(NamedTuple):
    """What one frame of the caller was.

    ``is_speech``: this frame alone, gated; ``is_onset``: 3 of the last 5, or a sudden voice;
    ``is_confirmed``: 9 of the last 12.
    """

    is_speech: bool
    is_onset: bool
    is_confirmed: bool
    level_dbfs: float


class Decimator:
    """24 to 8 kHz with a 31-tap low-pass at 3.6 kHz; keeps its filter state between frames."""

    FACTOR: Final = 3
    _TAPS: Final = 31

    def __init__(self) -> None:
        at = np.arange(self._TAPS) - (self._TAPS - 1) / 2
        cutoff = 2 * 3600 / (GATE_RATE_HZ * self.FACTOR)
        taps = np.sinc(cutoff * at) * np.hamming(self._TAPS)
        self._taps: npt.NDArray[np.float32] = (taps / taps.sum()).astype(np.float32)
        self._history = np.zeros(self._TAPS - 1, dtype=np.float32)

    def feed(self, frame: Samples) -> Samples:
        """One third as many samples; the frame's length is a multiple of three."""
        joined = np.concatenate((self._history, frame.astype(np.float32)))
        self._history = joined[-(self._TAPS - 1) :]
        kept = np.convolve(joined, self._taps, mode="valid")[:: self.FACTOR]
        return np.clip(np.rint(kept), -32768, 32767).astype("<i2")


class SuddenVoice:
    """Two frames of speech in a row, far above the line's floor and smooth: a vowel, no click.

    It spares a barge-in the third frame. Measured on 192 interruptions in eight voices, and on
    seventy key clicks a minute: with any crest six of them passed
    (20 dB above the floor), below 12 dB two.
    """

    ABOVE_FLOOR_DB: Final = 12.0
    MOST_CREST_DB: Final = 12.0  # peak over RMS

    def __init__(self) -> None:
        self._was = False

    def update(self, frame: Samples, level: float, floor: float, *, is_speech: bool) -> bool:
        """``frame``: 160 samples at 8 kHz; ``level`` and ``floor`` in dBFS; tones are no speech."""
        is_vowel = False
        if is_speech and level > floor + self.ABOVE_FLOOR_DB:
            peak = float(np.abs(frame.astype(np.int32)).max())
            crest = 20 * math.log10(peak / 32768) - level
            is_vowel = crest < self.MOST_CREST_DB
        was, self._was = self._was, is_vowel
        return was and is_vowel

    def reset(self) -> None:
        self._was = False


class EdgeVad:
    """Hears both sides of a leg at 8 or 24 kHz, so that echo is not taken for a caller."""

    def __init__(self, format: AudioFormat) -> None:
        if format.ptime_ms != GATE_FRAME_MS or format.sample_rate_hz not in (8000, 24000):
            raise ValueError("the detector hears 20 ms frames at 8 or 24 kHz")
        self._decimator = Decimator() if format.sample_rate_hz == 24000 else None
        self._vad = webrtcvad.Vad(_AGGRESSIVENESS)
        self._onset = Debounce(3, 5)
        self._sudden = SuddenVoice()
        self._confirmed = Debounce(9, 12)
        self.gate = SpeechGate()
        self._quiet_for = _TALKING_FRAMES

    @property
    def is_echo(self) -> bool:
        """The last frame is taken for the agent's echo, and nobody has spoken for 200 ms.

        Who listens behind a long line (a recogniser, a server's own detector) does not know what
        the agent says, and takes such a frame for the caller's.
        """
        return self.gate.is_echo and self._quiet_for >= _TALKING_FRAMES

    def feed(self, caller: bytes, agent: bytes) -> FrameVerdict:
        """One frame of each side, of the same tick."""
        heard = samples_of(caller)
        if self._decimator is not None:
            heard = self._decimator.feed(heard)
            caller = heard.tobytes()
        if heard.size != GATE_FRAME_SAMPLES:
            raise ValueError("feed one whole frame of each side")
        is_voice = bool(self._vad.is_speech(caller, GATE_RATE_HZ))
        is_speech = self.gate.admits(heard, is_voice, agent_dbfs=level_dbfs(samples_of(agent)))
        self._quiet_for = 0 if is_speech else self._quiet_for + 1
        level, floor = self.gate.level_dbfs, self.gate.floor.floor_dbfs
        is_voiced = is_speech and not self.gate.may_be_tone
        is_sudden = self._sudden.update(heard, level, floor, is_speech=is_voiced)
        is_onset = self._onset.update(is_speech) or is_sudden
        return FrameVerdict(is_speech, is_onset, self._confirmed.update(is_speech), level)

    def forget(self) -> None:
        """Start the two windows anew (after hold); what was learned of the line stays."""
        self._onset.reset()
        self._sudden.reset()
        self._confirmed.reset()
