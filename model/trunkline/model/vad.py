"""The server's speech detector: webrtcvad (mode 3, 8 kHz, 20 ms) behind the shared speech gate.

The gate is the edge's too: floor + 8 dB and above -50 dBFS, no DTMF or steady tone. What the agent
said is not known here, so there is no echo to guard against; the endpointing asks for more instead.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import webrtcvad

from trunkline.audio.framer import Framer
from trunkline.audio.pcm import samples_of
from trunkline.audio.resample import Resampler
from trunkline.audio.speech_gate import GATE_FRAME_SAMPLES, GATE_RATE_HZ, SpeechGate

_AGGRESSIVENESS: Final = 3


class VoiceActivity:
    """Feed it PCM16 at 8 or 24 kHz in any split; take one verdict per whole 20 ms frame."""

    def __init__(self, rate_hz: int) -> None:
        self._vad = webrtcvad.Vad(_AGGRESSIVENESS)
        self._gate = SpeechGate()
        self._framer = Framer(GATE_FRAME_SAMPLES * 2)
        self._resampler = Resampler(rate_hz, GATE_RATE_HZ)

    def feed(self, pcm: bytes) -> Iterator[bool]:
        for frame in self._framer.feed(self._resampler.feed(pcm)):
            is_voice = bool(self._vad.is_speech(frame, GATE_RATE_HZ))
            yield self._gate.admits(samples_of(frame), is_voice)

    def change_rate(self, rate_hz: int) -> None:
        """The stream goes on at another rate; what was learned of the line stays."""
        if rate_hz != self._resampler.from_hz:
            self._resampler = Resampler(rate_hz, GATE_RATE_HZ)
