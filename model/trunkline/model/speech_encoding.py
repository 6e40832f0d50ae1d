"""Mono PCM16 to what ``response_format`` names, as it comes: FFmpeg's codecs, by PyAV.

``wav`` is not here: its header tells a length that is known at the end only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Final, Protocol

import av
import numpy as np


@dataclass(frozen=True, slots=True)
class _Coding:
    container: str
    codec: str
    media_type: str
    bit_rate: int | None = None
    sample_format: str = "s16"
    options: Mapping[str, str] = field(default_factory=dict)


_CODINGS: Final[Mapping[str, _Coding]] = {
    # Without the Xing header, which needs a file that can be sought.
    "mp3": _Coding("mp3", "libmp3lame", "audio/mpeg", 64_000, "s16p", {"write_xing": "0"}),
    # 100 ms pages: else Ogg gathers a second before the first byte leaves.
    "opus": _Coding("ogg", "libopus", "audio/ogg", 32_000, options={"page_duration": "100000"}),
    "aac": _Coding("adts", "aac", "audio/aac", 64_000, "fltp"),
    "flac": _Coding("flac", "flac", "audio/flac"),
}


def media_type(audio_format: str, rate_hz: int) -> str:
    if audio_format == "pcm":
        return f"audio/pcm;rate={rate_hz};channels=1"
    return "audio/wav" if audio_format == "wav" else _CODINGS[audio_format].media_type


class SpeechEncoder(Protocol):
    def encode(self, pcm: bytes) -> bytes:
        """Whole samples in; whatever is ready of the stream out."""
        ...

    def finish(self) -> bytes:
        """The end of the stream; nothing may follow."""
        ...


def speech_encoder(audio_format: str, rate_hz: int) -> SpeechEncoder:
    """For ``pcm`` and the formats of ``_CODINGS``."""
    return PlainPcm() if audio_format == "pcm" else _AvEncoder(_CODINGS[audio_format], rate_hz)


class PlainPcm:
    def encode(self, pcm: bytes) -> bytes:
        return pcm

    def finish(self) -> bytes:
        return b""


class _Pipe:
    """What FFmpeg writes, until it is taken; it cannot be sought."""

    def __init__(self) -> None:
        self._written = bytearray()

    def write(self, data: bytes) -> int:
        self._written += data
        return len(data)

    def take(self) -> bytes:
        taken = bytes(self._written)
        self._written.clear()
        return taken


class _AvEncoder:
    def __init__(self, coding: _Coding, rate_hz: int) -> None:
        self._pipe = _Pipe()
        self._container: Any = av.open(
            self._pipe, "w", format=coding.container, options=dict(coding.options)
        )
        self._stream: Any = self._container.add_stream(coding.codec, rate=rate_hz, layout="mono")
        codec: Any = self._stream.codec_context
        codec.format = coding.sample_format
        if coding.bit_rate is not None:
            codec.bit_rate = coding.bit_rate
        self._rate_hz = rate_hz
        # Encoders want frames of their own size and, most, another sample format.
        self._frames = av.AudioResampler(format=coding.sample_format, layout="mono", rate=rate_hz)
        self._samples = 0

    def encode(self, pcm: bytes) -> bytes:
        if pcm:
            samples = np.frombuffer(pcm, "<i2").reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
            frame.sample_rate = self._rate_hz
            frame.time_base = Fraction(1, self._rate_hz)
            frame.pts = self._samples
            self._samples += samples.shape[1]
            self._write(self._frames.resample(frame))
        return self._pipe.take()

    def finish(self) -> bytes:
        self._write(self._frames.resample(None))
        self._container.mux(self._stream.encode(None))
        self._container.close()
        return self._pipe.take()

    def _write(self, frames: list[Any]) -> None:
        for frame in frames:
            self._container.mux(self._stream.encode(frame))
