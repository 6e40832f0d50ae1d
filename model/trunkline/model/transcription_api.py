"""``POST /v1/audio/transcriptions``: a file to text, in OpenAI's shapes.

``response_format``: ``json``, ``text``, ``verbose_json``; with ``stream`` server-sent events, one
delta a turn. Subtitles, log probabilities and speakers are refused by name.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from math import log
from typing import Annotated, Any, Final, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse

from trunkline.domain.errors import EngineError, Invalid
from trunkline.model.admission import Admission
from trunkline.model.engine import Engine, EngineConfig
from trunkline.model.rest_body import validated
from trunkline.model.transcriber import DECODE_RATE_HZ, Segment, transcribe
from trunkline.model.transcription_audio import decode_audio
from trunkline.model.usage import SessionMeter
from trunkline.realtime.tools import MAX_TOOLS
from trunkline.realtime.usage import TokenUsage

MAX_FILE_BYTES: Final = 25 * 1024 * 1024
_MAX_FIELDS: Final = 32
_LEAST_PROBABILITY: Final = 1e-9
_MAX_EXPECTED_CHARS: Final = 262_144
_LISTS: Final = ("timestamp_granularities[]", "include[]", "timestamp_granularities", "include")


class TranscriptionRequest(BaseModel):
    model_config = ConfigDict(extra="ignore")

    model: Annotated[str, Field(min_length=1)]
    language: Annotated[str, Field(max_length=16)] = "en"
    prompt: Annotated[str, Field(max_length=16_384)] = ""
    response_format: Literal["json", "text", "verbose_json"] = "json"
    temperature: Annotated[float, Field(ge=0, le=1)] = 0.0
    stream: bool = False
    timestamp_granularities: tuple[Literal["word", "segment"], ...] = ("segment",)
    include: Annotated[tuple[str, ...], Field(max_length=0)] = ()
    x_trunkline: Annotated[str, Field(max_length=_MAX_EXPECTED_CHARS)] = ""

    def config(self) -> EngineConfig:
        """Raises Invalid for an ``x_trunkline`` that is no Expected."""
        expected = Expected()
        if self.x_trunkline:
            try:
                expected = Expected.model_validate_json(self.x_trunkline)
            except ValidationError:
                raise Invalid(
                    "Invalid value for 'x_trunkline': expected a JSON object with 'tools', "
                    "'keywords' and 'is_narrowband'.",
                    code="invalid_value",
                    param="x_trunkline",
                ) from None
        return EngineConfig(
            model=self.model,
            language=self.language,
            transcription_prompt=self.prompt,
            tools=expected.tools,
            keywords=expected.keywords,
            is_narrowband=expected.is_narrowband,
        )


class Expected(BaseModel):
    """An extension, as JSON in the form: what a session with these tools would expect to hear."""

    model_config = ConfigDict(extra="forbid")

    tools: Annotated[tuple[dict[str, Any], ...], Field(max_length=MAX_TOOLS)] = ()
    keywords: Annotated[tuple[str, ...], Field(max_length=1000)] = ()
    is_narrowband: bool = False


async def read_transcription_request(request: Request) -> tuple[TranscriptionRequest, bytes]:
    """The form's fields and the file; Invalid, with the field's name, for a wrong one."""
    size = request.headers.get("content-length", "")
    if size.isdigit() and int(size) > MAX_FILE_BYTES + 65_536:
        raise _too_large()
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise Invalid("Send multipart/form-data with a 'file'.", code="invalid_content_type")
    try:
        async with request.form(max_files=1, max_fields=_MAX_FIELDS) as form:
            return await _read_form(form)
    except HTTPException as exc:
        raise Invalid(f"The form cannot be read: {exc.detail}", code="invalid_form") from None


async def _read_form(form: FormData) -> tuple[TranscriptionRequest, bytes]:
    file = form.get("file")
    if not isinstance(file, UploadFile):
        raise Invalid("Missing required parameter: 'file'.", code="missing_required_parameter",
                      param="file")  # fmt: skip
    document: dict[str, Any] = {
        key: value for key, value in form.items() if key not in ("file", *_LISTS)
    }
    for key in _LISTS:
        if values := form.getlist(key):
            document[key.removesuffix("[]")] = [str(value) for value in values]
    wanted = validated(TranscriptionRequest, document)
    data = await file.read(MAX_FILE_BYTES + 1)
    if len(data) > MAX_FILE_BYTES:
        raise _too_large()
    if not data:
        raise Invalid("The file is empty.", code="invalid_value", param="file")
    return wanted, data


async def transcription_response(
    wanted: TranscriptionRequest,
    data: bytes,
    engine: Engine,
    admission: Admission,
    meter: SessionMeter,
    key_id: str,
) -> Response:
    config = wanted.config()
    with admission.slot(key_id):
        pcm = await asyncio.to_thread(decode_audio, data, DECODE_RATE_HZ)
    seconds = round(len(pcm) / 2 / DECODE_RATE_HZ, 3)
    meter.add(TokenUsage(transcribed_ms=round(seconds * 1000)), responses=1, is_over=True)
    segments = _segments(engine, config, pcm, admission, key_id)
    if wanted.stream:
        return StreamingResponse(_as_events(segments), media_type="text/event-stream")
    found = [segment async for segment in segments]
    text = " ".join(segment.text for segment in found)
    if wanted.response_format == "text":
        return PlainTextResponse(text + "\n")
    document: dict[str, Any] = {"text": text, "usage": {"type": "duration", "seconds": seconds}}
    if wanted.response_format == "verbose_json":
        document |= _verbose(wanted, found, seconds)
    return JSONResponse(document)


async def _segments(
    engine: Engine, config: EngineConfig, pcm: bytes, admission: Admission, key_id: str
) -> AsyncGenerator[Segment]:
    with admission.slot(key_id):
        async with aclosing(transcribe(engine, config, pcm)) as found:
            async for segment in found:
                yield segment


async def _as_events(segments: AsyncGenerator[Segment]) -> AsyncIterator[bytes]:
    texts: list[str] = []
    try:
        async with aclosing(segments) as found:
            async for segment in found:
                delta = segment.text if not texts else f" {segment.text}"
                texts.append(segment.text)
                yield _event({"type": "transcript.text.delta", "delta": delta})
    except EngineError as exc:
        error = {"type": "server_error", "code": exc.code, "message": exc.message}
        yield _event({"type": "error", "error": error})
        return
    yield _event({"type": "transcript.text.done", "text": " ".join(texts)})


def _verbose(wanted: TranscriptionRequest, found: list[Segment], seconds: float) -> dict[str, Any]:
    document: dict[str, Any] = {
        "task": "transcribe",
        "language": wanted.language,
        "duration": seconds,
    }
    if "segment" in wanted.timestamp_granularities:
        document["segments"] = [
            _segment_document(number, segment) for number, segment in enumerate(found)
        ]
    if "word" in wanted.timestamp_granularities:
        document["words"] = [
            {"word": word.text, "start": word.start_ms / 1000, "end": word.end_ms / 1000}
            for segment in found
            for word in segment.words
        ]
    return document


def _segment_document(number: int, segment: Segment) -> dict[str, Any]:
    """What Whisper's engines say of a segment and ours knows: no tokens, no ``no_speech_prob``, and
    ``avg_logprob`` only from a recogniser that tells how sure it is of each word."""
    raw = segment.text.encode()
    document: dict[str, Any] = {
        "id": number,
        "seek": segment.start_ms // 10,  # in frames of 10 ms
        "start": segment.start_ms / 1000,
        "end": segment.end_ms / 1000,
        "text": segment.text,
        "temperature": 0.0,  # nothing is sampled
        "compression_ratio": round(len(raw) / len(zlib.compress(raw)), 3),
        "x_confidence": segment.confidence,
    }
    if segment.probabilities:
        logs = [log(max(one, _LEAST_PROBABILITY)) for one in segment.probabilities]
        document["avg_logprob"] = round(sum(logs) / len(logs), 4)
    return document


def _event(document: dict[str, object]) -> bytes:
    return b"data: " + orjson.dumps(document) + b"\n\n"


def _too_large() -> Invalid:
    return Invalid(
        f"The file is larger than {MAX_FILE_BYTES} bytes.", code="too_large", param="file"
    )
