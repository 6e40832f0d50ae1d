"""A voice behind ``/audio/speech`` as the cascade's Synthesizer: PCM16 at 24 kHz as it comes.

The far end tells no word times: they are estimated from how fast it spoke before, and marked so.
Where it fails in the middle of a text the local voice says the rest, from the word it had reached.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace
from math import inf
from typing import Any, Final

from trunkline.audio.framer import Framer
from trunkline.audio.resample import Resampler
from trunkline.domain.audio import WordMark
from trunkline.domain.errors import EngineError, EngineProtocolError
from trunkline.model.cascade.hosted.http import Body, HostedEndpoint
from trunkline.model.cascade.ports import Synthesizer
from trunkline.model.cascade.sentences import split_text
from trunkline.model.cascade.voices import VOICES, check_speed
from trunkline.model.engine import SpeechDelta
from trunkline.runtime.engine_settings import HostedSpeechSettings
from trunkline.runtime.telemetry import HOSTED_FALLBACKS

RATE_HZ: Final = 24_000
_ACCEPTS: Final = ("audio/", "application/octet-stream", "binary/octet-stream")
_CHUNK_BYTES: Final = RATE_HZ // 10 * 2
_PIECE_CHARS: Final = 300  # of text to one request, from the second on
_PAUSE_MS: Final = 120
_CHARS_PER_S: Final = 15.0  # English at an ordinary pace; corrected by what is heard
_LEARNING: Final = 0.3


class SpeakingRate:
    """Characters a second of each voice at speed 1, learnt from its finished pieces."""

    def __init__(self) -> None:
        self._rates: dict[str, float] = {}

    def of(self, voice: str) -> float:
        return self._rates.get(voice, _CHARS_PER_S)

    def learn(self, voice: str, chars: int, seconds: float) -> None:
        if chars < 10 or seconds < 0.3:
            return
        found = min(max(chars / seconds, 5.0), 40.0)
        known = self._rates.get(voice)
        # A voice belongs to a configuration: their number is bounded by it.
        self._rates[voice] = found if known is None else known + _LEARNING * (found - known)


class HostedSpeech:
    def __init__(
        self, endpoint: HostedEndpoint, settings: HostedSpeechSettings, spare: Synthesizer
    ) -> None:
        self._endpoint = endpoint
        self._settings = settings
        self._spare = spare
        self._rate = SpeakingRate()

    @property
    def output_rate_hz(self) -> int:
        return RATE_HZ

    async def warm_up(self) -> None:
        """The spare alone: nothing is said to the far end before a caller is there."""
        await self._spare.warm_up()

    async def synthesise(
        self, text: str, *, voice: str, speed: float
    ) -> AsyncGenerator[SpeechDelta]:
        check_speed(speed)
        samples = 0
        for piece in _pieces(text):
            if samples:
                pause = bytes(RATE_HZ * _PAUSE_MS // 1000 * 2)
                samples += len(pause) // 2
                yield SpeechDelta(pause)
            begins_ms = samples * 1000 // RATE_HZ
            async with aclosing(self._piece(piece, voice, speed)) as deltas:
                async for delta in deltas:
                    samples += len(delta.pcm) // 2
                    yield _later(delta, begins_ms)

    async def aclose(self) -> None:
        await self._endpoint.aclose()
        await self._spare.aclose()

    # ---- one piece -----------------------------------------------------------------------------

    async def _piece(self, text: str, voice: str, speed: float) -> AsyncGenerator[SpeechDelta]:
        words = _Words(text, self._rate.of(voice) * speed)
        given = 0
        try:
            async with aclosing(self._hosted(text, voice, speed)) as chunks:
                async for pcm in chunks:
                    given += len(pcm) // 2
                    yield words.delta(pcm, given * 1000 // RATE_HZ)
        except EngineError as exc:
            HOSTED_FALLBACKS.labels(port="speech", code=exc.code).inc()
            rest = words.rest()
            if not rest.strip():
                return
            begins_ms = given * 1000 // RATE_HZ
            async with aclosing(self._spoken_here(rest, voice, speed)) as deltas:
                async for delta in deltas:
                    yield _later(delta, begins_ms)
            return
        self._rate.learn(voice, len(text), given / RATE_HZ * speed)
        if last := words.last(given * 1000 // RATE_HZ):
            yield last

    async def _hosted(self, text: str, voice: str, speed: float) -> AsyncGenerator[bytes]:
        """Whole samples in chunks of 100 ms; raises EngineError."""

        def body() -> Body:
            document: dict[str, Any] = {
                "model": self._settings.model,
                "input": text,
                "voice": self._settings.voices.get(voice, voice),
                "speed": speed,
                "response_format": "pcm",
            }
            if self._settings.instructions:
                document["instructions"] = self._settings.instructions
            return Body(document=document)

        framer, held, total = Framer(2), bytearray(), 0
        async with self._endpoint.answer(body, accepts=_ACCEPTS) as stream:
            async for chunk in stream:
                held += framer.feed_whole(chunk)
                while len(held) >= _CHUNK_BYTES:
                    total += _CHUNK_BYTES
                    yield bytes(held[:_CHUNK_BYTES])
                    del held[:_CHUNK_BYTES]
            total += len(held)
            if not total:
                raise EngineProtocolError("the far end spoke nothing", code="hosted_empty")
        if held:
            yield bytes(held)

    async def _spoken_here(
        self, text: str, voice: str, speed: float
    ) -> AsyncGenerator[SpeechDelta]:
        resampler = Resampler(self._spare.output_rate_hz, RATE_HZ)
        known = voice if voice in VOICES else "alloy"
        async with aclosing(self._spare.synthesise(text, voice=known, speed=speed)) as deltas:
            async for delta in deltas:
                yield replace(delta, pcm=resampler.feed(delta.pcm), is_spare=True)
        if tail := resampler.flush():
            yield SpeechDelta(tail, is_spare=True)


@dataclass(slots=True)
class _Words:
    """Which words of a piece have begun, at ``chars_per_s``."""

    text: str
    chars_per_s: float
    _taken: int = 0  # characters given out

    def delta(self, pcm: bytes, until_ms: int) -> SpeechDelta:
        """The audio up to ``until_ms``, with the words that begin in it."""
        return self._give(pcm, int(until_ms / 1000 * self.chars_per_s))

    def last(self, end_ms: int) -> SpeechDelta | None:
        """The words that were expected later than the audio ended."""
        return self._give(b"", len(self.text), end_ms) if self._taken < len(self.text) else None

    def rest(self) -> str:
        return self.text[self._taken :]

    def _give(self, pcm: bytes, until: int, end_ms: float = inf) -> SpeechDelta:
        marks: list[WordMark] = []
        begin = end = self._taken
        for word in re.finditer(r"\S+\s*", self.text[begin:]):
            if begin + word.start() >= until:
                break
            start, end = begin + word.start(), begin + word.end()
            marks.append(
                WordMark(
                    word[0].strip(),
                    int(min(start * 1000 / self.chars_per_s, end_ms)),
                    int(min(end * 1000 / self.chars_per_s, end_ms)),
                    is_estimated=True,
                )
            )
        if end == begin and not marks and until >= len(self.text):
            end = len(self.text)
        self._taken = end
        return SpeechDelta(pcm, self.text[begin:end], tuple(marks))


def _pieces(text: str) -> list[str]:
    """The first sentence alone, so that it is heard early; then as much as one request may say."""
    pieces: list[str] = []
    for chunk in split_text(text):
        part = text[chunk.start : chunk.end]
        if len(pieces) > 1 and len(pieces[-1]) + len(part) <= _PIECE_CHARS:
            pieces[-1] += part
        else:
            pieces.append(part)
    return pieces or [text]


def _later(delta: SpeechDelta, ms: int) -> SpeechDelta:
    if not ms or not delta.words:
        return delta
    words = tuple(
        replace(word, start_ms=word.start_ms + ms, end_ms=word.end_ms + ms) for word in delta.words
    )
    return replace(delta, words=words)
