"""Uploaded audio files to PCM16 mono: FFmpeg's decoders, by PyAV.

The container is told by the file's first bytes and never probed for: a playlist posing as audio
would make FFmpeg open other files.
"""

from __future__ import annotations

import io
from typing import Any, Final

import av
from av.error import FFmpegError

from trunkline.domain.errors import Invalid

MAX_AUDIO_S: Final = 1500


def container_of(data: bytes) -> str | None:
    """FFmpeg's name of the container, or None for one that is not taken."""
    if data[:4] == b"RIFF" and data[8:12] == b"WAVE":
        return "wav"
    if data[:4] == b"OggS":
        return "ogg"
    if data[:4] == b"fLaC":
        return "flac"
    if data[:4] == b"\x1aE\xdf\xa3":
        return "matroska"
    if data[4:8] == b"ftyp":
        return "mp4"
    if data[:3] == b"ID3":
        return "mp3"
    if len(data) > 1 and data[0] == 0xFF and data[1] & 0xF6 == 0xF0:
        return "aac"
    if len(data) > 1 and data[0] == 0xFF and data[1] & 0xE0 == 0xE0:
        return "mp3"
    return None


def decode_audio(data: bytes, rate_hz: int) -> bytes:
    """The whole file as PCM16 mono; blocks, so call it on a thread. Invalid names what is wrong."""
    container = container_of(data)
    if container is None:
        raise _bad("is not mp3, mp4, m4a, wav, webm, ogg, flac or aac audio")
    pcm = bytearray()
    resampler = av.AudioResampler(format="s16", layout="mono", rate=rate_hz)
    try:
        opened: Any
        with av.open(io.BytesIO(data), "r", format=container) as opened:
            if not opened.streams.audio:
                raise _bad("holds no audio")
            for frame in opened.decode(opened.streams.audio[0]):
                _add(pcm, resampler.resample(frame))
                if len(pcm) > MAX_AUDIO_S * rate_hz * 2:
                    raise _bad(f"is longer than {MAX_AUDIO_S} s")
            _add(pcm, resampler.resample(None))
    except (FFmpegError, ValueError):
        raise _bad("cannot be decoded: it is damaged or of another kind than it begins") from None
    return bytes(pcm)


def _add(pcm: bytearray, frames: list[Any]) -> None:
    for frame in frames:
        pcm += frame.to_ndarray().astype("<i2").tobytes()


def _bad(why: str) -> Invalid:
    return Invalid(f"The file {why}.", code="invalid_value", param="file")
