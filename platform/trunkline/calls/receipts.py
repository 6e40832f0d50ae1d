"""Latency figures of one call, in milliseconds of its own clock. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from trunkline.runtime.telemetry import RESPONSE_SECONDS, STOP_TO_SILENCE_SECONDS


@dataclass(slots=True)
class Receipts:
    """What is measured where it happens, and summed up at the end of the call."""

    setup_ms: int | None = None
    first_audio_ms: int | None = None
    responses_ms: list[int] = field(default_factory=list)
    stops_ms: list[int] = field(default_factory=list)
    pauses: int = 0
    resumes: int = 0
    interruptions: int = 0
    _caller_stopped_ms: int | None = None
    _onset_ms: int | None = None

    def caller_stopped(self, at_ms: int) -> None:
        """The caller's speech ended here, and an answer is owed."""
        self._caller_stopped_ms = at_ms

    def agent_started(self, at_ms: int) -> int | None:
        """A segment's first audio was played; returns its response time, if it answers."""
        if self.first_audio_ms is None:
            self.first_audio_ms = at_ms
        stopped, self._caller_stopped_ms = self._caller_stopped_ms, None
        if stopped is None:
            return None
        response_ms = max(at_ms - stopped, 0)
        self.responses_ms.append(response_ms)
        RESPONSE_SECONDS.observe(response_ms / 1000)
        return response_ms

    def paused(self, onset_ms: int) -> None:
        self.pauses += 1
        self._onset_ms = onset_ms

    def fell_silent(self, at_ms: int) -> int | None:
        """The first frame without agent audio after a pause; returns stop-to-silence."""
        onset, self._onset_ms = self._onset_ms, None
        if onset is None:
            return None
        stop_ms = max(at_ms - onset, 0)
        self.stops_ms.append(stop_ms)
        STOP_TO_SILENCE_SECONDS.observe(stop_ms / 1000)
        return stop_ms

    @property
    def awaits_silence(self) -> bool:
        return self._onset_ms is not None

    def summary(self) -> dict[str, float]:
        figures: dict[str, float] = {
            "pauses": self.pauses,
            "resumes": self.resumes,
            "interruptions": self.interruptions,
            "responses": len(self.responses_ms),
        }
        if self.setup_ms is not None:
            figures["setup_ms"] = self.setup_ms
        if self.first_audio_ms is not None:
            figures["first_audio_ms"] = self.first_audio_ms
        for name, values in (("response", self.responses_ms), ("stop_to_silence", self.stops_ms)):
            if values:
                ordered = sorted(values)
                figures[f"{name}_p50_ms"] = ordered[len(ordered) // 2]
                figures[f"{name}_max_ms"] = ordered[-1]
        return figures
