"""What a telephone line does to a caller's voice on its way: noise, and the agent's own echo."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.rtp_caller import SAMPLES, RtpCaller
from trunkline.audio.g711 import pcm_to_ulaw, ulaw_to_pcm

RATE_HZ = 8000
_LOUD = 10 ** (-45 / 20) * 32768


@dataclass(frozen=True)
class Line:
    """``noise_db`` below the caller's voice; ``echo_db``: how far below itself the agent comes
    back. None: not at all."""

    name: str
    noise_db: float | None = None
    echo_db: float | None = None


LINES = (
    Line("clean"),
    Line("noise 20 dB below the voice", 20),
    Line("agent's echo at -20 dB", None, 20),
)


def voice_rms(phrases: list[NDArray[np.int16]]) -> float:
    """Of the frames in which somebody speaks."""
    frames = np.concatenate(
        [p[: len(p) // SAMPLES * SAMPLES].reshape(-1, SAMPLES) for p in phrases]
    )
    rms = np.sqrt(np.mean(np.square(frames.astype(np.float64)), axis=1))
    return float(np.sqrt(np.mean(np.square(rms[rms > _LOUD]))))


def pink(seconds: float, rms: float, seed: int) -> NDArray[np.float64]:
    """Noise of equal power per octave in the telephone band, the same for the same seed."""
    count = round(seconds * RATE_HZ)
    spectrum = np.fft.rfft(np.random.default_rng(seed).normal(size=count))
    hz = np.fft.rfftfreq(count, 1 / RATE_HZ)
    spectrum *= np.where((hz > 250) & (hz < 3450), 1 / np.sqrt(np.maximum(hz, 1)), 0)
    wave: NDArray[np.float64] = np.fft.irfft(spectrum, count)
    return wave * (rms / float(np.sqrt(np.mean(wave**2))))


def lay(caller: RtpCaller, line: Line, rms: float, seed: int) -> None:
    """The caller speaks over this line from now on; the echo is back after a packet or two."""
    noise = None if line.noise_db is None else pink(10, rms * 10 ** (-line.noise_db / 20), seed)
    back = 0.0 if line.echo_db is None else 10 ** (-line.echo_db / 20)
    at = 0

    def sound(payload: bytes) -> bytes:
        nonlocal at
        wave = np.frombuffer(ulaw_to_pcm(payload), "<i2").astype(np.float64)
        if noise is not None:
            wave = wave + noise[at : at + SAMPLES]
            at = (at + SAMPLES) % (len(noise) - SAMPLES)
        if back and len(caller.packets) > 1:
            heard = np.frombuffer(ulaw_to_pcm(caller.packets[-2].payload), "<i2")
            if heard.size == SAMPLES:
                wave = wave + back * heard
        return pcm_to_ulaw(np.clip(np.rint(wave), -32768, 32767).astype("<i2").tobytes())

    if noise is not None or back:
        caller.line = sound
