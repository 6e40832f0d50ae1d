"""Voices and telephone lines for the ears' development set.

Three synthesisers, each in its own process: flite (its recorded voices, also with the pitch moved),
espeak-ng and Festival. ``HELD_OUT`` are voices that no setting was chosen with.
"""

from __future__ import annotations

import hashlib
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.telephone_transform import SENTENCES, Wave, at_level, through_line

RATE_HZ: Final = 16_000
_HANGOVER_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class Voice:
    """``pace``: length of a word against the synthesiser's own; ``pitch``: flite only; ``tract``:
    above 1, everything of the voice lies higher, as from a shorter vocal tract."""

    program: str
    name: str
    pace: float = 1.0
    pitch: float = 1.0
    tract: float = 1.0


TUNED: Final = (
    Voice("flite", "slt"), Voice("espeak", "en-us+f3", 1.1), Voice("flite", "awb", 1.1),
    Voice("espeak", "en-us+m1"), Voice("flite", "rms"), Voice("flite", "slt", 0.9, 1.15),
    Voice("espeak", "en-gb+m5", 1.2), Voice("flite", "rms", 1.1, 0.88),
)  # fmt: skip
HELD_OUT: Final = (
    Voice("flite", "kal16"), Voice("espeak", "en-us+f4"), Voice("flite", "awb", 1.0, 1.12),
    Voice("espeak", "en-us+m7", 1.1), Voice("flite", "slt", 1.1, 0.85),
    Voice("espeak", "en-gb-x-rp+f2", 1.1),
)  # fmt: skip
# Unlike those the transform was estimated with and the first settings chosen with: espeak-ng's
# variants and a diphone voice of Festival, some with a longer or a shorter vocal tract.
STRANGERS: Final = (
    Voice("espeak", "en-us+Alicia"), Voice("festival", "kal_diphone"),
    Voice("espeak", "en-us+Andy", 1.1), Voice("espeak", "en-gb+belinda"),
    Voice("espeak", "en-us+Lee"), Voice("espeak", "en-us+steph2", 1.1),
    Voice("festival", "kal_diphone", 1.0, tract=1.12), Voice("espeak", "en-us+rob"),
    Voice("espeak", "en-us+Gene", 0.95), Voice("espeak", "en-gb+victor"),
    Voice("espeak", "en-us+anika"), Voice("flite", "rms", 1.0, tract=0.92),
    Voice("espeak", "en-us+edward2"), Voice("espeak", "en-us+f1"),
    Voice("espeak", "en-us+m8", 1.1), Voice("flite", "slt", 1.0, tract=1.08),
)  # fmt: skip
STRANGERS_HELD_OUT: Final = (
    Voice("espeak", "en-us+steph"), Voice("festival", "kal_diphone", 1.05, tract=0.92),
    Voice("espeak", "en-us+Alex"), Voice("espeak", "en-us+aunty", 1.1),
    Voice("espeak", "en-us+robert"), Voice("espeak", "en-gb+Denis"),
    Voice("espeak", "en-us+shelby"), Voice("espeak", "en-us+quincy"),
    Voice("espeak", "en-us+adam"), Voice("flite", "awb", 1.0, tract=1.1),
)  # fmt: skip
VOICES: Final[Mapping[str, Sequence[Voice]]] = {
    "tuned": TUNED,
    "held-out": HELD_OUT,
    "strangers": STRANGERS,
    "strangers-held-out": STRANGERS_HELD_OUT,
}
NOISES: Final = ("pink", "babble", "street", "hum")
_TALKERS: Final = 6
_BAND_HZ: Final = (300, 3400)


def spoken(text: str, voice: Voice) -> Wave:
    """``text`` said by ``voice``, 16 kHz, -1 to 1; kept on disk for the next run."""
    name = hashlib.sha256(repr((text, voice)).encode()).hexdigest()[:20]
    folder = Path(tempfile.gettempdir()) / "trunkline-ears"
    folder.mkdir(exist_ok=True)
    kept = folder / f"{name}.npy"
    if not kept.exists():
        partial = folder / f"{name}.{np.random.default_rng().integers(1 << 30)}.npy"
        np.save(partial, _synthesised(text, voice))
        partial.rename(kept)
    wave: Wave = np.load(kept)
    return wave


def _synthesised(text: str, voice: Voice) -> Wave:
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        if voice.program == "flite":
            command = ["flite", "-voice", voice.name, "--setf", f"duration_stretch={voice.pace}"]
            command += ["--setf", f"f0_shift={voice.pitch}", "-t", text, "-o", file.name]
        elif voice.program == "festival":
            pace = f"(Parameter.set 'Duration_Stretch {voice.pace})"
            command = ["text2wave", "-o", file.name, "-eval", f"(voice_{voice.name})"]
            command += ["-eval", pace]
        else:
            rate = str(round(165 / voice.pace))
            command = ["espeak-ng", "-v", voice.name, "-s", rate, "-w", file.name, text]
        said = text if voice.program == "festival" else None
        subprocess.run(command, input=said, text=True, capture_output=True, check=True, timeout=60)
        data = Path(file.name).read_bytes()
    rate_hz = round(int.from_bytes(data[24:28], "little") * voice.tract)
    samples = np.frombuffer(data[44:], "<i2")
    if rate_hz == RATE_HZ:
        return samples.astype(np.float64) / 32768
    # In the frequency domain: cut above 8 kHz, then take fewer points.
    count = len(samples) * RATE_HZ // rate_hz
    spectrum = np.fft.rfft(samples / 32768)[: count // 2 + 1]
    resized: Wave = np.fft.irfft(spectrum, count) * (count / len(samples))
    return resized


@cache
def _noise(kind: str) -> Wave:
    """Ten seconds of it, at an RMS of 1 within the telephone's band.

    The talkers of a babble are none of the strangers.
    """
    chance = np.random.default_rng(len(kind))
    count = 10 * RATE_HZ
    times = np.arange(count) / RATE_HZ
    spectrum = np.fft.rfft(chance.standard_normal(count))
    hz = np.maximum(np.fft.rfftfreq(count, 1 / RATE_HZ), 20)
    if kind == "babble":
        talkers = [
            np.concatenate([spoken(SENTENCES[(7 * n + k) % 50], voice) for k in range(6)])
            for n, voice in enumerate(TUNED[:_TALKERS])
        ]
        wave = np.sum([np.resize(talker / talker.std(), count) for talker in talkers], axis=0)
    elif kind == "hum":  # the mains, its harmonics, and a little of a fan
        tones = [np.sin(2 * np.pi * 60 * n * times + n * n) / n**0.5 for n in range(1, 40)]
        wave = np.sum(tones, axis=0) + np.fft.irfft(spectrum / hz**0.5, count) * 4
    else:
        wave = np.fft.irfft(spectrum / hz ** (0.5 if kind == "pink" else 0.8), count)
        if kind == "street":  # cars come and go
            wave = wave * 10 ** (6 * np.sin(2 * np.pi * 0.3 * times) / 20)
    inside = np.fft.rfft(wave) * ((hz >= _BAND_HZ[0]) & (hz <= _BAND_HZ[1]))
    normal: Wave = wave / np.fft.irfft(inside, count).std()
    return normal


def on_the_line(text: str, voice: Voice, snr_db: float | None, noise: str, seed: int) -> bytes:
    """16 kHz PCM16 as the model server decodes it from G.711, with the hangover after it."""
    chance = np.random.default_rng(seed)
    level_db = chance.choice((-18.0, -22.0, -28.0))
    wave = at_level(spoken(text, voice), level_db, chance)
    wave = np.concatenate([wave, np.zeros(int(_HANGOVER_S * RATE_HZ))])
    if snr_db is not None:
        whole = _noise(noise)
        part = np.roll(whole, -chance.integers(len(whole)))
        wave = wave + np.resize(part, len(wave)) * 10 ** ((level_db - snr_db) / 20)
    bands = ((200, 3400), (280, 3450), (100, 3700))
    return through_line(wave, bands[seed % len(bands)])


def seconds(audio: bytes) -> float:
    return len(audio) / 2 / RATE_HZ
