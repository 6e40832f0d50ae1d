"""The callers of ``benchmarks.ears_frozen``: voices nothing was tuned with, on noisy lines.

Festival's diphones of ``ked`` and espeak-ng variants that stand nowhere else here. A voice played
slower or faster than it was rendered has a longer or shorter vocal tract, and passes for somebody
else. Everything is drawn from seeds: the same text sounds the same every time.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from trunkline.audio.g711 import alaw_to_pcm, pcm_to_alaw, pcm_to_ulaw, ulaw_to_pcm
from trunkline.audio.resample import resampled

Wave = npt.NDArray[np.float64]

LINE_HZ: Final = 8000
BAND_HZ: Final = (300, 3400)
_ROOM_S: Final = (0.3, 0.5)  # what the detector of turns leaves before and behind speech
_BABBLERS: Final = 6
_BABBLE: Final = (
    "and then she told me that the whole house had been sold",
    "we should really leave before it gets dark outside",
    "no I never said anything of the kind to your father",
    "there were at least forty people standing in the rain",
    "if you turn left behind the church you will see it",
    "he works at night so he sleeps most of the afternoon",
)


class VoicesMissing(Exception):
    """A synthesiser is not installed; the message says how to get it."""


@dataclass(frozen=True, slots=True)
class Voice:
    """``tempo``: of the voice's own; ``tract``: above one is shorter, and higher."""

    synthesiser: str
    name: str
    tempo: float = 1.0
    tract: float = 1.0
    pitch: int = 50  # espeak-ng's, 0 to 99


def check_voices() -> None:
    """Raises VoicesMissing."""
    for program, package in (("espeak-ng", "espeak-ng"), ("festival", "festival festvox-kdlpc16k")):
        if shutil.which(program) is None:
            raise VoicesMissing(f"{program} is missing: apt-get install {package}")


def spoken(text: str, voice: Voice) -> Wave:
    """At LINE_HZ, of any level; speech only."""
    tempo = voice.tempo / voice.tract
    match voice.synthesiser:
        case "festival":
            wave, rate = _festival(text, voice.name, tempo), 16_000
        case _:
            wave, rate = _espeak(text, voice.name, tempo, voice.pitch), 22_050
    return _at_rate(wave, rate * voice.tract)


def _festival(text: str, voice: str, tempo: float) -> Wave:
    plain = re.sub(r"[^A-Za-z0-9 ,.?']", "", text)
    with tempfile.TemporaryDirectory() as scratch:
        script, sound = Path(scratch) / "say.scm", Path(scratch) / "said.wav"
        script.write_text(
            f"(voice_{voice})\n(Parameter.set 'Duration_Stretch {1 / tempo:.3f})\n"
            f'(utt.save.wave (utt.synth (Utterance Text "{plain}")) "{sound}" (quote riff))\n'
        )
        subprocess.run(["festival", "-b", str(script)], capture_output=True, check=True)
        return _samples(sound.read_bytes())


def _espeak(text: str, voice: str, tempo: float, pitch: int) -> Wave:
    words_a_minute = str(round(160 * tempo))
    command = ["espeak-ng", "-v", voice, "-s", words_a_minute, "-p", str(pitch), "--stdout", text]
    return _samples(subprocess.run(command, capture_output=True, check=True).stdout)


def _samples(wav: bytes) -> Wave:
    return np.frombuffer(wav[44 : len(wav) - len(wav) % 2], "<i2").astype(np.float64) / 32768


def _at_rate(wave: Wave, rate_hz: float) -> Wave:
    """At LINE_HZ, by cutting the spectrum."""
    count = round(len(wave) * LINE_HZ / rate_hz)
    spectrum = np.fft.rfft(wave)[: count // 2 + 1]
    sized: Wave = np.fft.irfft(spectrum, count) * (count / len(wave))
    return sized


# ---- the line --------------------------------------------------------------------------------


def on_the_line(wave: Wave, seed: int, noise: str | None, snr_db: float = 20) -> bytes:
    """PCM16 at 16 kHz as the model server hears it: speech, noise, the band and G.711."""
    chance = np.random.default_rng(seed)
    before, behind = (round(LINE_HZ * seconds) for seconds in _ROOM_S)
    speech = _banded(np.concatenate([np.zeros(before), wave, np.zeros(behind)]))
    speech *= 10 ** (chance.uniform(-27, -16) / 20) / _active(speech)
    heard = speech + chance.standard_normal(len(speech)) * 10 ** (-66 / 20)
    if noise is not None:
        sound = _banded(_noise(noise, len(speech), chance))
        level = np.sqrt((sound**2).mean())
        heard = heard + sound / level * _active(speech) * 10 ** (-snr_db / 20)
    pcm = np.clip(np.round(heard * 32767), -32768, 32767).astype("<i2").tobytes()
    if seed % 2:
        return resampled(ulaw_to_pcm(pcm_to_ulaw(pcm)), LINE_HZ, 16_000)
    return resampled(alaw_to_pcm(pcm_to_alaw(pcm)), LINE_HZ, 16_000)


def _active(wave: Wave) -> float:
    """The level of what is speech, by frames of 20 ms."""
    energy = (wave[: len(wave) // 160 * 160].reshape(-1, 160) ** 2).mean(axis=1)
    return float(np.sqrt(energy[energy > energy.max() * 1e-3].mean()))


def _banded(wave: Wave) -> Wave:
    hz = np.fft.rfftfreq(len(wave), 1 / LINE_HZ)
    low, high = BAND_HZ
    gain = 1 / np.sqrt((1 + (low / np.maximum(hz, 1)) ** 8) * (1 + (hz / high) ** 24))
    banded: Wave = np.fft.irfft(np.fft.rfft(wave) * gain, len(wave))
    return banded


def _noise(kind: str, count: int, chance: np.random.Generator) -> Wave:
    match kind:
        case "babble":
            return _babble(count, chance)
        case "hum":
            return _hum(count, chance)
        case "traffic":
            return _traffic(count, chance)
        case _:
            return _coloured(count, 0.5, chance)


def _coloured(count: int, exponent: float, chance: np.random.Generator) -> Wave:
    spectrum = np.fft.rfft(chance.standard_normal(count))
    falling = np.maximum(np.arange(len(spectrum)), 1) ** exponent
    noise: Wave = np.fft.irfft(spectrum / falling, count)
    noise /= np.sqrt((noise**2).mean())
    return noise


def _hum(count: int, chance: np.random.Generator) -> Wave:
    """A mains hum that a poor line carries: its harmonics, and a little hiss."""
    seconds = np.arange(count) / LINE_HZ
    mains = chance.choice([50.0, 60.0])
    hum = np.zeros(count)
    for harmonic in range(1, 40):
        phase = chance.uniform(0, 2 * np.pi)
        hum += np.sin(2 * np.pi * mains * harmonic * seconds + phase) / harmonic**0.7
    noisy: Wave = hum + 0.15 * hum.std() * chance.standard_normal(count)
    return noisy


def _traffic(count: int, chance: np.random.Generator) -> Wave:
    """A road: rolling noise that swells as cars pass."""
    seconds = np.arange(count) / LINE_HZ
    road = _coloured(count, 0.8, chance)
    swell = np.full(count, 0.35)
    for _ in range(max(1, round(seconds[-1] / 1.5))):
        swell += np.exp(-(((seconds - chance.uniform(0, seconds[-1])) / 0.5) ** 2))
    road *= swell
    return road


def _babble(count: int, chance: np.random.Generator) -> Wave:
    """Other synthetic speakers at once, each from somewhere in their sentence."""
    talk = np.zeros(count)
    for speaker in range(_BABBLERS):
        said = _babbler(speaker)
        said = np.roll(np.tile(said, count // len(said) + 1), int(chance.integers(len(said))))
        talk += said[:count] * chance.uniform(0.6, 1.0)
    return talk


@cache
def _babbler(speaker: int) -> Wave:
    voice = Voice(
        "espeak",
        ("en-us+linda", "en-gb-x-rp+ed", "en-us+steph", "en-us-nyc+max", "en-us+belinda",
         "en-029+victor")[speaker],
        1.05,
        1.0,
        (55, 35, 60, 45, 65, 40)[speaker],
    )  # fmt: skip
    wave = spoken(_BABBLE[speaker], voice)
    return wave / _active(wave)
