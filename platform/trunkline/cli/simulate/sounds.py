"""What is on a caller's line besides words: noise by kind, a cough, a mumble, the telephone band.

PCM16 as numpy arrays, mono. Everything comes from the generator it is given, so that the same seed
is the same sound, sample by sample.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

Samples: TypeAlias = NDArray[np.int16]
Wave: TypeAlias = NDArray[np.float64]

SPEECH_DBFS: Final = -22.0
"""Level of the caller's voice while it sounds; noise lies ``snr_db`` below."""

NOISE_KINDS: Final = ("white", "pink", "babble", "hum")
NOISE_S: Final = 8.0
"""Length of a noise that is repeated; its end joins on to its beginning."""

_FULL_SCALE: Final = 32768.0
_NARROW_HZ: Final = (300.0, 3400.0)  # ITU-T G.712
_WIDE_HZ: Final = (50.0, 7000.0)  # ITU-T P.341
_COUGH_MS: Final = 260
_JOIN_MS: Final = 100
_ACTIVE: Final = 0.1  # of the peak level: what counts as voice when levels are measured


def as_samples(wave: Wave) -> Samples:
    clipped: Samples = np.clip(np.rint(wave), -32768, 32767).astype("<i2")
    return clipped


def at_level(wave: Wave, dbfs: float) -> Wave:
    """The same sound with its RMS at a level; silence stays silence."""
    rms = float(np.sqrt(np.mean(np.square(wave)))) if wave.size else 0.0
    return wave if rms < 1e-9 else wave * (10 ** (dbfs / 20) * _FULL_SCALE / rms)


def speech_at_level(pcm: Samples, rate_hz: int, dbfs: float = SPEECH_DBFS) -> Samples:
    """Speech with the RMS of what sounds of it at a level, pauses left out of the measure."""
    wave, window = pcm.astype(np.float64), rate_hz // 50
    frames = wave[: wave.size // window * window].reshape(-1, window)
    if not frames.size:
        return pcm
    levels = np.sqrt(np.mean(np.square(frames), axis=1))
    active = levels[levels > _ACTIVE * levels.max()]
    if not active.size or levels.max() < 1:
        return pcm
    gain = 10 ** (dbfs / 20) * _FULL_SCALE / float(np.sqrt(np.mean(np.square(active))))
    return as_samples(wave * gain)


# ---- the telephone -----------------------------------------------------------------------------


def through_telephone(pcm: Samples, rate_hz: int) -> Samples:
    """What a handset leaves of a voice: 300 to 3400 Hz, or 50 to 7000 Hz on a wideband line."""
    if not pcm.size:
        return pcm
    taps = _band_pass(rate_hz)
    return as_samples(np.convolve(pcm.astype(np.float64), taps, mode="same"))


@lru_cache(maxsize=4)
def _band_pass(rate_hz: int) -> Wave:
    """A windowed-sinc band pass; -6 dB at both edges."""
    low, high = _NARROW_HZ if rate_hz <= 8000 else _WIDE_HZ
    half = rate_hz // 100
    at = np.arange(-half, half + 1)
    sinc = [2 * edge / rate_hz * np.sinc(2 * edge / rate_hz * at) for edge in (low, high)]
    return np.asarray((sinc[1] - sinc[0]) * np.hamming(at.size), dtype=np.float64)


# ---- noise -------------------------------------------------------------------------------------


def noise(kind: str, rate_hz: int, dice: np.random.Generator, voices: list[Samples]) -> Wave:
    """``NOISE_S`` of a noise at ``SPEECH_DBFS``, to be scaled; babble is made of ``voices``."""
    count = round(NOISE_S * rate_hz)
    match kind:
        case "pink":
            wave = _pink(count, dice)
        case "hum":
            wave = _hum(count, rate_hz, dice)
        case "babble" if voices:
            wave = _babble(count, dice, voices)
        case _:
            wave = dice.standard_normal(count)
    return at_level(_joined(wave, rate_hz), SPEECH_DBFS)


def _pink(count: int, dice: np.random.Generator) -> Wave:
    """3 dB less with every octave, from 20 Hz up."""
    spectrum = np.fft.rfft(dice.standard_normal(count))
    spectrum /= np.sqrt(np.maximum(np.arange(spectrum.size), 1))
    wave: Wave = np.fft.irfft(spectrum, count)
    return wave


def _hum(count: int, rate_hz: int, dice: np.random.Generator) -> Wave:
    """The mains at 50 Hz with the harmonics a telephone passes."""
    at = np.arange(count) / rate_hz
    wave = np.zeros(count)
    for number in range(1, 24):
        wave += np.sin(2 * np.pi * (50 * number * at + dice.random())) / number
    return wave


def _babble(count: int, dice: np.random.Generator, voices: list[Samples]) -> Wave:
    """Eight talkers at once, each beginning somewhere in its text."""
    wave = np.zeros(count)
    for number in range(8):
        voice = at_level(voices[number % len(voices)].astype(np.float64), SPEECH_DBFS)
        if voice.size:
            rolled = np.roll(voice, int(dice.integers(voice.size)))
            wave += np.resize(rolled, count)
    return wave


def _joined(wave: Wave, rate_hz: int) -> Wave:
    """Its last moments faded into its first, so that it can be repeated."""
    join = rate_hz * _JOIN_MS // 1000
    rising = np.linspace(0, 1, join)
    looped = wave[:-join].copy()
    looped[:join] = looped[:join] * np.sqrt(rising) + wave[-join:] * np.sqrt(1 - rising)
    return looped


# ---- what is no word ---------------------------------------------------------------------------


def cough(rate_hz: int, dice: np.random.Generator) -> Samples:
    """Two bursts of noise: loud, and no voice."""
    count = rate_hz * _COUGH_MS // 1000
    burst = dice.standard_normal(count) * np.exp(-np.arange(count) / (rate_hz * 0.03))
    second = round(count * (0.45 + 0.1 * dice.random()))
    wave = burst.copy()
    wave[second:] += 0.6 * burst[: count - second]
    return as_samples(at_level(wave, SPEECH_DBFS - 3))


def beep(rate_hz: int) -> Samples:
    """What an answering machine records after: half a second of 1 kHz."""
    at = np.arange(rate_hz // 2) / rate_hz
    return as_samples(at_level(np.sin(2 * np.pi * 1000.0 * at), -12.0))


def mumble(voice: Samples, rate_hz: int, seconds: float) -> Samples:
    """Speech that nobody can make out: backwards, and as through a wall."""
    count = round(rate_hz * seconds)
    if not voice.size:
        return np.zeros(count, dtype="<i2")
    wave = np.resize(voice[::-1].astype(np.float64), count)
    spectrum = np.fft.rfft(wave)
    hz = np.fft.rfftfreq(count, 1 / rate_hz)
    spectrum *= 1 / (1 + (hz / 900.0) ** 4)
    muffled: Wave = np.fft.irfft(spectrum, count)
    return as_samples(at_level(muffled, SPEECH_DBFS))
