"""A generator's text as speech: piece by piece while it is written, words timed from the start."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from typing import Final

from trunkline.model.cascade.ports import Synthesizer
from trunkline.model.cascade.sentences import Break
from trunkline.model.cascade.text_pieces import TextPieces
from trunkline.model.engine import EngineConfig, SpeechDelta

# Between pieces that were synthesised apart; voices leave some silence of their own.
_PAUSE_MS: Final = {Break.SENTENCE: 220, Break.CLAUSE: 60, Break.END: 0}


class Voicing:
    """One message. ``say`` deltas or a whole text, then ``finish``."""

    def __init__(self, speech: Synthesizer, config: EngineConfig) -> None:
        self._speech = speech
        self._config = config
        self._pieces = TextPieces()
        self._samples = 0
        self._owed_ms = 0.0

    async def say(self, delta: str) -> AsyncGenerator[SpeechDelta]:
        for piece, ends_with in self._pieces.feed(delta):
            async with aclosing(self._speak(piece)) as deltas:
                async for spoken in deltas:
                    yield spoken
            self._owed_ms = _PAUSE_MS[ends_with] / self._config.speed

    async def say_whole(self, text: str) -> AsyncGenerator[SpeechDelta]:
        async with aclosing(self._speak(text)) as deltas:
            async for spoken in deltas:
                yield spoken

    async def finish(self) -> AsyncGenerator[SpeechDelta]:
        rest = self._pieces.rest()
        if rest:
            async with aclosing(self._speak(rest)) as deltas:
                async for spoken in deltas:
                    yield spoken
        self._samples, self._owed_ms = 0, 0.0

    async def _speak(self, text: str) -> AsyncGenerator[SpeechDelta]:
        rate_hz = self._speech.output_rate_hz
        if self._owed_ms and text.strip():
            count = int(rate_hz * self._owed_ms / 1000)
            self._samples += count
            self._owed_ms = 0.0
            yield SpeechDelta(bytes(count * 2))
        begins_ms = self._samples * 1000 // rate_hz
        speech = self._speech.synthesise(text, voice=self._config.voice, speed=self._config.speed)
        async with aclosing(speech) as deltas:
            async for delta in deltas:
                self._samples += len(delta.pcm) // 2
                if begins_ms and delta.words:
                    words = tuple(
                        replace(
                            word,
                            start_ms=word.start_ms + begins_ms,
                            end_ms=word.end_ms + begins_ms,
                        )
                        for word in delta.words
                    )
                    delta = replace(delta, words=words)
                yield delta
