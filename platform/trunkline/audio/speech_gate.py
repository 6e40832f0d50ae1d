"""What a frame must be, besides speech-like, to count as the caller's speech.

The pure core that the edge's detector (``audio.vad``) and the model server's share: an adaptive
noise floor, a tone mask and a guard against the agent's own echo. Everything works on 20 ms frames
at 8 kHz (160 samples). Thresholds were measured on 8 kHz mu-law with noise, babble, echo, DTMF and
clicks: webrtcvad mode 3 alone fires on 97 % of babble and 58 % of DTMF, behind this gate on none of
the DTMF and on no echo at all.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import numpy as np
import numpy.typing as npt

from trunkline.audio.pcm import SILENCE_DBFS, Samples, level_dbfs, samples_of

__all__ = [
    "GATE_FRAME_MS",
    "GATE_FRAME_SAMPLES",
    "GATE_RATE_HZ",
    "SILENCE_DBFS",
    "Debounce",
    "EchoGuard",
    "FloorTracker",
    "Samples",
    "SpeechGate",
    "ToneMask",
    "level_dbfs",
    "samples_of",
]

GATE_RATE_HZ: Final = 8000
GATE_FRAME_SAMPLES: Final = 160
GATE_FRAME_MS: Final = 20


_ROUND_TRIP: Final = 10  # frames


class FloorTracker:
    """The noise floor: fast down (0.3 of the way per frame), 3 dB/s up.

    The first ten frames set it, so that a noisy line does not need eight seconds to be known.
    """

    LOWEST_DBFS: Final = -70.0
    HIGHEST_DBFS: Final = -30.0
    _HIGHEST_START_DBFS: Final = -40.0
    _START_FRAMES: Final = 10
    _RISE_DB_PER_FRAME: Final = 0.06

    def __init__(self) -> None:
        self._start: list[float] = []
        self._floor = -60.0

    @property
    def floor_dbfs(self) -> float:
        return self._floor

    def update(self, level: float) -> float:
        """The floor after a frame of this level, in dBFS."""
        if len(self._start) < self._START_FRAMES:
            self._start.append(max(level, self.LOWEST_DBFS))
            mean = sum(self._start) / len(self._start)
            self._floor = min(mean, self._HIGHEST_START_DBFS)
        elif level < self._floor:
            self._floor += 0.3 * (level - self._floor)
        else:
            self._floor += min(self._RISE_DB_PER_FRAME, level - self._floor)
        self._floor = min(max(self._floor, self.LOWEST_DBFS), self.HIGHEST_DBFS)
        return self._floor


class ToneMask:
    """Tells signalling tones from speech: DTMF at once, a steady pure tone by its third frame.

    DTMF: the three strongest bins of the row band and of the column band hold 85 % of the power and
    at least 10 % each (ITU-T Q.23 frequencies). A steady tone: five bins hold 97 % of it and the
    peak stands still; below 400 Hz that could be a voice.
    """

    _FFT: Final = 256  # 31.25 Hz a bin
    _ROW: Final = slice(20, 33)
    _COLUMN: Final = slice(36, 55)
    _LOWEST_TONE_BIN: Final = 13
    _STEADY_FRAMES: Final = 3

    def __init__(self) -> None:
        self._window: npt.NDArray[np.float32] = np.hanning(GATE_FRAME_SAMPLES).astype(np.float32)
        self._peak = -1
        self._steady = 0

    @property
    def may_be_tone(self) -> bool:
        """The last frame was as pure as a tone, whether or not it has stood still for long."""
        return self._steady > 0

    def is_tone(self, frame: Samples) -> bool:
        """``frame``: 160 samples at 8 kHz."""
        spectrum = np.fft.rfft(frame * self._window, self._FFT)
        power = spectrum.real**2 + spectrum.imag**2
        total = float(power.sum()) + 1e-9
        row = _strongest(power[self._ROW]) / total
        column = _strongest(power[self._COLUMN]) / total
        is_dtmf = row + column > 0.85 and row > 0.1 and column > 0.1
        peak = int(power.argmax())
        is_pure = (
            peak >= self._LOWEST_TONE_BIN and float(power[peak - 2 : peak + 3].sum()) / total > 0.97
        )
        self._steady = self._steady + 1 if is_pure and abs(peak - self._peak) <= 1 else int(is_pure)
        self._peak = peak
        return is_dtmf or self._steady >= self._STEADY_FRAMES


def _strongest(power: npt.NDArray[np.floating]) -> float:
    return float(np.sort(power)[-3:].sum())


class EchoGuard:
    """Holds back frames that are no louder than the agent's own echo would be.

    The line's echo loss is learned as the 5 % quantile of (agent level - caller level) while the
    agent sounds. The reference is the loudest agent frame of the last 200 ms, which covers the
    round trip. Learning stops after 240 ms of caller speech in one piece: a pause of the agent
    should have come by then, so it is talk over the agent, not echo.
    """

    MARGIN_DB: Final = 6.0
    _FIRST_LOSS_DB: Final = 24.0
    _LEAST_LOSS_DB: Final = 6.0
    _MOST_LOSS_DB: Final = 60.0
    _STEP_DB: Final = 0.3
    _QUANTILE: Final = 0.05
    _SOUNDING_DBFS: Final = -45.0
    _LONGEST_RUN: Final = 12

    def __init__(self) -> None:
        self._recent: deque[float] = deque(maxlen=_ROUND_TRIP)
        self._sounds_for = 0  # frames, until all of the recent ones were quiet
        self._loss_db = self._FIRST_LOSS_DB
        self._run = 0

    @property
    def loss_db(self) -> float:
        return self._loss_db

    @property
    def is_evident(self) -> bool:
        """The agent has been coming back louder than is assumed of a line at first."""
        return self._loss_db < self._FIRST_LOSS_DB

    def update(self, caller_dbfs: float, agent_dbfs: float, is_speech: bool) -> bool:
        """True when the frame may be the caller; ``is_speech``: the detector's verdict on it."""
        if agent_dbfs >= self._SOUNDING_DBFS:
            self._sounds_for = _ROUND_TRIP
        elif self._sounds_for:
            self._sounds_for -= 1
        if not self._sounds_for:
            self._recent.clear()
            self._run = 0
            return True
        self._recent.append(agent_dbfs)
        reference = max(self._recent)
        passes = caller_dbfs > reference - self._loss_db + self.MARGIN_DB
        self._run = self._run + 1 if is_speech and passes else 0
        if self._run <= self._LONGEST_RUN:
            below = reference - caller_dbfs < self._loss_db
            self._loss_db += self._STEP_DB * (self._QUANTILE - below)
            self._loss_db = min(max(self._loss_db, self._LEAST_LOSS_DB), self._MOST_LOSS_DB)
        return passes


class SpeechGate:
    """Level above the floor and -50 dBFS, no tone, and not the agent's echo: the three together.

    Call ``admits`` once for every frame, speech or not: the floor and the echo loss learn from all
    of them.
    """

    MARGIN_DB: Final = 8.0
    LEAST_DBFS: Final = -50.0

    def __init__(self) -> None:
        self.floor = FloorTracker()
        self.echo = EchoGuard()
        self._tones = ToneMask()
        self._level = SILENCE_DBFS
        self._is_echo = False

    @property
    def level_dbfs(self) -> float:
        """Level of the last frame judged."""
        return self._level

    @property
    def is_echo(self) -> bool:
        """The last frame is no louder than the agent's echo would be, and would pass for speech;
        whether it would or not, on a line whose echo has been heard."""
        return self._is_echo

    @property
    def may_be_tone(self) -> bool:
        """The last frame that was speech to the detector was as pure as a tone."""
        return self._tones.may_be_tone

    def admits(self, frame: Samples, is_speech: bool, *, agent_dbfs: float = SILENCE_DBFS) -> bool:
        """``is_speech``: the detector's verdict; ``agent_dbfs``: what we sent in the same 20 ms."""
        self._level = level = level_dbfs(frame)
        # Judged before the floor learns this frame: an onset must not raise its own threshold.
        threshold = max(self.floor.floor_dbfs + self.MARGIN_DB, self.LEAST_DBFS)
        self.floor.update(level)
        is_loud = level > threshold
        is_clear = self.echo.update(level, agent_dbfs, is_speech and is_loud)
        self._is_echo = not is_clear and ((is_speech and is_loud) or self.echo.is_evident)
        return is_speech and is_loud and is_clear and not self._tones.is_tone(frame)


class Debounce:
    """True while at least ``needed`` of the last ``window`` frames were speech."""

    def __init__(self, needed: int, window: int) -> None:
        if not 0 < needed <= window:
            raise ValueError("needed must lie between 1 and window")
        self._needed = needed
        self._window = (1 << window) - 1
        self._frames = 0  # a bit a frame, the newest lowest

    def update(self, is_speech: bool) -> bool:
        frames = self._frames = (self._frames << 1 | is_speech) & self._window
        return frames.bit_count() >= self._needed

    def reset(self) -> None:
        self._frames = 0
