"""When a registration that failed is tried again. No clock, no I/O.

RFC 5626 §4.5 gives the shape: the bound doubles with each failure in a row up to a most, and the
wait is drawn from its upper half, so that the phones and trunks of a registrar that was away do
not come back in the same second.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

# Refusals that trying again does not cure: somebody has to change a password or an account. They
# are tried rarely, since registrars lock out who guesses.
_OF_THE_ACCOUNT: Final = frozenset({401, 403, 404, 407, 410, 604})
_MOST_ASKED_S: Final = 3600
_SPREAD: Final = 0.1


@dataclass(frozen=True, slots=True)
class Backoff:
    """Seconds: ``first_s`` and ``most_s`` of the network's failures, ``account_s`` of refusals."""

    first_s: float = 4.0
    most_s: float = 300.0
    account_s: float = 60.0
    account_most_s: float = 1800.0

    def wait_s(
        self, failures: int, sip_status: int, *, chance: float, retry_after_s: int = 0
    ) -> float:
        """After the n-th failure in a row (1 is the first); ``chance`` is from 0 to 1.

        A Retry-After (RFC 3261 §20.33) is never undercut, an hour at most; what is above it is
        spread, too.
        """
        is_refusal = sip_status in _OF_THE_ACCOUNT
        first_s, most_s = (
            (self.account_s, self.account_most_s) if is_refusal else (self.first_s, self.most_s)
        )
        bound_s = min(most_s, first_s * 2.0 ** min(max(failures, 1) - 1, 30))
        wait_s = bound_s * (0.5 + 0.5 * chance)
        asked_s = min(max(0, retry_after_s), _MOST_ASKED_S)
        return max(wait_s, asked_s * (1 + _SPREAD * chance))
