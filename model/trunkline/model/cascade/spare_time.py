"""Whether a recogniser has processor time to spare for turns that may not be over. Pure."""

from __future__ import annotations

from typing import Final

# Measured idle: 40 to 150 ms. What takes longer is of no use at a turn's end, and a processor so
# busy has callers who are certain to be done.
_LATE_S: Final = 0.35
_REST_S: Final = 5.0
_AT_ONCE: Final = 3
# What went unanswered for so long was lost with its process.
_GIVEN_UP_S: Final = 2.0


class SpareTime:
    """One per process: at most three at once, and none for a while after an answer came late."""

    def __init__(self) -> None:
        self._asked_s: list[float] = []
        self._rests_until_s = 0.0

    def is_there(self, now_s: float) -> bool:
        self._asked_s = [at for at in self._asked_s if now_s - at < _GIVEN_UP_S]
        return now_s >= self._rests_until_s and len(self._asked_s) < _AT_ONCE

    def asked(self, now_s: float) -> None:
        self._asked_s.append(now_s)

    def answered(self, asked_s: float, now_s: float) -> None:
        if asked_s in self._asked_s:
            self._asked_s.remove(asked_s)
        if now_s - asked_s > _LATE_S:
            self._rests_until_s = now_s + _REST_S
