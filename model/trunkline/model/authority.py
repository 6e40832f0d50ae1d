"""Who may use the model server: keys, their scopes, their quotas and their expiry.

The full installation writes ``authority.json`` (hashed keys only); the model server reads it and
knows no database. TRUNKLINE_API_KEY, when set, is an admin key beside them.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol

from pydantic import BaseModel, ConfigDict, ValidationError

from trunkline.domain.clock import Clock, SystemClock
from trunkline.domain.errors import Forbidden, Unauthorized
from trunkline.model.quotas import Quota
from trunkline.runtime.logging import get_logger

log = get_logger(__name__)

ADMIN_SCOPE: Final = "admin"
REALTIME_SCOPE: Final = "realtime"
MAX_KEY_CHARS: Final = 512


@dataclass(frozen=True, slots=True)
class Principal:
    """Who a key stands for; ``key_id`` is what logs and limits may name."""

    key_id: str
    scopes: frozenset[str]
    quota: Quota = Quota()

    def require(self, scope: str) -> None:
        if ADMIN_SCOPE not in self.scopes and scope not in self.scopes:
            raise Forbidden(
                f"This API key lacks the scope '{scope}'.", code="insufficient_permissions"
            )


_ADMIN: Final = Principal("admin", frozenset({ADMIN_SCOPE}))


class Authority(Protocol):
    def authenticate(self, key: str | None) -> Principal:
        """Raises Unauthorized for a missing, unknown or expired key."""
        ...

    def owner(self, key_id: str) -> Principal | None:
        """Whom a key id stands for, while the key is in force."""
        ...


class _StoredQuota(BaseModel):
    model_config = ConfigDict(extra="ignore")

    sessions: int = 0
    requests_per_minute: int = 0
    tokens_per_day: int = 0


class _StoredKey(BaseModel):
    model_config = ConfigDict(extra="ignore")

    id: str
    hash: str
    scopes: tuple[str, ...] = ()
    expires_at: datetime | None = None  # UTC when it names no zone
    quota: _StoredQuota | None = None


class _Stored(BaseModel):
    keys: tuple[_StoredKey, ...] = ()


@dataclass(frozen=True, slots=True)
class _Known:
    principal: Principal
    expires_at: datetime | None


class FileAuthority:
    """Keys from a file, read again when it changes; a broken file leaves the old keys in force."""

    def __init__(self, path: Path, *, admin_key: str = "", clock: Clock | None = None) -> None:
        self._path = path
        self._clock = clock or SystemClock()
        self._admin_hash = hash_key(admin_key) if admin_key else ""
        self._known: Mapping[str, _Known] = {}
        self._by_id: Mapping[str, _Known] = {}
        self._stamp: tuple[int, int] | None = None

    def authenticate(self, key: str | None) -> Principal:
        if not key:
            raise Unauthorized(
                "You didn't provide an API key. Send it as 'Authorization: Bearer KEY'.",
                code="invalid_api_key",
            )
        if len(key) > MAX_KEY_CHARS:
            raise Unauthorized("Incorrect API key provided.", code="invalid_api_key")
        hashed = hash_key(key)
        if self._admin_hash and hmac.compare_digest(hashed, self._admin_hash):
            return _ADMIN
        self._reload()
        # Looked up by hash: comparing times of hashes tells nothing about keys of 128 random bits.
        known = self._known.get(hashed)
        if known is None:
            raise Unauthorized("Incorrect API key provided.", code="invalid_api_key")
        if self._is_over(known):
            raise Unauthorized("This API key has expired.", code="invalid_api_key")
        return known.principal

    def owner(self, key_id: str) -> Principal | None:
        if key_id == _ADMIN.key_id:
            return _ADMIN if self._admin_hash else None
        self._reload()
        known = self._by_id.get(key_id)
        return None if known is None or self._is_over(known) else known.principal

    def _is_over(self, known: _Known) -> bool:
        return known.expires_at is not None and known.expires_at <= self._clock.now()

    def _reload(self) -> None:
        try:
            found = self._path.stat()
        except FileNotFoundError:
            self._known, self._by_id, self._stamp = {}, {}, None
            return
        stamp = (found.st_mtime_ns, found.st_size)
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            stored = _Stored.model_validate_json(self._path.read_bytes())
        except (OSError, ValidationError):
            log.error("the authority file cannot be read; the keys known before stay in force")
            return
        self._known = {
            key.hash: _Known(
                Principal(key.id, frozenset(key.scopes), _quota(key.quota)),
                _in_utc(key.expires_at),
            )
            for key in stored.keys
        }
        self._by_id = {known.principal.key_id: known for known in self._known.values()}


def _quota(stored: _StoredQuota | None) -> Quota:
    if stored is None:
        return Quota()
    return Quota(stored.sessions, stored.requests_per_minute, stored.tokens_per_day)


def _in_utc(at: datetime | None) -> datetime | None:
    return at.replace(tzinfo=UTC) if at is not None and at.tzinfo is None else at


def hash_key(key: str) -> str:
    """SHA-256 of the full random key, in hexadecimal."""
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()
