"""Arithmetic on int16 mono PCM: levels, gain, mixing, fades, two channels."""

from __future__ import annotations

from math import log10
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from trunkline.domain.audio import SAMPLE_WIDTH_BYTES

Samples: TypeAlias = npt.NDArray[np.int16]

SILENCE_DBFS: Final = -90.0

_FULL_SCALE_POWER: Final = 32768.0**2
_HUSH_PEAK: Final = 16  # a line that is open, and nothing on it


def samples_of(pcm: bytes | bytearray | memoryview) -> Samples:
    """A view of little-endian int16 samples; nothing is copied."""
    return np.frombuffer(pcm, dtype="<i2")


def level_dbfs(frame: Samples) -> float:
    """RMS level against full scale; SILENCE_DBFS for digital silence and for no samples."""
    if frame.size == 0:
        return SILENCE_DBFS
    wide = frame.astype(np.float32)
    power = float(wide.dot(wide)) / (frame.size * _FULL_SCALE_POWER)
    return 10.0 * log10(power) if power > 1e-9 else SILENCE_DBFS


def silence(samples: int) -> bytes:
    return bytes(samples * SAMPLE_WIDTH_BYTES)


def gain(pcm: bytes, db: float) -> bytes:
    """Louder or softer by ``db``; what does not fit is clipped, never wrapped."""
    return _clipped(samples_of(pcm).astype(np.float32) * 10.0 ** (db / 20.0))


def mix(first: bytes, second: bytes) -> bytes:
    """The sum, clipped; the shorter one is followed by silence."""
    longer, shorter = sorted((samples_of(first), samples_of(second)), key=len, reverse=True)
    total = longer.astype(np.float32)
    total[: len(shorter)] += shorter
    return _clipped(total)


def fade(pcm: bytes, samples: int, *, out: bool) -> bytes:
    """A linear fade in over the first ``samples``, or out over the last."""
    wide = samples_of(pcm).astype(np.float32)
    count = min(samples, len(wide))
    if count == 0:
        return pcm
    ramp = np.arange(1, count + 1, dtype=np.float32) / count
    if out:
        wide[-count:] *= 1.0 - ramp
    else:
        wide[:count] *= ramp
    return _clipped(wide)


def interleave_pairs(pairs: bytes, bytes_per_frame: int) -> bytes:
    """Pairs (a left frame, then a right frame, and so on) as left-right samples."""
    frames = np.frombuffer(pairs, dtype="<i2").reshape(-1, 2, bytes_per_frame // SAMPLE_WIDTH_BYTES)
    return frames.transpose(0, 2, 1).tobytes()


def hushed(block: bytes, channel: int) -> bytes:
    """Left-right samples with comfort noise (about -66 dBFS) in place of one channel."""
    both = samples_of(block).reshape(-1, 2).copy()
    dice = np.random.default_rng(len(both))
    both[:, channel] = dice.integers(-_HUSH_PEAK, _HUSH_PEAK + 1, len(both), dtype=np.int16)
    return both.astype("<i2").tobytes()


def _clipped(wide: npt.NDArray[np.float32]) -> bytes:
    return np.clip(np.rint(wide), -32768, 32767).astype("<i2").tobytes()
