"""Hold queues as tables: who waits in which order, which targets are taken, which rest. Pure.

Times are wall-clock milliseconds: callers of several edges stand in one order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

FIRST_REST_MS: Final = 5_000
LONGEST_REST_MS: Final = 60_000
_MOST_TARGETS: Final = 1000  # beyond it those that rest no longer are forgotten
_TALKS: Final = 20  # the last conversations of a queue tell how long the next may take


@dataclass(frozen=True, slots=True)
class Waiting:
    """A caller in a queue; ``is_rung_for``: somebody's phone rings on their behalf."""

    call_id: str
    since_ms: int
    is_rung_for: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """``position`` 1 is next; ``may_ring``: nobody ahead still waits for a phone to ring."""

    position: int
    may_ring: bool


def standing(waiting: Iterable[Waiting], call_id: str) -> Standing:
    """Where a caller stands: by time of arrival, the same on every edge that sees the same."""
    order = sorted(waiting, key=lambda one: (one.since_ms, one.call_id))
    ahead = []
    for one in order:
        if one.call_id == call_id:
            break
        ahead.append(one)
    return Standing(len(ahead) + 1, all(one.is_rung_for for one in ahead))


def rest_ms(failures: int) -> int:
    """How long a target is left alone after so many failures in a row: 5, 10, 20, 40, 60 s."""
    return int(min(FIRST_REST_MS * 2 ** min(failures - 1, 10), LONGEST_REST_MS))


@dataclass(slots=True)
class Target:
    """A human's phone: one caller at a time, and a rest after each time nobody took one."""

    taken_by: str = ""
    failures: int = 0
    rests_until_ms: int = 0

    def is_free(self, now_ms: int) -> bool:
        return not self.taken_by and now_ms >= self.rests_until_ms

    def answered(self) -> None:
        self.failures, self.rests_until_ms = 0, 0

    def failed(self, now_ms: int) -> None:
        self.failures += 1
        self.rests_until_ms = now_ms + rest_ms(self.failures)


@dataclass(slots=True)
class HoldQueue:
    """One queue of one edge: its callers here, and those that other edges have told of."""

    callers: dict[str, Waiting] = field(default_factory=dict)
    elsewhere: tuple[Waiting, ...] = ()
    talks_ms: deque[int] = field(default_factory=lambda: deque(maxlen=_TALKS))

    def standing(self, call_id: str) -> Standing:
        return standing((*self.callers.values(), *self.elsewhere), call_id)

    def estimate_ms(self, position: int, targets: int) -> int | None:
        """The wait of whoever stands there; None while no conversation has told how long it is."""
        if not self.talks_ms or targets < 1:
            return None
        return round(sum(self.talks_ms) / len(self.talks_ms) * position / targets)


class Targets:
    """Every target of an edge, over all its queues: a human serves one caller, of any queue."""

    def __init__(self) -> None:
        self._targets: dict[str, Target] = {}

    def free(self, among: Sequence[str], now_ms: int) -> list[str]:
        """Those that may be rung now, in the order given."""
        known = self._targets
        return [name for name in among if name not in known or known[name].is_free(now_ms)]

    def take(self, target: str, call_id: str) -> None:
        self._of(target).taken_by = call_id

    def give_back(self, target: str, call_id: str) -> None:
        one = self._of(target)
        if one.taken_by == call_id:
            one.taken_by = ""
        if not (one.taken_by or one.failures):
            del self._targets[target]  # as good as one that was never rung

    def taken(self) -> dict[str, str]:
        """Target to the call that has it."""
        return {target: one.taken_by for target, one in self._targets.items() if one.taken_by}

    def answered(self, target: str) -> None:
        self._of(target).answered()

    def failed(self, target: str, now_ms: int) -> int:
        """Nobody took the call; how long it rests now."""
        one = self._of(target)
        one.failed(now_ms)
        if len(self._targets) > _MOST_TARGETS:  # a flow may write its targets with variables
            kept = {name: it for name, it in self._targets.items() if not it.is_free(now_ms)}
            self._targets = kept
        return one.rests_until_ms - now_ms

    def _of(self, target: str) -> Target:
        return self._targets.setdefault(target, Target())
