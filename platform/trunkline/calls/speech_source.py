"""Where the edge's own lines are rendered: ``POST /v1/audio/speech`` of the model server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

import httpx
import orjson
import pybase64

from trunkline.domain.audio import WordMark
from trunkline.domain.errors import EngineError, EngineProtocolError, EngineTimeout
from trunkline.domain.events import Json

FIRST_AUDIO_TIMEOUT_S: Final = 4.0


@dataclass(frozen=True, slots=True)
class SpokenLine:
    """A text and everything that decides how it sounds."""

    text: str
    voice: str
    speed: float
    language: str
    model: str
    sample_rate_hz: int


@dataclass(frozen=True, slots=True)
class SpeechPiece:
    """PCM16 at the line's rate; ``marks`` are milliseconds from the line's start.

    ``is_spare``: another voice stood in for the one that was wanted.
    """

    pcm: bytes
    marks: tuple[WordMark, ...] = ()
    is_spare: bool = False


class SpeechSource(Protocol):
    def speak(self, line: SpokenLine) -> AsyncIterator[SpeechPiece]:
        """Pieces in order, as they are synthesised; raises EngineError."""
        ...


class HttpSpeech:
    """Streams a line as server-sent events with word times."""

    def __init__(self, http: httpx.AsyncClient, base_url: str, api_key: str) -> None:
        self._http = http
        self._url = f"{base_url.rstrip('/')}/audio/speech"
        self._headers = {"Authorization": f"Bearer {api_key}"}

    async def speak(self, line: SpokenLine) -> AsyncIterator[SpeechPiece]:
        body = {
            "model": line.model,
            "input": line.text,
            "voice": line.voice,
            "speed": line.speed,
            "response_format": "pcm",
            "stream_format": "sse",
            "x_words": True,
            "x_sample_rate": line.sample_rate_hz,
            "x_language": line.language,
        }
        timeout = httpx.Timeout(FIRST_AUDIO_TIMEOUT_S, connect=2.0)
        try:
            async with self._http.stream(
                "POST", self._url, json=body, headers=self._headers, timeout=timeout
            ) as response:
                if response.status_code != 200:
                    raise EngineError(
                        f"speech was refused with HTTP {response.status_code}",
                        code="speech_refused",
                        retryable=response.status_code >= 500,
                    )
                is_done = False
                async for text in response.aiter_lines():
                    if not text.startswith("data:"):
                        continue
                    event = _document(text)
                    if event.get("type") == "speech.audio.delta":
                        yield _piece(event)
                    elif event.get("type") == "speech.audio.done":
                        is_done = True
                    elif event.get("type") == "error":
                        raise EngineError("speech broke off", code="speech_failed")
                if not is_done:
                    raise EngineProtocolError("speech ended without speech.audio.done")
        except httpx.TimeoutException:
            raise EngineTimeout("no speech within the deadline", code="speech_timeout") from None
        except httpx.HTTPError as exc:
            raise EngineError(
                f"the speech endpoint cannot be reached: {type(exc).__name__}",
                code="speech_unreachable",
            ) from None


def _document(text: str) -> Mapping[str, Json]:
    try:
        document = orjson.loads(text.removeprefix("data:").strip())
    except orjson.JSONDecodeError:
        raise EngineProtocolError("speech came as something that is not JSON") from None
    return document if isinstance(document, dict) else {}


def _piece(event: Mapping[str, Json]) -> SpeechPiece:
    try:
        pcm = pybase64.b64decode(event["audio"], validate=True)
        marks = tuple(
            WordMark(str(word["text"]), int(word["start_ms"]), int(word["end_ms"]))
            for word in event.get("x_words") or ()
        )
    except (KeyError, TypeError, ValueError):
        raise EngineProtocolError("a speech delta has the wrong shape") from None
    if len(pcm) % 2:
        raise EngineProtocolError("a speech delta ends in half a sample")
    return SpeechPiece(pcm, marks, event.get("x_spare") is True)
