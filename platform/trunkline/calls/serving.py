"""Which flow answers which call: pure, and the same on every edge.

A canary takes its share by a hash of the call's id, so that neither luck nor the order of calls
decides, and whoever knows the id can tell afterwards which version the call had.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from trunkline.domain.errors import NotFound
from trunkline.flows.flow import Flow

_PARTS: Final = 10_000


def is_in_canary(call_id: str, version: str, percent: int) -> bool:
    """Whether the call belongs to the ``percent`` that ``version`` takes.

    A call that is in at 5 % is in at 20 %: raising the share sends nobody back. Another version
    draws other calls, so that no caller is the first to meet every change.
    """
    digest = hashlib.sha256(f"{version}\x1f{call_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % _PARTS < percent * _PARTS // 100


@dataclass(frozen=True, slots=True)
class Served:
    """What serves one agent now."""

    stable: Flow
    canary: Flow | None = None
    percent: int = 0
    is_published: bool = False

    def for_call(self, call_id: str) -> Flow:
        canary = self.canary
        if canary is not None and is_in_canary(call_id, canary.version, self.percent):
            return canary
        return self.stable

    def flows(self) -> Iterator[Flow]:
        yield self.stable
        if self.canary is not None:
            yield self.canary


@dataclass(frozen=True, slots=True)
class HeldFlows:
    """All agents as they were when a call began: what it is handed to, it is handed to as then."""

    call_id: str
    serving: Mapping[str, Served]

    def take(self, agent: str) -> Flow:
        """The same flow however often it is asked for. Raises NotFound."""
        served = self.serving.get(agent)
        if served is None:
            there = ", ".join(sorted(self.serving)) or "none"
            message = f"there is no agent {agent!r} that can serve; there are: {there}"
            raise NotFound(message, code="agent_not_found")
        return served.for_call(self.call_id)
