"""Leaves a far end alone that fails again and again, so that no caller waits for it. Pure."""

from __future__ import annotations


class Breaker:
    """``admit`` before each attempt, then exactly one of ``succeeded``, ``failed``, ``abandoned``.

    Opens after ``failures`` in a row for ``open_s``; then one attempt probes. Times are seconds of
    any clock that never goes back.
    """

    def __init__(self, failures: int, open_s: float) -> None:
        self._limit = failures
        self._open_s = open_s
        self._failures = 0
        self._open_until_s: float | None = None
        self._is_probing = False

    @property
    def is_open(self) -> bool:
        return self._open_until_s is not None

    def admit(self, now_s: float) -> bool:
        if self._open_until_s is None:
            return True
        if self._is_probing or now_s < self._open_until_s:
            return False
        self._is_probing = True
        return True

    def would_admit(self, now_s: float) -> bool:
        """As ``admit``, without taking the probe."""
        return self._open_until_s is None or not (self._is_probing or now_s < self._open_until_s)

    def succeeded(self) -> None:
        self._failures, self._open_until_s, self._is_probing = 0, None, False

    def failed(self, now_s: float, *, rest_s: float = 0.0) -> None:
        """``rest_s``: how long the far end itself asked to be left alone; opens at once."""
        self._failures += 1
        if self._is_probing or self._failures >= self._limit or rest_s > 0:
            self._open_until_s = now_s + max(self._open_s, rest_s)
        self._is_probing = False

    def abandoned(self) -> None:
        """Nothing came of it and nobody is to blame: the caller spoke, or hung up."""
        self._is_probing = False
