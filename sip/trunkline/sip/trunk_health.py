"""Whether a trunk answers: what its OPTIONS came to, with hysteresis. No clock, no I/O."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

FAILURES_TO_DOWN: Final = 3
ANSWERS_TO_UP: Final = 2
_FAILING: Final = frozenset({408, 480, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class TrunkHealth:
    """``is_up`` until it has failed thrice in a row; again when it has answered twice in a row.

    ``sip_status`` 0: nothing has been asked yet, or nothing came back.
    """

    trunk: str
    is_up: bool = True
    sip_status: int = 0
    in_a_row: int = 0  # answers, or failures when negative

    def heard(self, sip_status: int) -> TrunkHealth:
        """After a response, or 408 for none. Any other refusal is an answer: somebody is there."""
        is_failure = sip_status in _FAILING
        before = self.in_a_row
        in_a_row = min(before, 0) - 1 if is_failure else max(before, 0) + 1
        is_up = self.is_up
        if in_a_row <= -FAILURES_TO_DOWN:
            is_up = False
        elif in_a_row >= ANSWERS_TO_UP:
            is_up = True
        return replace(self, is_up=is_up, sip_status=sip_status, in_a_row=in_a_row)
