"""Token buckets by name: so many at once, so many a second after; told the time."""

from __future__ import annotations

import ipaddress
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


def source_of(address: str) -> str:
    """Who counts as one source: an IPv4 address, or the /64 that one IPv6 customer is given."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ipaddress.ip_network((found, 64), strict=False))
    return str(found)
