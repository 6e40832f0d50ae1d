"""``POST /v1/audio/speech``: text to speech outside any session, in OpenAI's shape.

Formats: ``mp3`` (when none is named), ``opus``, ``aac``, ``flac``, ``wav`` and ``pcm``. Extensions:
``x_sample_rate``, and with ``x_words`` the word times in the events of ``stream_format: sse``,
which carry bare samples alone.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from typing import Annotated, Final, Literal

import orjson
import pybase64
from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from trunkline.audio.resample import Resampler
from trunkline.domain.errors import EngineError, EngineTimeout
from trunkline.model.admission import Admission
from trunkline.model.engine import SpeechDelta, SpeechSynthesis
from trunkline.model.rest_body import read_json, validated
from trunkline.model.speech_encoding import SpeechEncoder, media_type, speech_encoder
from trunkline.model.tokens import agent_audio_tokens, text_tokens
from trunkline.model.usage import SessionMeter
from trunkline.realtime.session import MAX_SPEED, MIN_SPEED
from trunkline.realtime.usage import TokenUsage

MAX_INPUT_CHARS: Final = 4096
MAX_BODY_BYTES: Final = 256 * 1024
PART_TIMEOUT_S: Final = 20.0


class SpeechRequest(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    model: str = "trunkline"
    input: Annotated[str, Field(min_length=1, max_length=MAX_INPUT_CHARS)]
    voice: str | dict[Literal["id"], str] = "alloy"
    speed: float = Field(default=1.0, ge=MIN_SPEED, le=MAX_SPEED)
    instructions: str = ""  # of how to speak; our voices have one manner
    response_format: Literal["mp3", "opus", "aac", "flac", "wav", "pcm"] | None = None
    stream_format: Literal["audio", "sse"] = "audio"
    x_words: bool = False
    x_sample_rate: Literal[8000, 16000, 24000] = 24000

    @property
    def audio_format(self) -> str:
        """As named; else ``mp3``, or bare samples in events."""
        return self.response_format or ("pcm" if self.stream_format == "sse" else "mp3")

    @model_validator(mode="after")
    def _events_carry_samples(self) -> SpeechRequest:
        if self.stream_format == "sse" and self.audio_format not in ("pcm", "wav"):
            raise ValueError("with stream_format 'sse', response_format must be 'pcm' or 'wav'")
        return self

    @property
    def voice_name(self) -> str:
        return self.voice if isinstance(self.voice, str) else self.voice["id"]


async def read_speech_request(request: Request) -> SpeechRequest:
    """Raises Invalid, with the parameter's path, for a body that is too big or wrong."""
    return validated(SpeechRequest, await read_json(request, max_bytes=MAX_BODY_BYTES))


async def speech_response(
    wanted: SpeechRequest,
    speech: SpeechSynthesis,
    admission: Admission,
    meter: SessionMeter,
    key_id: str,
) -> Response:
    """Waits for the first audio, so that a refusal is a status and not a broken stream."""
    parts = _metered(_parts(wanted, speech, admission, key_id), wanted, meter)
    first = await anext(parts)
    if wanted.stream_format == "sse":
        return StreamingResponse(_as_events(wanted, first, parts), media_type="text/event-stream")
    kind = media_type(wanted.audio_format, wanted.x_sample_rate)
    if wanted.audio_format == "wav":
        pcm = b"".join([piece async for piece in _as_audio(first, parts)])
        return Response(wav_header(len(pcm), wanted.x_sample_rate) + pcm, media_type=kind)
    encoder = speech_encoder(wanted.audio_format, wanted.x_sample_rate)
    return StreamingResponse(_encoded(encoder, _as_audio(first, parts)), media_type=kind)


async def _encoded(encoder: SpeechEncoder, audio: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    async for pcm in audio:
        if payload := encoder.encode(pcm):
            yield payload
    yield encoder.finish()


async def _metered(
    parts: AsyncGenerator[SpeechDelta], wanted: SpeechRequest, meter: SessionMeter
) -> AsyncGenerator[SpeechDelta]:
    """What was made is counted, also when the client went away."""
    made = 0
    try:
        async with aclosing(parts) as deltas:
            async for delta in deltas:
                made += len(delta.pcm)
                yield delta
    finally:
        spoken_ms = made / 2 * 1000 / wanted.x_sample_rate
        tokens = TokenUsage(
            text_in=text_tokens(wanted.input), audio_out=agent_audio_tokens(spoken_ms)
        )
        if made:
            meter.add(tokens, responses=1, is_over=True)


async def _parts(
    wanted: SpeechRequest, speech: SpeechSynthesis, admission: Admission, key_id: str
) -> AsyncGenerator[SpeechDelta]:
    """The synthesiser's deltas at the wanted rate, under a slot and a deadline each."""
    resampler = Resampler(speech.output_rate_hz, wanted.x_sample_rate)
    with admission.slot(key_id):
        speech_parts = speech.synthesise(wanted.input, voice=wanted.voice_name, speed=wanted.speed)
        async with aclosing(speech_parts) as deltas:  # a client that left ends the synthesis too
            while True:
                try:
                    async with asyncio.timeout(PART_TIMEOUT_S):
                        delta = await anext(deltas, None)
                except TimeoutError:
                    raise EngineTimeout("The synthesiser gave no audio in time.") from None
                if delta is None:
                    break
                yield replace(delta, pcm=resampler.feed(delta.pcm))
        yield SpeechDelta(resampler.flush())


async def _as_audio(first: SpeechDelta, rest: AsyncIterator[SpeechDelta]) -> AsyncIterator[bytes]:
    yield first.pcm
    async for delta in rest:
        yield delta.pcm


async def _as_events(
    wanted: SpeechRequest, first: SpeechDelta, rest: AsyncIterator[SpeechDelta]
) -> AsyncIterator[bytes]:
    sent = 0
    yield _delta_event(wanted, first)
    sent += len(first.pcm)
    try:
        async for delta in rest:
            if delta.pcm or delta.words:
                yield _delta_event(wanted, delta)
                sent += len(delta.pcm)
    except EngineError as exc:
        error = {"type": "server_error", "code": exc.code, "message": exc.message}
        yield _event({"type": "error", "error": error})
        return
    tokens_in = text_tokens(wanted.input)
    tokens_out = agent_audio_tokens(sent / 2 * 1000 / wanted.x_sample_rate)
    usage = {
        "input_tokens": tokens_in,
        "output_tokens": tokens_out,
        "total_tokens": tokens_in + tokens_out,
    }
    yield _event({"type": "speech.audio.done", "usage": usage})


def _delta_event(wanted: SpeechRequest, delta: SpeechDelta) -> bytes:
    event: dict[str, object] = {
        "type": "speech.audio.delta",
        "audio": pybase64.b64encode(delta.pcm).decode(),
    }
    if wanted.x_words:
        event["x_words"] = [
            {"text": word.text, "start_ms": word.start_ms, "end_ms": word.end_ms}
            for word in delta.words
        ]
    if delta.is_spare:
        event["x_spare"] = True
    return _event(event)


def _event(document: dict[str, object]) -> bytes:
    return b"data: " + orjson.dumps(document) + b"\n\n"


def wav_header(pcm_bytes: int, rate_hz: int) -> bytes:
    """RIFF header of mono PCM16."""
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF",
        36 + pcm_bytes,
        b"WAVE",
        b"fmt ",
        16,
        1,
        1,
        rate_hz,
        rate_hz * 2,
        2,
        16,
        b"data",
        pcm_bytes,
    )
