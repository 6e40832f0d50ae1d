"""A placement: a call that somebody ordered, from the order to the attempt that settles it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from trunkline.domain.call import EndCause
from trunkline.domain.errors import Invalid

MOST_ATTEMPTS: Final = 10
RETRIED_AFTER_S: Final[Mapping[EndCause, int]] = MappingProxyType(
    {EndCause.BUSY: 120, EndCause.NO_ANSWER: 900, EndCause.TRUNK_ERROR: 60}
)
"""What is tried again, and when, unless an order says otherwise."""

MAY_BE_RETRIED: Final = frozenset(
    {
        EndCause.BUSY,
        EndCause.NO_ANSWER,
        EndCause.REJECTED,
        EndCause.UNREACHABLE,
        EndCause.TRUNK_ERROR,
        EndCause.ENGINE_ERROR,
        EndCause.EDGE_LOST,
        EndCause.DRAINED,
    }
)


class PlacementState(StrEnum):
    QUEUED = "queued"  # waits for its time, for a free line, or for the next attempt
    DIALLING = "dialling"
    RINGING = "ringing"
    ANSWERED = "answered"
    ENDED = "ended"


class PlacementOutcome(StrEnum):
    """How an order ended."""

    ANSWERED = "answered"
    UNANSWERED = "unanswered"  # the last attempt that the retry policy allowed has failed
    CANCELLED = "cancelled"
    EXPIRED = "expired"  # it could not be begun in time
    REFUSED = (
        "refused"  # what was allowed when it was ordered is not any more, or the money is gone
    )


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """At most ``attempts`` in all; ``after_s`` by cause, and no other cause is tried again."""

    attempts: int = 1
    after_s: Mapping[EndCause, int] = field(default_factory=lambda: RETRIED_AFTER_S)

    def __post_init__(self) -> None:
        if not 1 <= self.attempts <= MOST_ATTEMPTS:
            raise Invalid(f"attempts must be 1 to {MOST_ATTEMPTS}", param="retry.attempts")
        for cause, wait_s in self.after_s.items():
            if cause not in MAY_BE_RETRIED:
                allowed = ", ".join(sorted(MAY_BE_RETRIED))
                raise Invalid(
                    f"a call that ended with {cause} is not tried again; only {allowed}",
                    param=f"retry.after_s.{cause}",
                )
            if not 1 <= wait_s <= 86_400:
                raise Invalid("a wait is 1 to 86400 seconds", param=f"retry.after_s.{cause}")

    def next_try(
        self, attempt: int, cause: EndCause, *, was_answered: bool, now: datetime
    ) -> datetime | None:
        """When to dial again after attempt ``attempt`` (from one); None: that was the last.

        A call that was answered has been made, however it ended.
        """
        wait_s = self.after_s.get(cause)
        if was_answered or attempt >= self.attempts or wait_s is None:
            return None
        return now + timedelta(seconds=wait_s)


def day_of(now: datetime) -> datetime:
    """The beginning of the day that spend is counted in: midnight, UTC."""
    return now.replace(hour=0, minute=0, second=0, microsecond=0)
