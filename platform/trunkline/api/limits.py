"""Requests per key and wrong keys per address: token buckets, told the time."""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

_MOST_NAMES: Final = 10_000


@dataclass(slots=True)
class Buckets:
    """One bucket a name: ``burst`` at once, refilled at ``per_s``; the oldest are forgotten."""

    burst: float
    per_s: float
    _levels: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict)

    def level(self, name: str, now_s: float) -> float:
        level, at = self._levels.get(name, (self.burst, now_s))
        return min(self.burst, level + (now_s - at) * self.per_s)

    def take(self, name: str, now_s: float) -> None:
        self._levels[name] = (self.level(name, now_s) - 1, now_s)
        self._levels.move_to_end(name)
        if len(self._levels) > _MOST_NAMES:
            self._levels.popitem(last=False)

    def wait_s(self, name: str, now_s: float) -> int:
        """0 when one may be taken now, else whole seconds until then."""
        missing = 1 - self.level(name, now_s)
        return max(1, math.ceil(missing / self.per_s)) if missing > 0 else 0


@dataclass(slots=True)
class RateLimits:
    keys: Buckets = field(default_factory=lambda: Buckets(burst=100, per_s=50))
    guesses: Buckets = field(default_factory=lambda: Buckets(burst=10, per_s=0.2))

    def wait_for_key(self, key_id: str, now_s: float) -> int:
        """0, and the request is counted; or how long to wait."""
        wait = self.keys.wait_s(key_id, now_s)
        if not wait:
            self.keys.take(key_id, now_s)
        return wait

    def wait_for_guess(self, address: str, now_s: float) -> int:
        return self.guesses.wait_s(address, now_s)

    def guessed(self, address: str, now_s: float) -> None:
        self.guesses.take(address, now_s)
