"""The ways by which a caller's keys come, and which of them counts. No clock, no I/O."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

_SAME_PRESS_MS: Final = 1000


class KeyWay(StrEnum):
    EVENT = "event"  # RFC 4733
    INFO = "info"  # SIP INFO, application/dtmf-relay or application/dtmf
    TONE = "tone"  # in the audio


class KeyWays:
    """A press may come by two ways, and counts once.

    The first of events and INFO decides for the whole call. Tones are listened to only until one of
    them has come; a press that a tone has told already is not told again.
    """

    def __init__(self) -> None:
        self._way: KeyWay | None = None
        self._last_tone = ("", -_SAME_PRESS_MS)

    @property
    def hears_tones(self) -> bool:
        return self._way is None

    def counts(self, digit: str, way: KeyWay, at_ms: int) -> bool:
        if way is KeyWay.TONE:
            self._last_tone = (digit, at_ms)
            return self._way is None
        if self._way is None:
            self._way = way
            told, told_at_ms = self._last_tone
            return not (told == digit and at_ms - told_at_ms < _SAME_PRESS_MS)
        return way is self._way
