"""The ways by which a caller's keys come, and which of them counts. No clock, no I/O."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from trunkline.runtime.buckets import Buckets

_SAME_PRESS_MS: Final = 1000
# An autodialler sends ten keys a second (70 ms each and a gap), and a number and a PIN at once.
_KEYS_PER_S: Final = 15.0
_KEYS_AT_ONCE: Final = 40
_ONE_CALL: Final = ""


class KeyWay(StrEnum):
    EVENT = "event"  # RFC 4733
    INFO = "info"  # SIP INFO, application/dtmf-relay or application/dtmf
    TONE = "tone"  # in the audio


class KeyQuota:
    """How many presses of one call are told: a flood of them is not a caller's."""

    def __init__(self) -> None:
        self._room = Buckets(_KEYS_AT_ONCE, _KEYS_PER_S)
        self.dropped = 0

    def allows(self, now_s: float) -> bool:
        """Take one, or count it as dropped."""
        if self._room.wait_s(_ONE_CALL, now_s):
            self.dropped += 1
            return False
        self._room.take(_ONE_CALL, now_s)
        return True


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
