"""How often one source may ask before it is not even judged any more. No clock, no I/O."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from enum import StrEnum


class Allowance(StrEnum):
    ALLOWED = "allowed"
    LIMITED_FIRST = "limited_first"  # the bucket has just run dry: worth one line in the log
    LIMITED = "limited"


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at_s: float
    is_dry: bool = False


class SourceLimiter:
    """One token bucket per source address; the table is bounded, the longest unseen goes first."""

    def __init__(
        self, *, per_second: float = 1.0, burst: int = 20, max_sources: int = 10_000
    ) -> None:
        self._per_second = per_second
        self._burst = burst
        self._max_sources = max_sources
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def ask(self, source: str, now_s: float) -> Allowance:
        """Take one token of ``source`` at a monotonic time in seconds."""
        bucket = self._buckets.get(source)
        if bucket is None:
            bucket = self._buckets[source] = _Bucket(self._burst, now_s)
            if len(self._buckets) > self._max_sources:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(source)
        elapsed_s = max(0.0, now_s - bucket.at_s)
        bucket.tokens = min(self._burst, bucket.tokens + elapsed_s * self._per_second)
        bucket.at_s = now_s
        if bucket.tokens >= 1:
            bucket.tokens -= 1
            bucket.is_dry = False
            return Allowance.ALLOWED
        if bucket.is_dry:
            return Allowance.LIMITED
        bucket.is_dry = True
        return Allowance.LIMITED_FIRST

    def __len__(self) -> int:
        return len(self._buckets)
