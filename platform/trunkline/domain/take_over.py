"""A person takes a live call over and gives it back: the stages, in their order. Values only."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class TakeOverStage(StrEnum):
    ASKED = "asked"
    RINGING = "ringing"
    ANSWERED = "answered"  # their phone was picked up; the caller is told
    JOINED = "joined"
    HANDED_BACK = "handed_back"  # the caller is with the agent again
    FAILED = "failed"  # the caller never left the agent
    ENDED = "ended"  # the call ended first


ORDER: Final = (
    TakeOverStage.ASKED,
    TakeOverStage.RINGING,
    TakeOverStage.ANSWERED,
    TakeOverStage.JOINED,
)
CLOSED: Final = frozenset({TakeOverStage.HANDED_BACK, TakeOverStage.FAILED, TakeOverStage.ENDED})


class TakeOverCause(StrEnum):
    """Why it came to nothing; the first four as a transfer's."""

    BUSY = "busy"
    NO_ANSWER = "no_answer"
    REJECTED = "rejected"
    UNREACHABLE = "unreachable"
    NOT_FREE = "not_free"  # on hold, being transferred, in a queue, saying goodbye
    UNDER_WAY = "under_way"  # somebody else takes it over
    CALL_OVER = "call_over"
    EDGE_AWAY = "edge_away"  # whoever carries the call does not answer


def may_follow(now: TakeOverStage, then: TakeOverStage) -> bool:
    """Whether news of ``then`` say more than what is known; they may come late, or twice."""
    if now in CLOSED:
        return False
    return then in CLOSED or ORDER.index(then) > ORDER.index(now)
