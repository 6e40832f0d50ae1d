"""What the caller's side of the line shows: when the agent speaks and when it stops. Pure.

Every time is counted in frames of 20 ms since the first one, behind our own jitter buffer.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trunkline.domain.audio import PTIME_MS

# Comfort noise lies near -60 dBFS, speech between -35 and -10.
SPEECH_DBFS: Final = -45.0
_FULL_SCALE: Final = 32768.0


def level_dbfs(frame: NDArray[np.int16]) -> float:
    """RMS level of a frame; -120 for digital silence."""
    rms = float(np.sqrt(np.mean(np.square(frame.astype(np.float64)))))
    return 20 * float(np.log10(rms / _FULL_SCALE)) if rms > 0.03 else -120.0


def speech_span(pcm: NDArray[np.int16], rate_hz: int) -> tuple[int, int]:
    """First and last millisecond of speech in a rendered phrase, on 5 ms windows."""
    window = rate_hz // 200
    frames = pcm[: len(pcm) // window * window].reshape(-1, window)
    loud = [i for i, frame in enumerate(frames) if level_dbfs(frame) > SPEECH_DBFS]
    if not loud:
        return 0, len(pcm) * 1000 // rate_hz
    return loud[0] * 5, (loud[-1] + 1) * 5


@dataclass(slots=True)
class Utterance:
    """A stretch of agent speech on the caller's clock, in ms."""

    started_ms: int
    ended_ms: int


@dataclass(slots=True)
class AgentWatch:
    """Follows the agent's speech frame by frame.

    An utterance begins with three loud frames of five and ends after ``pause_ms`` without one.
    """

    pause_ms: int = 900
    utterances: list[Utterance] = field(default_factory=list)
    now_ms: int = 0
    _recent: deque[bool] = field(default_factory=lambda: deque(maxlen=5))
    _last_loud_ms: int = -1
    _is_speaking: bool = False

    @property
    def is_speaking(self) -> bool:
        return self._is_speaking

    @property
    def silent_for_ms(self) -> int:
        """Since the end of the agent's last sound, or since the beginning."""
        return self.now_ms - max(self._last_loud_ms, 0)

    @property
    def last_loud_ms(self) -> int:
        """End of the last loud frame; -1 when there was none."""
        return self._last_loud_ms

    def feed(self, frame: NDArray[np.int16]) -> None:
        loud = level_dbfs(frame) > SPEECH_DBFS
        started_ms = self.now_ms
        self.now_ms += PTIME_MS
        self._recent.append(loud)
        if loud:
            self._last_loud_ms = self.now_ms
        if not self._is_speaking and sum(self._recent) >= 3:
            self._is_speaking = True
            first = next(i for i, was in enumerate(self._recent) if was)
            onset = started_ms - (len(self._recent) - 1 - first) * PTIME_MS
            self.utterances.append(Utterance(onset, self.now_ms))
        if self._is_speaking:
            self.utterances[-1].ended_ms = self._last_loud_ms
            if self.now_ms - self._last_loud_ms >= self.pause_ms:
                self._is_speaking = False
                self._recent.clear()

    def first_audio_after(self, ms: int) -> int | None:
        """When the agent was first heard at or after ``ms``; None when it was not."""
        return next((u.started_ms for u in self.utterances if u.started_ms >= ms), None)


def stop_to_silence_ms(loud_frames: list[int], onset_ms: int, quiet_ms: int = 200) -> int | None:
    """From our onset to the end of the agent's sound, given its loud frames' start times.

    None when the agent was not speaking at the onset, or did not stop for ``quiet_ms``.
    """
    around = [ms for ms in loud_frames if onset_ms - 300 <= ms]
    if not around or around[0] > onset_ms + 100:
        return None
    end = onset_ms
    for ms in around:
        if ms - end > quiet_ms:
            return max(end - onset_ms, 0)
        end = max(end, ms + PTIME_MS)
    return end - onset_ms
