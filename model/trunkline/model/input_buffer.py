"""The input audio buffer: PCM16 with its place on the session's audio clock.

Places are samples at 8 kHz since the session began (1 ms is 8), whatever the input format, and are
never reset. Bounded: while nothing is being said only the last ten seconds are kept; an uncommitted
buffer without turn detection holds at most ten minutes and then refuses more.
"""

from __future__ import annotations

from typing import Final

from trunkline.audio.resample import resampled
from trunkline.domain.errors import ProtocolError

CLOCK_HZ: Final = 8000
LONGEST_IDLE_S: Final = 10
LONGEST_MANUAL_S: Final = 600
LEAST_COMMIT_MS: Final = 100


class InputBuffer:
    """``start``..``end`` is what it holds; ``end`` is the session's audio clock."""

    def __init__(self, rate_hz: int) -> None:
        self.rate_hz = rate_hz
        self._pcm = bytearray()
        self._start = 0
        self._base = 0  # clock at which the present rate began
        self._written = 0  # samples at the present rate since then

    @property
    def start(self) -> int:
        return self._start

    @property
    def end(self) -> int:
        return self._base + self._written * CLOCK_HZ // self.rate_hz

    @property
    def held_ms(self) -> int:
        return len(self._pcm) // 2 * 1000 // self.rate_hz

    def append(self, pcm: bytes) -> None:
        self._pcm += pcm
        self._written += len(pcm) // 2

    def refuse_overflow(self, payload_ms: int) -> None:
        """Raises ProtocolError when this much more would not fit an uncommitted buffer."""
        if self.held_ms + payload_ms > LONGEST_MANUAL_S * 1000:
            raise ProtocolError(
                f"The input buffer holds {LONGEST_MANUAL_S} s of audio; commit or clear it first.",
                code="input_audio_buffer_full",
            )

    def between(self, start: int, end: int) -> bytes:
        first = max(start - self._start, 0) * self.rate_hz // CLOCK_HZ
        last = max(end - self._start, 0) * self.rate_hz // CLOCK_HZ
        return bytes(self._pcm[first * 2 : last * 2])

    def drop_before(self, place: int) -> None:
        samples = max(place - self._start, 0) * self.rate_hz // CLOCK_HZ
        del self._pcm[: samples * 2]
        self._start = max(place, self._start)

    def trim_idle(self) -> None:
        """Nothing is being said: keep the last ten seconds. In steps of one, to move rarely."""
        if self.end - self._start > (LONGEST_IDLE_S + 1) * CLOCK_HZ:
            self.drop_before(self.end - LONGEST_IDLE_S * CLOCK_HZ)

    def clear(self) -> None:
        self._pcm.clear()
        self._start = self.end

    def change_rate(self, rate_hz: int) -> None:
        """What follows has another rate; what is held is converted."""
        if rate_hz == self.rate_hz:
            return
        self._base = self.end
        self._written = 0
        self._pcm = bytearray(resampled(bytes(self._pcm), self.rate_hz, rate_hz))
        self.rate_hz = rate_hz
