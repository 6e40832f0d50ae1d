"""Whoever is called speaks first: when the agent may begin. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

# People say hello within a second of lifting the phone; then they wait.
PATIENCE_MS: Final = 1500
QUIET_MS: Final = 450
LONGEST_MS: Final = 4000


@dataclass(slots=True)
class FirstWords:
    """Fed the called person's speech as the edge hears it; times are milliseconds of the call.

    The agent begins when nobody has spoken for ``PATIENCE_MS``, when the hello is over for
    ``QUIET_MS``, or when it has gone on for ``LONGEST_MS``, and never later.
    """

    has_spoken: bool = False

    def may_speak(self, now_ms: int, *, stopped_ms: int | None, is_confirmed: bool) -> bool:
        """``stopped_ms``: when speech was heard last, if ever; ``is_confirmed``: it was a voice."""
        self.has_spoken = self.has_spoken or is_confirmed
        if now_ms >= LONGEST_MS:
            return True
        is_quiet = stopped_ms is None or now_ms - stopped_ms >= QUIET_MS
        if self.has_spoken:
            return is_quiet
        return now_ms >= PATIENCE_MS and is_quiet
