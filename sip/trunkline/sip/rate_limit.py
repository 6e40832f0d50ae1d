"""How many INVITEs a source or a trunk may bring, and a log may tell of. No clock, no I/O."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from trunkline.domain.trunk import Trunk
from trunkline.runtime.buckets import Buckets

_TOLD_AGAIN_S: Final = 60.0
_LINES_AT_ONCE: Final = 20
_LINES_PER_S: Final = 0.2


class Allowance(StrEnum):
    ALLOWED = "allowed"
    LIMITED_FIRST = "limited_first"  # for the first time in a minute: worth one line in the log
    LIMITED = "limited"


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at_s: float
    told_s: float | None = None


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
            return Allowance.ALLOWED
        if bucket.told_s is not None and now_s - bucket.told_s < _TOLD_AGAIN_S:
            return Allowance.LIMITED
        bucket.told_s = now_s
        return Allowance.LIMITED_FIRST

    def __len__(self) -> int:
        return len(self._buckets)


class TrunkLimiter:
    """INVITEs of each trunk against its ``calls_per_second`` and ``calls_burst``.

    They are counted whether they become calls or not: judging one has its price too. A refused
    one is free, so that who asks again too soon waits no longer for it.
    """

    def __init__(self) -> None:
        self._of: dict[str, Buckets] = {}

    def wait_s(self, trunk: Trunk, now_s: float) -> int:
        """0, and one is taken; or how many whole seconds the far end should wait."""
        bucket = self._of.get(trunk.name)
        if bucket is None or (bucket.burst, bucket.per_s) != _limits(trunk):
            bucket = self._of[trunk.name] = Buckets(*_limits(trunk))
        wait = bucket.wait_s(trunk.name, now_s)
        if not wait:
            bucket.take(trunk.name, now_s)
        return wait


def _limits(trunk: Trunk) -> tuple[float, float]:
    return float(trunk.calls_burst), trunk.calls_per_second


class LineQuota:
    """How many log lines a trunk's refusals are worth: some at once, then one in five seconds."""

    def __init__(self) -> None:
        self._lines = Buckets(_LINES_AT_ONCE, _LINES_PER_S)
        self._left_out: dict[str, int] = {}

    def ask(self, name: str, now_s: float) -> int | None:
        """None: leave this one out. Else the number left out since the line before."""
        if self._lines.wait_s(name, now_s):
            self._left_out[name] = self._left_out.get(name, 0) + 1
            return None
        self._lines.take(name, now_s)
        return self._left_out.pop(name, 0)
