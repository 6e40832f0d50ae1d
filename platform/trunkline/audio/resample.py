"""A streaming resampler between 8, 16, 24 and 48 kHz: polyphase FIR, filter state kept, 2 ms lag.

A Kaiser-windowed low-pass of 33 taps at the lower rate, split into its phases; each phase is one
correlation in C. PyAV costs the same per 20 ms frame but makes frame objects and hides its lag.
"""

from __future__ import annotations

from functools import lru_cache
from math import gcd
from typing import Final

import numpy as np
import numpy.typing as npt

RATES_HZ: Final = (8000, 16000, 24000, 48000)
_HALF_TAPS: Final = 16  # each side, in samples of the lower rate: 2 ms at 8 kHz
_CUTOFF: Final = 0.93  # of the lower rate's half
_BETA: Final = 6.5  # about 65 dB of stop band

Taps = npt.NDArray[np.float32]


@lru_cache
def _design(up: int, down: int) -> tuple[Taps, int]:
    """The low-pass at rate ``from * up`` and its delay in samples of that rate."""
    half = _HALF_TAPS * max(up, down)
    at = np.arange(-half, half + 1)
    width = _CUTOFF / max(up, down)
    taps = np.sinc(at * width) * np.kaiser(2 * half + 1, _BETA)
    taps *= up / taps.sum()
    return taps.astype(np.float32), half


class Resampler:
    """Feed PCM16, take PCM16; equal rates pass through untouched.

    The output begins with the first input sample (the filter's delay is skipped) and holds back the
    last 2 ms until more comes or ``flush`` is called, so durations are exact.
    """

    def __init__(self, from_hz: int, to_hz: int) -> None:
        if from_hz not in RATES_HZ or to_hz not in RATES_HZ:
            raise ValueError(f"rates are {RATES_HZ} Hz, not {from_hz} to {to_hz}")
        self.from_hz, self.to_hz = from_hz, to_hz
        divisor = gcd(from_hz, to_hz)
        self._up, self._down = to_hz // divisor, from_hz // divisor
        self._is_idle = from_hz == to_hz
        taps, self._half = _design(self._up, self._down)
        # phases[p] holds taps p, p + up, ...: what output samples of that phase weigh inputs with.
        self._phases = [taps[phase :: self._up] for phase in range(self._up)]
        self._longest = max(len(phase) for phase in self._phases)
        self.reset()

    def reset(self) -> None:
        """Forget the stream: the next sample is a first one."""
        self._kept: Taps = np.zeros(self._longest - 1, dtype=np.float32)
        self._kept_at = 1 - self._longest  # input position of kept[0]
        self._next_out = 0  # output samples written
        self._fed = 0  # input samples taken

    def feed(self, pcm: bytes) -> bytes:
        """Whole samples in, what can be computed now out."""
        if self._is_idle:
            return pcm
        samples = np.frombuffer(pcm, dtype="<i2").astype(np.float32)
        self._fed += len(samples)
        return self._run(np.concatenate((self._kept, samples)), self._computable())

    def flush(self) -> bytes:
        """The rest, as if silence followed; afterwards the stream begins anew."""
        if self._is_idle:
            return b""
        tail = np.zeros(self._longest + self._down, dtype=np.float32)
        end = -(-self._fed * self._up // self._down)
        rest = self._run(np.concatenate((self._kept, tail)), end)
        self.reset()
        return rest

    def _computable(self) -> int:
        """Output samples whose newest input is there: (n * down + half) // up < fed."""
        return max(-(-(self._fed * self._up - self._half) // self._down), self._next_out)

    def _run(self, joined: Taps, end: int) -> bytes:
        start, count = self._next_out, end - self._next_out
        if count <= 0:
            self._kept = joined
            return b""
        up, down, half = self._up, self._down, self._half
        result = np.empty(count, dtype=np.float32)
        for offset in range(min(up, count)):
            at = (start + offset) * down + half
            taps = self._phases[at % up]
            newest = at // up - self._kept_at  # index into joined
            wanted = (count - offset + up - 1) // up
            first = newest - len(taps) + 1
            last = newest + (wanted - 1) * down + 1
            # Outputs of one phase lie `down` inputs apart; correlate all and keep every `down`-th.
            result[offset::up] = np.convolve(joined[first:last], taps, mode="valid")[::down]
        self._next_out = end
        oldest = (end * down + half) // up - (self._longest - 1) - self._kept_at
        self._kept = joined[oldest:].copy()
        self._kept_at += oldest
        return np.clip(np.rint(result), -32768, 32767).astype("<i2").tobytes()


def resampled(pcm: bytes, from_hz: int, to_hz: int) -> bytes:
    """A whole utterance at another rate."""
    if from_hz == to_hz:
        return pcm
    resampler = Resampler(from_hz, to_hz)
    return resampler.feed(pcm) + resampler.flush()
