"""When a dead process is started again: pure, told the time."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class RestartPolicy:
    """Back-off that doubles up to ``longest_s`` and is forgotten after ``stable_s`` of life."""

    first_s: float = 0.3
    longest_s: float = 10.0
    stable_s: float = 30.0
    _next_s: float = 0.0

    def delay_s(self, lived_s: float) -> float:
        """How long to wait before the next start, given how long the process lived."""
        if lived_s >= self.stable_s or self._next_s == 0:
            self._next_s = self.first_s
        delay = self._next_s
        self._next_s = min(self._next_s * 2, self.longest_s)
        return delay
