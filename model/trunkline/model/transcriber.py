"""A recording understood turn by turn: the server's own turn detection, then the engine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from dataclasses import dataclass, replace
from typing import Final

from trunkline.audio.resample import Resampler
from trunkline.domain.audio import WordMark
from trunkline.domain.errors import EngineError, EngineTimeout
from trunkline.domain.ids import mint
from trunkline.model.endpointing import (
    SAMPLES_PER_MS,
    Endpointer,
    EndpointingConfig,
    SpeechStarted,
    SpeechStopped,
)
from trunkline.model.engine import (
    Engine,
    EngineConfig,
    EngineEvent,
    EngineSession,
    Transcribed,
    TranscriptionFailed,
)
from trunkline.model.vad import VoiceActivity

DECODE_RATE_HZ: Final = 24_000
SEGMENT_TIMEOUT_S: Final = 60.0
_ENDPOINTING: Final = EndpointingConfig(silence_ms=600, longest_turn_ms=30_000)
_SLICE_BYTES: Final = DECODE_RATE_HZ // 5 * 2
_END_MS: Final = 800  # silence after the file, so that its last turn ends


@dataclass(frozen=True, slots=True)
class Segment:
    """One turn; ``words`` are timed from the file's beginning, ``probabilities`` are theirs, where
    the recogniser tells any."""

    start_ms: int
    end_ms: int
    text: str
    confidence: float | None
    words: tuple[WordMark, ...]
    probabilities: tuple[float, ...] = ()


def spans(pcm: bytes) -> Iterator[tuple[int, int]]:
    """Where somebody speaks, in ms: PCM16 at 24 kHz."""
    endpointer, voice = Endpointer(_ENDPOINTING), VoiceActivity(DECODE_RATE_HZ)
    length_ms = len(pcm) // 2 * 1000 // DECODE_RATE_HZ
    padded = pcm + bytes(DECODE_RATE_HZ * _END_MS // 1000 * 2)
    start: int | None = None
    for begin in range(0, len(padded), _SLICE_BYTES):
        for is_speech in voice.feed(padded[begin : begin + _SLICE_BYTES]):
            match endpointer.push(is_speech):
                case SpeechStarted(at):
                    start = at
                case SpeechStopped(_, end) if start is not None:
                    yield start // SAMPLES_PER_MS, min(end // SAMPLES_PER_MS, length_ms)
                    start = None
                case _:
                    pass
    if start is not None:
        yield start // SAMPLES_PER_MS, length_ms


async def transcribe(engine: Engine, config: EngineConfig, pcm: bytes) -> AsyncGenerator[Segment]:
    """Segments in order; EngineError when the engine fails or stalls."""
    found = await asyncio.to_thread(lambda: list(spans(pcm)))
    if not found:
        return
    session = await engine.open_session(mint("asr"), config)
    try:
        events = aiter(session.events())
        for start_ms, end_ms in found:
            item_id = mint("item")
            _hear(session, engine, item_id, pcm[_at(start_ms) : _at(end_ms)])
            heard = await _understood(events, item_id)
            if heard.text:
                words = tuple(
                    replace(w, start_ms=w.start_ms + start_ms, end_ms=w.end_ms + start_ms)
                    for w in heard.words
                )
                sure = heard.word_probabilities
                yield Segment(start_ms, end_ms, heard.text, heard.confidence, words, sure)
    finally:
        await session.aclose()


def _at(ms: int) -> int:
    return ms * DECODE_RATE_HZ // 1000 * 2


def _hear(session: EngineSession, engine: Engine, item_id: str, pcm: bytes) -> None:
    resampler = Resampler(DECODE_RATE_HZ, engine.capabilities.input_rate_hz)
    session.begin_turn(item_id)
    for begin in range(0, len(pcm), _SLICE_BYTES):
        session.feed(resampler.feed(pcm[begin : begin + _SLICE_BYTES]))
    session.feed(resampler.flush())
    session.end_turn(item_id)


async def _understood(events: AsyncIterator[EngineEvent], item_id: str) -> Transcribed:
    try:
        async with asyncio.timeout(SEGMENT_TIMEOUT_S):
            async for event in events:
                if event.item_id != item_id:
                    continue
                if isinstance(event, Transcribed):
                    return event
                if isinstance(event, TranscriptionFailed):
                    raise EngineError(event.message, code=event.code)
    except TimeoutError:
        raise EngineTimeout("The recogniser did not answer in time.") from None
    raise EngineError("The recogniser ended before it had answered.")
