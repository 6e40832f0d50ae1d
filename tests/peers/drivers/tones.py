"""Audio proven by tones: each side sends its own frequency, the other finds it by FFT."""

from __future__ import annotations

import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.int16]


def tone(frequency_hz: float, sample_rate_hz: int, seconds: float, peak: int = 8000) -> bytes:
    """A sine as PCM16."""
    at = np.arange(int(sample_rate_hz * seconds)) / sample_rate_hz
    return (peak * np.sin(2 * np.pi * frequency_hz * at)).astype("<i2").tobytes()


@dataclass(frozen=True, slots=True)
class Spectrum:
    """``purity``: the share of all energy that lies within a few bins of the peak."""

    peak_hz: float
    purity: float
    rms: float

    def is_tone(self, frequency_hz: float) -> bool:
        return abs(self.peak_hz - frequency_hz) < 5 and self.purity > 0.95 and self.rms > 500


def spectrum(pcm: bytes | Samples, sample_rate_hz: int) -> Spectrum:
    """Of the middle half, so that beginnings and ends do not count."""
    samples = np.frombuffer(pcm, "<i2") if isinstance(pcm, bytes) else pcm
    middle = samples[len(samples) // 4 : -len(samples) // 4 or None].astype(float)
    if len(middle) < sample_rate_hz // 10:
        return Spectrum(0.0, 0.0, 0.0)
    power = np.abs(np.fft.rfft(middle * np.hanning(len(middle)))) ** 2
    peak = int(power.argmax())
    near = power[max(0, peak - 4) : peak + 5].sum()
    return Spectrum(
        peak_hz=float(np.fft.rfftfreq(len(middle), 1 / sample_rate_hz)[peak]),
        purity=float(near / max(power.sum(), 1e-9)),
        rms=float(np.sqrt((middle**2).mean())),
    )


def write_wav(path: Path, pcm: bytes, sample_rate_hz: int) -> Path:
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(sample_rate_hz)
        out.writeframes(pcm)
    return path


def read_wav(path: Path) -> tuple[Samples, int]:
    """The first channel and the rate. A header whose length was never filled in is mended."""
    raw = path.read_bytes()
    start = raw.index(b"data") + 8
    channels = int.from_bytes(raw[22:24], "little")
    rate = int.from_bytes(raw[24:28], "little")
    body = raw[start : len(raw) - (len(raw) - start) % (2 * channels)]
    return np.frombuffer(body, "<i2")[::channels], rate
