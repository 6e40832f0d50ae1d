"""How long words take, and audio that stands for them: silence for the agent, a hum for the caller.

A text call has no speech in it, but the call's own code counts samples; so every word has the
length it would have (fitted to the shipped voice: 170 words a minute, pauses at punctuation).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np

from trunkline.calls.speech_cache import RenderedLine, SpeechCache
from trunkline.calls.speech_source import SpeechPiece, SpokenLine
from trunkline.domain.audio import WordMark

_WORD_MS: Final = 110
_LETTER_MS: Final = 45
_SENTENCE_MS: Final = 320
_CLAUSE_MS: Final = 140


def timed_words(text: str, speed: float = 1.0) -> tuple[tuple[WordMark, ...], int]:
    """The words of a text with their times, and how long all of it takes, in ms."""
    marks, at_ms = [], 0.0
    for word in text.split():
        letters = sum(char.isalnum() for char in word)
        length_ms = (_WORD_MS + _LETTER_MS * letters) / speed
        marks.append(WordMark(word, round(at_ms), round(at_ms + length_ms)))
        at_ms += length_ms
        if word[-1] in ".?!":
            at_ms += _SENTENCE_MS / speed
        elif word[-1] in ",;:":
            at_ms += _CLAUSE_MS / speed
    return tuple(marks), round(at_ms)


def silence(ms: int, rate_hz: int) -> bytes:
    return bytes(rate_hz * ms // 1000 * 2)


class EstimatedSpeech:
    """Speaks in silence, at once: the line's words with their times and nothing to hear."""

    async def speak(self, line: SpokenLine) -> AsyncIterator[SpeechPiece]:
        marks, length_ms = timed_words(line.text, line.speed)
        yield SpeechPiece(silence(length_ms, line.sample_rate_hz), marks)


class InstantCache(SpeechCache):
    """Every line is at hand: nothing is rendered, nothing is read from disk."""

    def __init__(self) -> None:
        super().__init__(Path("unused"), EstimatedSpeech())

    def at_hand(self, line: SpokenLine) -> RenderedLine | None:
        marks, length_ms = timed_words(line.text, line.speed)
        pcm = silence(length_ms, line.sample_rate_hz)
        return RenderedLine(pcm, marks, line.sample_rate_hz)


# ---- the caller --------------------------------------------------------------------------------

_RATE_HZ: Final = 8000
BEEP_MS: Final = 500
_FORMANTS: Final = ((600.0, 90.0), (1150.0, 110.0), (2500.0, 160.0))


def hum(ms: int) -> bytes:
    """PCM16 at 8 kHz that the edge's detector takes for a voice, at -20 dBFS."""
    wanted = _RATE_HZ * ms // 1000 * 2
    second = _second_of_voice()
    return (second * (wanted // len(second) + 1))[:wanted]


def beep() -> bytes:
    """What an answering machine records after: 1 kHz at -12 dBFS."""
    at = np.arange(_RATE_HZ * BEEP_MS // 1000) / _RATE_HZ
    wave = np.sin(2 * np.pi * 1000.0 * at) * 32768 * 10 ** (-12 / 20) * np.sqrt(2)
    return bytes(np.clip(np.rint(wave), -32768, 32767).astype("<i2").tobytes())


def thump(ms: int) -> bytes:
    """A burst of noise: loud, and no voice."""
    noise = np.random.default_rng(5).standard_normal(_RATE_HZ * ms // 1000)
    fading = noise * np.exp(-np.arange(noise.size) / (_RATE_HZ * 0.03))
    return bytes(np.clip(np.rint(fading * 2500), -32768, 32767).astype("<i2").tobytes())


@lru_cache(maxsize=1)
def _second_of_voice() -> bytes:
    """A 120 Hz pulse train through three formants (two-pole resonators), swelling at 4 Hz."""
    pulses = np.zeros(2 * _RATE_HZ)
    pulses[:: _RATE_HZ // 120] = 1.0
    pulses += 0.02 * np.random.default_rng(7).standard_normal(pulses.size)
    wave = np.zeros(pulses.size)
    for frequency, width in _FORMANTS:
        radius = np.exp(-np.pi * width / _RATE_HZ)
        turn = 2 * np.pi * frequency / _RATE_HZ
        # The resonator's impulse response, long enough to have died away.
        at = np.arange(400)
        response = radius**at * np.sin((at + 1) * turn) / np.sin(turn)
        wave += np.convolve(pulses, response)[: pulses.size]
    wave = wave[_RATE_HZ:]  # the second second: settled, and it joins on to itself
    wave *= 0.75 + 0.25 * np.sin(2 * np.pi * 4.0 * np.arange(_RATE_HZ) / _RATE_HZ)
    wave *= 0.1 * 32768 / np.sqrt(np.mean(wave**2))
    return bytes(np.clip(np.rint(wave), -32768, 32767).astype("<i2").tobytes())
