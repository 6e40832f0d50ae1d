"""When nothing of the caller's may be kept: while a secret is keyed in, and a moment after. Pure.

RFC 4733 digits leave no sound, but a trunk may send the tones in the audio as well, and a caller
may read the number out. The recording then holds comfort noise in the caller's channel.
"""

from __future__ import annotations

import random
from array import array
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from trunkline.domain.audio import AudioFormat

WITHHELD: Final = "[withheld]"
TAIL_MS: Final = 1000
"""The last key's tone is still on its way when the entry is complete already."""
LATE_WORDS_MS: Final = 10_000
"""An engine may take so long to tell what it heard."""

_NOISE_LEVEL: Final = 16  # peak, about -66 dBFS: a line that is open, and nothing on it
_MOST_WINDOWS: Final = 256


@dataclass(slots=True)
class Withholding:
    """Windows of call time, in ms, oldest first; ``until`` None while one is open."""

    windows: list[tuple[int, int | None]] = field(default_factory=list)

    @property
    def is_open(self) -> bool:
        return bool(self.windows) and self.windows[-1][1] is None

    def begin(self, at_ms: int) -> None:
        if not self.is_open:
            self.windows.append((at_ms, None))
            if len(self.windows) > _MOST_WINDOWS:  # rather too much withheld than too little
                first, second, *rest = self.windows
                self.windows = [(first[0], second[1]), *rest]

    def end(self, at_ms: int) -> None:
        if self.is_open:
            self.windows[-1] = (self.windows[-1][0], at_ms + TAIL_MS)

    def covers(self, from_ms: int, to_ms: int) -> bool:
        """Whether any of that time is withheld."""
        return bool(self.windows) and any(
            start <= to_ms and (until is None or from_ms < until) for start, until in self.windows
        )

    def is_near(self, now_ms: int) -> bool:
        """What is told now may be about something withheld."""
        return self.covers(now_ms - LATE_WORDS_MS, now_ms)


class ComfortNoise:
    """Stands in for the caller in the pairs of one leg."""

    def __init__(self, audio_format: AudioFormat) -> None:
        self._size = audio_format.bytes_per_frame
        self._noise = _second_of_noise(self._size)
        self._at = 0

    def over(self, pairs: bytes) -> bytes:
        """The pairs (caller frame, agent frame, ...) with noise for every caller frame."""
        masked = bytearray(pairs)
        for at in range(0, len(pairs), 2 * self._size):
            masked[at : at + self._size] = self._noise[self._at : self._at + self._size]
            self._at = (self._at + self._size) % len(self._noise)
        return bytes(masked)


@lru_cache(maxsize=4)
def _second_of_noise(frame_bytes: int) -> bytes:
    """The same for every call: it takes a hundredth of a second to make."""
    dice = random.Random(4733)
    noise = (dice.randint(-_NOISE_LEVEL, _NOISE_LEVEL) for _ in range(frame_bytes // 2 * 50))
    return array("h", noise).tobytes()
