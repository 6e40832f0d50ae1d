"""One turn's audio to text at ``/audio/transcriptions``: streamed events or one document."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import orjson

from trunkline.audio.resample import resampled
from trunkline.domain.errors import EngineError, EngineProtocolError
from trunkline.model.cascade.hosted.http import Body, HostedEndpoint, HostedStream
from trunkline.model.cascade.hosted.sse import DONE, SseReader, event_document
from trunkline.model.cascade.tool_annotations import read_tools
from trunkline.model.engine import EngineConfig
from trunkline.runtime.engine_settings import HostedTranscriptionSettings

EARS_RATE_HZ: Final = 16_000
_NARROW_HZ: Final = 8_000
_PROMPT_CHARS: Final = 800  # some recognisers read the last 224 tokens and drop the rest
_MAX_TEXT_CHARS: Final = 32_768
_ACCEPTS: Final = ("text/event-stream", "application/json", "text/plain")


@dataclass(frozen=True, slots=True)
class Heard:
    """``confidence`` only where the far end tells one."""

    text: str
    confidence: float | None = None


async def transcribe(
    endpoint: HostedEndpoint,
    settings: HostedTranscriptionSettings,
    config: EngineConfig,
    pcm: bytes,
    on_text: Callable[[str], None],
) -> Heard:
    """``pcm`` at 16 kHz; ``on_text`` hears the text so far. Raises EngineError."""

    def body() -> Body:
        rate_hz = _NARROW_HZ if config.is_narrowband else EARS_RATE_HZ
        wav = wav_file(resampled(pcm, EARS_RATE_HZ, rate_hz), rate_hz)
        return Body(fields=_fields(settings, config), file=("turn.wav", wav, "audio/wav"))

    async with endpoint.answer(body, accepts=_ACCEPTS) as stream:
        match stream.content_type:
            case "text/event-stream":
                return await _streamed(stream, on_text)
            case "application/json":
                return _whole(event_document((await stream.whole()).decode("utf-8", "replace")))
        return Heard((await stream.whole()).decode("utf-8", "replace").strip())


def wav_file(pcm: bytes, rate_hz: int) -> bytes:
    """PCM16 mono with a RIFF header."""
    head = struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF", 36 + len(pcm), b"WAVE", b"fmt ", 16, 1, 1, rate_hz, rate_hz * 2, 2, 16,
        b"data", len(pcm),
    )  # fmt: skip
    return head + pcm


def prompt_of(config: EngineConfig) -> str:
    """What the session expects to hear, one entry a line, the session's own words first."""
    entries = [config.transcription_prompt, *config.keywords]
    plan = read_tools(config.tools)
    examples = [intent.examples for intent in plan.intents if intent.is_declared]
    # A few of each rather than all of the first.
    for place in range(max(map(len, examples), default=0)):
        entries += [each[place] for each in examples if place < len(each)]
    prompt = ""
    for entry in dict.fromkeys(entry.strip() for entry in entries if entry.strip()):
        if prompt and len(prompt) + len(entry) + 1 > _PROMPT_CHARS:
            break
        prompt = f"{prompt}\n{entry}" if prompt else entry
    return prompt


def _fields(settings: HostedTranscriptionSettings, config: EngineConfig) -> dict[str, Any]:
    fields: dict[str, Any] = {"model": settings.model, "language": config.language}
    if settings.is_trunkline:
        expected = {
            "tools": list(config.tools),
            "keywords": list(config.keywords),
            "is_narrowband": config.is_narrowband,
        }
        fields |= {
            "prompt": config.transcription_prompt,
            "x_trunkline": orjson.dumps(expected).decode(),
            "response_format": "verbose_json",
        }
        return fields
    if prompt := prompt_of(config):
        fields["prompt"] = prompt
    if settings.is_streamed:
        fields["stream"] = "true"
    return fields


async def _streamed(stream: HostedStream, on_text: Callable[[str], None]) -> Heard:
    reader, text = SseReader(), ""
    final: str | None = None

    def take(data: str) -> None:
        nonlocal text, final
        if data.strip() == DONE:
            return
        event = event_document(data)
        match event.get("type"):
            case "transcript.text.delta" if isinstance(event.get("delta"), str):
                text += event["delta"]
                if len(text) > _MAX_TEXT_CHARS:
                    raise EngineProtocolError("the far end's transcript is too long")
                on_text(text.strip())
            case "transcript.text.done" if isinstance(event.get("text"), str):
                final = event["text"]
            case "error":
                raise EngineError("the far end reported an error", code="hosted_failed")

    async for chunk in stream:
        for data in reader.feed(chunk):
            take(data)
    for data in reader.feed(b"", is_last=True):
        take(data)
    if final is None:
        raise EngineError("the transcript ended in the middle", code="hosted_cut")
    return Heard(final.strip())


def _whole(document: dict[str, Any]) -> Heard:
    text = document.get("text")
    if not isinstance(text, str):
        raise EngineProtocolError("the far end's answer has no text", code="hosted_malformed")
    segments = document.get("segments")
    known = [
        segment["x_confidence"]
        for segment in (segments if isinstance(segments, list) else ())
        if isinstance(segment, dict) and isinstance(segment.get("x_confidence"), int | float)
    ]
    return Heard(text.strip(), min(max(min(known), 0.0), 1.0) if known else None)
