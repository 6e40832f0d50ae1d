"""A call as a two-channel 16-bit WAV, caller left and agent right, streamed to disk.

The header is rewritten with every piece (500 ms), so a file whose process was killed opens and is
whole to the last second. A piece that the disk refuses is left out and counted; because every piece
goes to its own place in the file, what follows keeps its place in time and the hole is silence.
"""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trunkline.audio.disk_writer import Disk
from trunkline.audio.pcm import hushed, interleave_pairs
from trunkline.domain.audio import AudioFormat
from trunkline.domain.events import RecordingState
from trunkline.runtime.logging import get_logger

log = get_logger(__name__)

_CHANNELS: Final = 2
_BLOCK_BYTES: Final = 4  # one sample of each channel
_HEADER_BYTES: Final = 44
_PIECE_MS: Final = 500
# A WAV cannot say more; players read to the end of the file then (12 hours at 24 kHz).
_MOST_BYTES: Final = 0xFFFFFFFF - 36


@dataclass(frozen=True, slots=True)
class RecordingOutcome:
    state: RecordingState
    duration_ms: int
    lost_ms: int


def wav_header(rate_hz: int, audio_bytes: int) -> bytes:
    """44 bytes of RIFF/WAVE, PCM, two channels."""
    size = min(audio_bytes, _MOST_BYTES)
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF",
        size + 36,
        b"WAVE",
        b"fmt ",
        16,
        1,
        _CHANNELS,
        rate_hz,
        rate_hz * _BLOCK_BYTES,
        _BLOCK_BYTES,
        16,
        b"data",
        size,
    )


class CallRecorder:
    """Takes the leg's pairs on the loop; never blocks and never raises."""

    def __init__(self, path: Path, audio_format: AudioFormat, disk: Disk) -> None:
        self.path = path
        self._format = audio_format
        self._disk = disk
        self._file = _WavFile(path, audio_format.sample_rate_hz)
        self._pending = bytearray()
        self._samples = 0  # per channel, taken
        self._refused = 0  # per channel, the disk's queue was full
        self._piece_bytes = 2 * audio_format.bytes_per_frame * (_PIECE_MS // audio_format.ptime_ms)
        self._closing: Future[RecordingOutcome] | None = None

    def write(self, pairs: bytes) -> None:
        if self._closing is not None:
            return
        self._pending += pairs
        if len(self._pending) >= self._piece_bytes:
            self._send()

    def hide(self, channel: int, first: int, last: int) -> None:
        """Comfort noise over samples of a channel (0 the caller) that were taken already.

        Behind everything that is on its way to the disk, and whatever the queue says: what is to
        be hidden must not stay because the disk is slow.
        """
        first, last = max(first, 0), min(last, self._samples + len(self._pending) // _BLOCK_BYTES)
        if first >= last or self._closing is not None:
            return
        if self._pending:
            self._send()
        self._disk.finish(lambda: self._file.hide(channel, first, last))

    def _send(self) -> None:
        pairs = bytes(self._pending)
        self._pending.clear()
        samples = len(pairs) // _BLOCK_BYTES
        at = self._samples
        self._samples += samples
        frame_bytes = self._format.bytes_per_frame
        if not self._disk.submit(
            lambda: self._file.write(at, interleave_pairs(pairs, frame_bytes))
        ):
            self._refused += samples

    def close(self) -> Future[RecordingOutcome]:
        """Write what is left and the final header; the same future whenever it is called."""
        if self._closing is None:
            if self._pending:
                self._send()
            self._closing = self._disk.finish(self._finish)
        return self._closing

    def _finish(self) -> RecordingOutcome:
        lost = self._file.close() + self._refused
        rate = self._format.sample_rate_hz
        return RecordingOutcome(
            state=RecordingState.INCOMPLETE if lost else RecordingState.COMPLETE,
            duration_ms=self._samples * 1000 // rate,
            lost_ms=-(-lost * 1000 // rate),
        )


class _WavFile:
    """The file itself; every method runs on the disk's thread."""

    def __init__(
        self,
        path: Path,
        rate_hz: int,
        pwrite: Callable[[int, bytes, int], int] = os.pwrite,
    ) -> None:
        self._path = path
        self._rate_hz = rate_hz
        self._pwrite = pwrite
        self._fd: int | None = None
        self._end_bytes = 0
        self._lost_samples = 0
        self._has_complained = False

    def write(self, at_sample: int, block: bytes) -> None:
        try:
            if self._fd is None:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
            self._write_all(block, _HEADER_BYTES + at_sample * _BLOCK_BYTES)
            self._end_bytes = at_sample * _BLOCK_BYTES + len(block)
            self._write_all(wav_header(self._rate_hz, self._end_bytes), 0)
        except OSError as exc:
            self._lost_samples += len(block) // _BLOCK_BYTES
            self._complain(exc)

    def hide(self, channel: int, first: int, last: int) -> None:
        if self._fd is None:
            return
        try:
            at = _HEADER_BYTES + first * _BLOCK_BYTES
            block = os.pread(self._fd, (last - first) * _BLOCK_BYTES, at)
            block = block[: len(block) // _BLOCK_BYTES * _BLOCK_BYTES]
            self._write_all(hushed(block, channel), at)
        except OSError as exc:
            log.error("a number could not be hidden in a recording", file=self._path.name)
            self._complain(exc)

    def _write_all(self, payload: bytes, at: int) -> None:
        assert self._fd is not None
        view = memoryview(payload)
        while view:
            count = self._pwrite(self._fd, bytes(view), at)
            if count == 0:
                raise OSError(errno.ENOSPC, "the disk takes no more")
            view = view[count:]
            at += count

    def _complain(self, exc: OSError) -> None:
        if not self._has_complained:
            self._has_complained = True
            log.error(
                "a recording cannot be written; the call goes on",
                file=self._path.name,
                reason=exc.strerror or type(exc).__name__,
            )

    def close(self) -> int:
        """Samples that were lost, per channel."""
        if self._fd is not None:
            try:
                os.close(self._fd)
            except OSError as exc:
                self._complain(exc)
            self._fd = None
        return self._lost_samples
