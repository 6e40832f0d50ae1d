"""How often a login may fail, per account and per source address. Pure: time comes in."""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass
from math import ceil
from typing import Final

_MAX_KEYS: Final = 4096


@dataclass(frozen=True, slots=True)
class Limit:
    failures: int
    window_s: float


PER_ACCOUNT: Final = Limit(failures=5, window_s=60)
PER_SOURCE: Final = Limit(failures=20, window_s=60)


class LoginLimits:
    """Counts failures in a sliding window; successes clear the account, not the source.

    The account's count is kept per source address as well, so that a stranger who guesses cannot
    lock the operator out elsewhere.
    """

    def __init__(self, account: Limit = PER_ACCOUNT, source: Limit = PER_SOURCE) -> None:
        self._account = account
        self._source = source
        self._failures: OrderedDict[tuple[str, str], deque[float]] = OrderedDict()

    def wait_s(self, username: str, source: str, now_s: float) -> int:
        """Seconds until the next try may be made; 0 when it may be made now."""
        return max(
            self._wait(("account", _account(username, source)), self._account, now_s),
            self._wait(("source", source), self._source, now_s),
        )

    def failed(self, username: str, source: str, now_s: float) -> None:
        for key in (("account", _account(username, source)), ("source", source)):
            failures = self._failures.setdefault(key, deque(maxlen=self._source.failures))
            self._failures.move_to_end(key)
            failures.append(now_s)
        while len(self._failures) > _MAX_KEYS:
            self._failures.popitem(last=False)

    def succeeded(self, username: str, source: str) -> None:
        self._failures.pop(("account", _account(username, source)), None)

    def _wait(self, key: tuple[str, str], limit: Limit, now_s: float) -> int:
        failures = self._failures.get(key)
        if not failures:
            return 0
        while failures and failures[0] <= now_s - limit.window_s:
            failures.popleft()
        if len(failures) < limit.failures:
            return 0
        return max(1, ceil(failures[-limit.failures] + limit.window_s - now_s))


def _account(username: str, source: str) -> str:
    return f"{username.strip().casefold()[:200]}@{source}"
