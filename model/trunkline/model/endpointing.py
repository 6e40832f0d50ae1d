"""When a turn begins and ends: frame verdicts in, speech started, stopped or timed out. Pure.

Positions are samples at 8 kHz of everything written to the input buffer, so an upload that is
faster than real time ends its turns at the same places.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from math import ceil
from typing import Final, TypeAlias

from trunkline.audio.speech_gate import GATE_FRAME_SAMPLES, Debounce

SAMPLES_PER_MS: Final = 8
_WINDOW: Final = 5
# A turn that may be over is told of when this much of its hangover is left: a decode, a plan and
# the first clause take 100 to 300 ms. Sooner would be wasted on every breath; later comes late.
_LEAD_MS: Final = 340
# Closures of plosives and the gaps between two digits are shorter.
_LEAST_PAUSE_MS: Final = 160
# Measured onset: 80 ms for 3 of 5; 200 ms for 9 of 12, which agent echo does not reach.
_CONFIRMED: Final = (9, 12)


@dataclass(frozen=True, slots=True)
class EndpointingConfig:
    """``threshold`` 0..1: which part of five frames must be speech (0.5: three)."""

    threshold: float = 0.5
    prefix_ms: int = 300
    silence_ms: int = 500
    longest_silence_ms: int = 500  # when what was said looks unfinished
    idle_timeout_ms: int | None = None
    answer_silence_ms: int = 10_000  # at most, after what answers a yes-or-no question
    longest_turn_ms: int = 120_000
    foresees: bool = False  # tells of a silence that may become the turn's end, and of its breaking


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """``start`` is the onset less the prefix padding, never before the last turn's end."""

    start: int


@dataclass(frozen=True, slots=True)
class SpeechStopped:
    """``end`` includes the silence that was waited for."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class SpeechMayEnd:
    """Silence since ``at``; SpeechStopped follows unless SpeechWentOn does."""

    at: int


@dataclass(frozen=True, slots=True)
class SpeechWentOn:
    """After SpeechMayEnd: it was a pause."""

    at: int


@dataclass(frozen=True, slots=True)
class IdleTimedOut:
    start: int
    end: int


Endpoint: TypeAlias = SpeechStarted | SpeechMayEnd | SpeechWentOn | SpeechStopped | IdleTimedOut


class Endpointer:
    """Feed it one verdict per 20 ms frame."""

    def __init__(self, config: EndpointingConfig, *, at: int = 0) -> None:
        self._config = config
        needed = min(max(ceil(config.threshold * _WINDOW), 1), _WINDOW)
        self._active = Debounce(needed, _WINDOW)
        self._confirmed = Debounce(*_CONFIRMED)
        self._recent: deque[bool] = deque(maxlen=_CONFIRMED[1])
        self._now = at
        self._earliest = at
        self._start: int | None = None
        self._last_voice = at
        self._idle_from: int | None = None
        self._may_end = False
        self.is_unfinished = False
        self.is_answered = False

    @property
    def now(self) -> int:
        """Samples judged so far."""
        return self._now

    @property
    def is_in_speech(self) -> bool:
        return self._start is not None

    def push(self, is_speech: bool, *, needs_confirmation: bool = False) -> Endpoint | None:
        """``needs_confirmation``: the agent is speaking; a start takes nine frames of twelve."""
        self._now += GATE_FRAME_SAMPLES
        self._recent.append(is_speech)
        is_active = self._active.update(is_speech)
        is_confirmed = self._confirmed.update(is_speech)
        if self._start is not None:
            return self._push_in_speech(is_speech and is_active, is_speech=is_speech)
        if is_active and (is_confirmed or not needs_confirmation):
            return self._begin()
        return self._idle()

    def _begin(self) -> SpeechStarted:
        first = next(i for i, was_speech in enumerate(self._recent) if was_speech)
        onset = self._now - (len(self._recent) - first) * GATE_FRAME_SAMPLES
        padded = onset - self._config.prefix_ms * SAMPLES_PER_MS
        self._start = max(padded, self._earliest)
        self._last_voice = self._now
        self._idle_from = None
        self.is_unfinished = self.is_answered = False
        return SpeechStarted(self._start)

    def _push_in_speech(
        self, is_voice: bool, *, is_speech: bool
    ) -> SpeechMayEnd | SpeechWentOn | SpeechStopped | None:
        if is_voice:
            self._last_voice = self._now
        assert self._start is not None
        silence_ms = (self._now - self._last_voice) // SAMPLES_PER_MS
        turn_ms = (self._now - self._start) // SAMPLES_PER_MS
        wanted = self._config.silence_ms
        if self.is_unfinished:
            wanted = max(wanted, self._config.longest_silence_ms)
        elif self.is_answered:
            wanted = min(wanted, self._config.answer_silence_ms)
        is_over = silence_ms >= max(wanted, 20) and not is_voice
        if not is_over and turn_ms < self._config.longest_turn_ms:
            if is_speech and not is_voice:
                return None  # a click, or the beginning of more
            return self._foresee(is_voice, silence_ms, wanted)
        stopped = SpeechStopped(self._start, self._now)
        self.restart()
        return stopped

    def _foresee(
        self, is_voice: bool, silence_ms: int, wanted_ms: int
    ) -> SpeechMayEnd | SpeechWentOn | None:
        if is_voice:
            went_on, self._may_end = self._may_end, False
            return SpeechWentOn(self._now) if went_on else None
        if self._may_end or not self._config.foresees:
            return None
        if silence_ms < max(wanted_ms - _LEAD_MS, _LEAST_PAUSE_MS):
            return None
        self._may_end = True
        return SpeechMayEnd(self._last_voice)

    def _idle(self) -> IdleTimedOut | None:
        limit_ms = self._config.idle_timeout_ms
        if limit_ms is None or self._idle_from is None:
            return None
        if self._now - self._idle_from < limit_ms * SAMPLES_PER_MS:
            return None
        timed_out = IdleTimedOut(max(self._idle_from, self._earliest), self._now)
        self._idle_from = None
        self.restart()
        return timed_out

    def await_caller(self, playback_ms: int) -> None:
        """The agent has answered and will be heard for ``playback_ms`` more: the idle time starts
        after that."""
        self._idle_from = self._now + playback_ms * SAMPLES_PER_MS

    def stop_awaiting(self) -> None:
        """The agent speaks (or is asked to): the caller does not owe anything."""
        self._idle_from = None

    def restart(self) -> None:
        """Everything up to now belongs to a turn that is over (stopped, committed or cleared)."""
        self._start = None
        self._may_end = False
        self._earliest = self._now
        self.is_unfinished = self.is_answered = False
        self._recent.clear()
        self._active.reset()
        self._confirmed.reset()

    def reconfigure(self, config: EndpointingConfig) -> None:
        """New settings from the next frame on; a running turn goes on."""
        self._config = config
        needed = min(max(ceil(config.threshold * _WINDOW), 1), _WINDOW)
        self._active = Debounce(needed, _WINDOW)
