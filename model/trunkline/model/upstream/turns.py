"""The caller's turns on their way to the far end: kept until they are understood."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import Final

MAX_TURN_BYTES: Final = 120 * 48_000
"""A longer turn is told again by its last two minutes (PCM at 24 kHz)."""
LEAST_COMMIT_MS: Final = 100


@dataclass(slots=True)
class Turn:
    """``payloads``: all of its audio, in the far end's format. ``far_id``: once it is committed."""

    item_id: str
    payloads: deque[bytes] = field(default_factory=deque)
    size: int = 0
    is_over: bool = False
    is_dropped: bool = False
    far_id: str = ""
    text: str = ""  # of the transcript so far
    deadline: asyncio.TimerHandle | None = None

    def keep(self, payload: bytes) -> None:
        self.payloads.append(payload)
        self.size += len(payload)
        while self.size > MAX_TURN_BYTES:
            self.size -= len(self.payloads.popleft())

    def done(self) -> None:
        if self.deadline is not None:
            self.deadline.cancel()
        self.payloads.clear()
