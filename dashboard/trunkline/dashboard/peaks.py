"""How loud each side of a recording is over time: computed once, streamed, kept beside the file."""

from __future__ import annotations

import base64
import os
import secrets
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
import orjson

from trunkline.domain.errors import Invalid

BUCKET_MS: Final = 20
_MAX_BUCKETS: Final = 6000
_CHUNK_FRAMES: Final = 1 << 18
_FORMAT: Final = 1
_MOST_BYTES: Final = 0xFFFFFFFF - 36


@dataclass(frozen=True, slots=True)
class WavLayout:
    """Where the samples of a PCM16 WAV lie; ``frames`` is what is really there."""

    offset: int
    channels: int
    sample_rate_hz: int
    frames: int

    @property
    def duration_ms(self) -> int:
        return self.frames * 1000 // self.sample_rate_hz


def wav_layout(file: BinaryIO, size: int) -> WavLayout:
    """Reads the header, believing the file's size over a length left unfinished by a crash.

    Invalid when it is no PCM16 WAV.
    """
    if file.read(4) != b"RIFF" or len(file.read(4)) != 4 or file.read(4) != b"WAVE":
        raise Invalid("the recording is not a WAV file", code="bad_recording")
    channels = rate = 0
    while len(head := file.read(8)) == 8:
        name, length = head[:4], struct.unpack("<I", head[4:])[0]
        start = file.tell()
        if name == b"fmt ":
            kind, channels, rate, _, _, bits = struct.unpack("<HHIIHH", file.read(16))
            if kind not in (1, 0xFFFE) or bits != 16 or not channels or not rate:
                raise Invalid("the recording is not 16-bit PCM", code="bad_recording")
        elif name == b"data":
            if not channels:
                break
            room = max(0, size - start)
            # Zero: never closed. Near the most a WAV can say: it went on beyond that.
            length = min(length, room) if 0 < length < _MOST_BYTES else room
            return WavLayout(start, channels, rate, length // (2 * channels))
        file.seek(start + length + (length & 1))
    raise Invalid("the recording's header is incomplete", code="bad_recording")


def compute_peaks(path: Path) -> bytes:
    """JSON: bucket_ms, duration_ms, and per channel base64 of one byte per bucket (0..255).

    A byte is the bucket's loudest sample on a square-root scale, so that quiet speech still shows.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        layout = wav_layout(file, size)
        bucket_ms = max(BUCKET_MS, -(-layout.duration_ms // _MAX_BUCKETS))
        width = max(1, layout.sample_rate_hz * bucket_ms // 1000)
        step = max(1, _CHUNK_FRAMES // width) * width
        loudest: list[np.ndarray[tuple[int, int], np.dtype[np.float64]]] = []
        file.seek(layout.offset)
        left = layout.frames
        while left > 0:
            raw = file.read(min(step, left) * 2 * layout.channels)
            frames = len(raw) // (2 * layout.channels)
            if frames == 0:
                break
            samples = np.frombuffer(raw, "<i2", frames * layout.channels).astype(np.int32)
            left -= frames
            pad = -frames % width
            shaped = np.pad(np.abs(samples.reshape(frames, -1)), ((0, pad), (0, 0)))
            loudest.append(shaped.reshape(-1, width, layout.channels).max(axis=1) / 32768)
    peaks = np.concatenate(loudest) if loudest else np.zeros((0, layout.channels))
    scaled = np.minimum(255, np.rint(np.sqrt(peaks) * 255)).astype(np.uint8)
    return orjson.dumps(
        {
            "format": _FORMAT,
            "size": size,
            "bucket_ms": bucket_ms,
            "duration_ms": layout.duration_ms,
            "channels": [
                base64.b64encode(scaled[:, channel].tobytes()).decode()
                for channel in range(layout.channels)
            ],
        }
    )


def cached_peaks(path: Path) -> bytes:
    """The peaks of ``path`` from the file beside it, computed first when that is absent or stale.

    A disk that is full or read-only costs only the cache.
    """
    cache = path.with_name(path.name + ".peaks.json")
    try:
        kept = cache.read_bytes()
        document = orjson.loads(kept)
        if document["format"] == _FORMAT and document["size"] == path.stat().st_size:
            return kept
    except (FileNotFoundError, orjson.JSONDecodeError, KeyError, TypeError):
        pass
    fresh = compute_peaks(path)
    draft = cache.with_name(f"{cache.name}.{secrets.token_hex(4)}")
    try:
        draft.write_bytes(fresh)
        os.replace(draft, cache)
    except OSError:
        draft.unlink(missing_ok=True)
    return fresh
