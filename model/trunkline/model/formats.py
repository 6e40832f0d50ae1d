"""The three wire formats and what they are inside: PCM16 at 24 kHz or 8 kHz."""

from __future__ import annotations

from trunkline.audio.framer import Framer
from trunkline.audio.g711 import alaw_to_pcm, pcm_to_alaw, pcm_to_ulaw, ulaw_to_pcm
from trunkline.audio.resample import Resampler
from trunkline.realtime.session import (
    PcmaFormat,
    PcmFormat,
    PcmuFormat,
    WireAudioFormat,
    format_rate_hz,
)


class InputDecoder:
    """Payloads of appends to PCM16; a sample may be split between two appends."""

    def __init__(self, audio_format: WireAudioFormat) -> None:
        self.format = audio_format
        self.rate_hz = format_rate_hz(audio_format)
        self._framer = Framer(2)

    def decode(self, payload: bytes) -> bytes:
        match self.format:
            case PcmFormat():
                return self._framer.feed_whole(payload)
            case PcmuFormat():
                return ulaw_to_pcm(payload)
            case PcmaFormat():
                return alaw_to_pcm(payload)


def encode(pcm: bytes, audio_format: WireAudioFormat) -> bytes:
    """PCM16 at the format's own rate to its payload."""
    match audio_format:
        case PcmFormat():
            return pcm
        case PcmuFormat():
            return pcm_to_ulaw(pcm)
        case PcmaFormat():
            return pcm_to_alaw(pcm)


def bytes_per_ms(audio_format: WireAudioFormat) -> int:
    return 48 if isinstance(audio_format, PcmFormat) else 8


class OutputEncoder:
    """Engine speech (PCM16 at the engine's rate) to payload bytes, filter state kept."""

    def __init__(self, engine_rate_hz: int, audio_format: WireAudioFormat) -> None:
        self.format = audio_format
        self._resampler = Resampler(engine_rate_hz, format_rate_hz(audio_format))

    def encode(self, pcm: bytes) -> bytes:
        return encode(self._resampler.feed(pcm), self.format)

    def flush(self) -> bytes:
        """The filter's last 2 ms, at the end of an item."""
        return encode(self._resampler.flush(), self.format)
