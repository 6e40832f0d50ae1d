"""What a key may use: sessions at once, requests a minute, tokens a day. Pure but for its clock.

Sessions and requests are counted per model server; tokens may be told from outside too (other
servers of the same house), by ``learn_tokens``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from trunkline.domain.clock import Clock
from trunkline.domain.errors import TooMany

_MINUTE_MS: Final = 60_000
# Keys that have been quiet are forgotten when there are more than this.
_MAX_KEYS: Final = 10_000
UNLIMITED_REQUESTS: Final = 100_000
UNLIMITED_TOKENS: Final = 10_000_000


@dataclass(frozen=True, slots=True)
class Quota:
    """Zero means no limit."""

    sessions: int = 0
    requests_per_minute: int = 0
    tokens_per_day: int = 0


@dataclass(frozen=True, slots=True)
class Allowance:
    """How much of a limit is left, and when it is whole again."""

    limit: int
    remaining: int
    reset_s: float


@dataclass(slots=True)
class _Account:
    requests: deque[float]
    sessions: int = 0
    day: str = ""
    tokens: int = 0


class Quotas:
    """The accounts of every key that was seen lately."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._accounts: dict[str, _Account] = {}

    def take_request(self, key_id: str, quota: Quota) -> None:
        """Count one request; TooMany says when the next one may come."""
        limit = quota.requests_per_minute
        if not limit:
            return
        account = self._account(key_id)
        now = self._clock.monotonic_ms()
        self._drop_old(account, now)
        if len(account.requests) >= limit:
            wait_ms = account.requests[0] + _MINUTE_MS - now
            raise TooMany(
                f"This key may make {limit} requests a minute.",
                retry_after_s=max(int(wait_ms // 1000) + 1, 1),
                code="rate_limit_exceeded",
            )
        account.requests.append(now)

    @contextmanager
    def session(self, key_id: str, quota: Quota) -> Iterator[None]:
        """Hold one of the key's sessions for the block."""
        account = self._account(key_id)
        if quota.sessions and account.sessions >= quota.sessions:
            raise TooMany(
                f"This key may hold {quota.sessions} sessions at once.",
                retry_after_s=5,
                code="rate_limit_exceeded",
            )
        account.sessions += 1
        try:
            yield
        finally:
            account.sessions -= 1

    def require_tokens(self, key_id: str, quota: Quota) -> None:
        """Raises TooMany ``insufficient_quota`` when today's tokens are used up."""
        if not quota.tokens_per_day:
            return
        if self._today(key_id).tokens >= quota.tokens_per_day:
            raise TooMany(
                f"This key has used its {quota.tokens_per_day} tokens of today (UTC).",
                retry_after_s=self._seconds_to_midnight(),
                code="insufficient_quota",
            )

    def use_tokens(self, key_id: str, count: int) -> None:
        self._today(key_id).tokens += count

    def learn_tokens(self, key_id: str, day: str, total: int) -> None:
        """What all servers together counted; never less than what is known here."""
        account = self._today(key_id)
        if account.day == day:
            account.tokens = max(account.tokens, total)

    def requests_left(self, key_id: str, quota: Quota) -> Allowance:
        limit = quota.requests_per_minute
        if not limit:
            return Allowance(UNLIMITED_REQUESTS, UNLIMITED_REQUESTS - 1, 0.0)
        account = self._account(key_id)
        now = self._clock.monotonic_ms()
        self._drop_old(account, now)
        reset_ms = account.requests[0] + _MINUTE_MS - now if account.requests else 0.0
        return Allowance(limit, max(limit - len(account.requests), 0), round(reset_ms / 1000, 3))

    def tokens_left(self, key_id: str, quota: Quota) -> Allowance:
        limit = quota.tokens_per_day
        if not limit:
            return Allowance(UNLIMITED_TOKENS, UNLIMITED_TOKENS - 1, 0.0)
        left = max(limit - self._today(key_id).tokens, 0)
        return Allowance(limit, left, float(self._seconds_to_midnight()))

    @property
    def day(self) -> str:
        """Today in UTC, as ``2026-11-21``."""
        return self._clock.now().date().isoformat()

    # ---- inside --------------------------------------------------------------------------------

    def _account(self, key_id: str) -> _Account:
        account = self._accounts.get(key_id)
        if account is None:
            if len(self._accounts) >= _MAX_KEYS:
                self._forget_quiet()
            account = self._accounts[key_id] = _Account(deque())
        return account

    def _today(self, key_id: str) -> _Account:
        account = self._account(key_id)
        if account.day != self.day:
            account.day, account.tokens = self.day, 0
        return account

    def _drop_old(self, account: _Account, now: float) -> None:
        while account.requests and account.requests[0] <= now - _MINUTE_MS:
            account.requests.popleft()

    def _forget_quiet(self) -> None:
        now, day = self._clock.monotonic_ms(), self.day
        for key_id, account in list(self._accounts.items()):
            self._drop_old(account, now)
            is_used = account.day == day and account.tokens
            if not account.sessions and not account.requests and not is_used:
                del self._accounts[key_id]

    def _seconds_to_midnight(self) -> int:
        now = self._clock.now()
        midnight = datetime.combine(now.date() + timedelta(days=1), datetime.min.time(), now.tzinfo)
        return max(int((midnight - now).total_seconds()), 1)
