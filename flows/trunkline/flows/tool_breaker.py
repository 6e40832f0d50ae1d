"""The circuit breaker of one tool at one service: a service that is down is left alone.

closed → open after so many failures in a row; open → half open when its time is up; half open → one
probe: closed when it succeeds, open again when it fails. Pure: the caller brings the time.
"""

from __future__ import annotations

from enum import StrEnum

from trunkline.flows.tools import BreakerPolicy


class BreakerState(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Breaker:
    """``admit`` before each attempt; then exactly one of ``succeeded``, ``failed``, ``abandoned``.

    Times are milliseconds of any clock that never goes back.
    """

    def __init__(self, policy: BreakerPolicy) -> None:
        self._policy = policy
        self._failures = 0
        self._open_until_ms: float | None = None
        self._is_probing = False

    def state(self, now_ms: float) -> BreakerState:
        if self._open_until_ms is None:
            return BreakerState.CLOSED
        if self._is_probing or now_ms >= self._open_until_ms:
            return BreakerState.HALF_OPEN
        return BreakerState.OPEN

    def retry_after_ms(self, now_ms: float) -> int:
        """How long the service is left alone yet; 0 when it may be asked."""
        if self._open_until_ms is None:
            return 0
        return max(0, round(self._open_until_ms - now_ms))

    def admit(self, now_ms: float) -> bool:
        """Whether an attempt may go out now; half open, only one at a time is the probe."""
        match self.state(now_ms):
            case BreakerState.CLOSED:
                return True
            case BreakerState.HALF_OPEN if not self._is_probing:
                self._is_probing = True
                return True
        return False

    def succeeded(self) -> None:
        """The service answered, if only to refuse: one that went out while closed counts too."""
        self._failures, self._open_until_ms, self._is_probing = 0, None, False

    def failed(self, now_ms: float) -> None:
        self._failures += 1
        if self._is_probing or self._failures >= self._policy.failures:
            self._open_until_ms = now_ms + self._policy.open_ms
        self._is_probing = False

    def abandoned(self) -> None:
        """Nothing came of it and nobody is to blame (the call ended): another may probe."""
        self._is_probing = False
