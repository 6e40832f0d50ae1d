"""The time in which a call has no engine: when the caller is told that somebody is still there."""

from __future__ import annotations

from typing import Final

FILLER_EVERY_MS: Final = 3000


class EngineGap:
    """Times are the call's clock, milliseconds. Pure."""

    def __init__(self) -> None:
        self._quiet_since_ms: int | None = None

    @property
    def is_open(self) -> bool:
        return self._quiet_since_ms is not None

    def begin(self, now_ms: int) -> None:
        self._quiet_since_ms = now_ms

    def end(self) -> None:
        self._quiet_since_ms = None

    def is_due(self, now_ms: int, *, is_quiet: bool) -> bool:
        """Three seconds in which neither side said anything; counted anew after each filler."""
        if self._quiet_since_ms is None:
            return False
        if not is_quiet:
            self._quiet_since_ms = now_ms
            return False
        if now_ms - self._quiet_since_ms < FILLER_EVERY_MS:
            return False
        self._quiet_since_ms = now_ms
        return True
