"""Linear PCM, 16-bit little-endian, mono: the only audio inside; conversion happens at the rims."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

SAMPLE_WIDTH_BYTES: Final = 2
PTIME_MS: Final = 20


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """A sample rate and a ptime; samples are int16 little-endian mono."""

    sample_rate_hz: int
    ptime_ms: int = PTIME_MS

    @property
    def samples_per_frame(self) -> int:
        return self.sample_rate_hz * self.ptime_ms // 1000

    @property
    def bytes_per_frame(self) -> int:
        return self.samples_per_frame * SAMPLE_WIDTH_BYTES

    def samples_to_ms(self, samples: int) -> int:
        return samples * 1000 // self.sample_rate_hz

    def ms_to_samples(self, ms: float) -> int:
        return int(ms * self.sample_rate_hz / 1000)


@dataclass(frozen=True, slots=True)
class WordMark:
    """One spoken word and where it lies in its item's audio, in milliseconds from the item's start.

    ``is_estimated`` is True when an engine gave no word times and they were interpolated.
    """

    text: str
    start_ms: int
    end_ms: int
    is_estimated: bool = False
