"""Noise reduction of a running microphone: a Wiener gain on short spectra, the noise learned by the
minimum of each band's power. Pure.

Frames of 16 ms, half overlapping; every sample that goes in comes out, 16 ms later. The gain
follows the decision-directed a priori SNR of Ephraim and Malah (1984); the noise floor is the
minimum over 0.8 to 1.6 s with a bias, after Martin (2001).
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

FRAME_MS: Final = 16
LAG_MS: Final = FRAME_MS
_SMOOTHING: Final = 0.85  # of a band's power, from hop to hop
_MEMORY: Final = 0.96  # decision-directed
_BIAS: Final = 1.6  # the minimum of a noisy band lies below its mean
_WINDOW_HOPS: Final = 100  # 0.8 s

Spectrum = npt.NDArray[np.float64]


class NoiseReducer:
    """PCM16 in, as much PCM16 out; ``most_db``: how far noise is turned down, at most."""

    def __init__(self, rate_hz: int, most_db: float) -> None:
        self._frame = rate_hz * FRAME_MS // 1000
        self._hop = self._frame // 2
        self._window = np.sqrt(np.hanning(self._frame + 1)[:-1])
        self._least_gain = 10.0 ** (-most_db / 20.0)
        bands = self._frame // 2 + 1
        self._input = np.zeros(0)
        self._tail = np.zeros(self._hop)
        self._ready = np.zeros(self._frame)  # the lag, as silence
        self._power: Spectrum | None = None
        self._lowest: Spectrum = np.full(bands, np.inf)
        self._lowest_before: Spectrum = np.full(bands, np.inf)
        self._clean: Spectrum = np.zeros(bands)
        self._hops = 0

    def feed(self, pcm: bytes) -> bytes:
        """Whole samples; empty in, empty out."""
        samples = np.frombuffer(pcm, dtype="<i2").astype(np.float64)
        self._input = np.concatenate((self._input, samples))
        done = [self._ready]
        at = 0
        while at + self._frame <= len(self._input):
            done.append(self._clean_hop(self._input[at : at + self._frame]))
            at += self._hop
        self._input = self._input[at:]
        joined = np.concatenate(done)
        self._ready = joined[len(samples) :]
        out = joined[: len(samples)]
        return np.clip(np.rint(out), -32768, 32767).astype("<i2").tobytes()

    def _clean_hop(self, frame: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        spectrum = np.fft.rfft(frame * self._window)
        gain = self._gain(spectrum.real**2 + spectrum.imag**2)
        whole = np.fft.irfft(spectrum * gain, self._frame) * self._window
        finished: npt.NDArray[np.float64] = whole[: self._hop] + self._tail
        self._tail = whole[self._hop :]
        return finished

    def _gain(self, power: Spectrum) -> Spectrum:
        noise = self._noise(power)
        posterior = power / noise
        prior = _MEMORY * self._clean / noise + (1 - _MEMORY) * np.maximum(posterior - 1.0, 0.0)
        gain: Spectrum = np.maximum(prior / (1.0 + prior), self._least_gain)
        self._clean = gain * gain * power
        return gain

    def _noise(self, power: Spectrum) -> Spectrum:
        last = power if self._power is None else self._power
        self._power = _SMOOTHING * last + (1 - _SMOOTHING) * power
        self._lowest = np.minimum(self._lowest, self._power)
        self._hops += 1
        if self._hops % _WINDOW_HOPS == 0:
            self._lowest_before, self._lowest = self._lowest, self._power
        return _BIAS * np.minimum(self._lowest, self._lowest_before) + 1.0
