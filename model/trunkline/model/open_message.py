"""The message of a response that is still being written, and what every response says alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from trunkline.model.conversation import Entry
from trunkline.realtime import server_events as ev
from trunkline.realtime.responses import Part

# Without a meter nothing is limited; the event is part of the contract all the same (at least once
# a response). usage.py puts a key's own limits in its place.
RATE_LIMITS: Final = ev.RateLimitsUpdated(
    rate_limits=(
        ev.RateLimit(name="requests", limit=100_000, remaining=99_999, reset_seconds=0.0),
        ev.RateLimit(name="tokens", limit=10_000_000, remaining=9_999_999, reset_seconds=0.0),
    )
)


@dataclass(slots=True)
class OpenMessage:
    """``index``: among the response's output items."""

    item_id: str
    index: int
    kind: Literal["audio", "text"]
    entry: Entry
    text: str = ""


def wire_part(kind: Literal["audio", "text"], text: str) -> Part:
    """A content part as ``content_part`` events carry it."""
    return Part(type="audio", transcript=text) if kind == "audio" else Part(type="text", text=text)
