"""How long the caller may go on in one breath: a step may take a turn as it is. Pure."""

from __future__ import annotations


class TurnLength:
    """``limit_ms`` None: as long as they like. Times are the call's clock."""

    def __init__(self) -> None:
        self.limit_ms: int | None = None
        self._since_ms: int | None = None

    def is_reached(self, now_ms: int, *, is_speaking: bool) -> bool:
        """True once for a turn: the caller has been speaking for as long as they may."""
        if not is_speaking:
            self._since_ms = None
            return False
        if self._since_ms is None:
            self._since_ms = now_ms
        if self.limit_ms is None or now_ms - self._since_ms < self.limit_ms:
            return False
        self._since_ms = now_ms  # what follows is another turn
        return True
