"""Calls that live on although nothing of them does: found by what has not moved. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from trunkline.domain.ids import CallId

LOOK_S: Final = 1.0
OVER_S: Final = 40.0
"""Facts, BYE and a slow disk have their own deadlines, which together are shorter."""
SILENT_S: Final = 1800.0
"""On hold with no music, neither side sends anything: half an hour of that, and nobody is there."""


class Why(StrEnum):
    WINDS_UP = "winds_up"  # it is over and does not end
    SILENT = "silent"  # neither RTP, in either direction, nor SIP


@dataclass(frozen=True, slots=True)
class Sign:
    """What a call shows of itself: ``moves`` changes with every packet and every SIP event."""

    call_id: CallId
    moves: tuple[int, ...]
    is_over: bool


@dataclass(frozen=True, slots=True)
class Stuck:
    call_id: CallId
    why: Why


@dataclass(slots=True)
class _Seen:
    sign: Sign
    since_s: float


class StuckWatch:
    """Given all calls again and again; remembers since when each has not moved."""

    def __init__(self) -> None:
        self._seen: dict[CallId, _Seen] = {}

    def look(self, signs: Iterable[Sign], now_s: float) -> list[Stuck]:
        """Those that are stuck now; each is named until it is gone."""
        before, self._seen = self._seen, {}
        found = []
        for sign in signs:
            seen = before.get(sign.call_id)
            if seen is None or not _is_same(seen.sign, sign):
                seen = _Seen(sign, now_s)
            self._seen[sign.call_id] = seen
            if now_s - seen.since_s >= (OVER_S if sign.is_over else SILENT_S):
                found.append(Stuck(sign.call_id, Why.WINDS_UP if sign.is_over else Why.SILENT))
        return found


def _is_same(one: Sign, other: Sign) -> bool:
    """Packets may go on while a call ends; that it is over counts from the first time on."""
    return one.is_over and other.is_over or one == other
