"""A speech endpoint for tests: every word is a hum of its own, 250 ms long, with exact marks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import numpy as np

from trunkline.calls.speech_source import SpeechPiece, SpokenLine
from trunkline.domain.audio import WordMark
from trunkline.domain.errors import EngineError

WORD_MS = 250


def hum(number: int, ms: int, rate_hz: int) -> bytes:
    """Never twice the same sample run: the pitch glides, and starts elsewhere for each word."""
    at = np.arange(rate_hz * ms // 1000) / rate_hz
    wave = 4000 * np.sin(2 * np.pi * (200 + 13 * number + 40 * at) * at + number)
    return bytes(np.rint(wave).astype("<i2").tobytes())


class FakeSpeech:
    """``delay_s`` before the first word; ``is_down`` makes every request fail."""

    def __init__(self) -> None:
        self.delay_s = 0.0
        self.is_down = False
        self.asked: list[SpokenLine] = []

    async def speak(self, line: SpokenLine) -> AsyncIterator[SpeechPiece]:
        self.asked.append(line)
        if self.is_down:
            raise EngineError("down, as told", code="speech_unreachable")
        await asyncio.sleep(self.delay_s)
        for number, word in enumerate(line.text.split()):
            start = number * WORD_MS
            mark = WordMark(word, start, start + WORD_MS)
            yield SpeechPiece(hum(number, WORD_MS, line.sample_rate_hz), (mark,))
