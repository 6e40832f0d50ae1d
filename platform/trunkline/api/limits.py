"""Requests per key and wrong keys per address, told the time."""

from __future__ import annotations

from dataclasses import dataclass, field

from trunkline.runtime.buckets import Buckets


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
