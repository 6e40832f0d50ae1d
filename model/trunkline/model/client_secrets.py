"""Ephemeral keys (contract 10.1): ``ek_…`` that start sessions with a given configuration.

A secret belongs to the long-lived key that minted it, is good for any number of sessions until it
expires, and may do nothing else. Kept by hash, in this process and, while it is there, in the
house's Redis, so that another model server of the house knows it too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

import orjson

from trunkline.domain.clock import Clock
from trunkline.domain.errors import TooMany, Unauthorized
from trunkline.domain.events import Json
from trunkline.domain.ids import mint
from trunkline.model.authority import hash_key
from trunkline.model.house_redis import HouseRedis

PREFIX: Final = "ek_"
MIN_TTL_S, MAX_TTL_S, DEFAULT_TTL_S = 10, 7200, 600
BETA_TTL_S: Final = 60
MAX_LIVE: Final = 20_000
MAX_PER_OWNER: Final = 2_000
_SECRET_CHARS: Final = 40

Generation: TypeAlias = Literal["ga", "beta"]


@dataclass(frozen=True, slots=True)
class StartConfig:
    """What a session begins with: ``session`` is the client's own document, GA shape, ``type``
    included; ``model`` may be empty (the server's default), ``temperature`` is the
    beta's."""

    model: str
    session: Mapping[str, Json]
    generation: Generation = "ga"
    temperature: float | None = None

    @property
    def is_transcription(self) -> bool:
        return self.session.get("type") == "transcription"


@dataclass(frozen=True, slots=True)
class ClientSecret:
    """``expires_at``: unix seconds; it limits the beginning of sessions, not their length."""

    owner_id: str
    expires_at: int
    start: StartConfig


class ClientSecrets:
    def __init__(self, redis: HouseRedis, clock: Clock) -> None:
        self._redis = redis
        self._clock = clock
        self._live: dict[str, ClientSecret] = {}  # by hash
        self._of_owner: Counter[str] = Counter()

    async def mint(self, owner_id: str, start: StartConfig, ttl_s: int) -> tuple[str, ClientSecret]:
        """A new secret and what is kept of it; TooMany when the owner has too many."""
        self._drop_expired()
        if len(self._live) >= MAX_LIVE or self._of_owner[owner_id] >= MAX_PER_OWNER:
            raise TooMany(
                "Too many client secrets are waiting to be used; let some expire first.",
                retry_after_s=10,
                code="rate_limit_exceeded",
            )
        value = mint("ek", _SECRET_CHARS)
        secret = ClientSecret(owner_id, self._now() + ttl_s, start)
        digest = hash_key(value)
        self._live[digest] = secret
        self._of_owner[owner_id] += 1
        payload = orjson.dumps(
            {
                "owner_id": owner_id,
                "expires_at": secret.expires_at,
                "model": start.model,
                "session": dict(start.session),
                "generation": start.generation,
                "temperature": start.temperature,
            }
        )
        await self._redis.ask(lambda redis: redis.set(_redis_key(digest), payload, ex=ttl_s))
        return value, secret

    async def find(self, value: str) -> ClientSecret:
        """Raises Unauthorized for one that is unknown or expired."""
        digest = hash_key(value)
        found = self._live.get(digest)
        if found is None:
            payload = await self._redis.ask(lambda redis: redis.get(_redis_key(digest)))
            found = _read(payload) if payload is not None else None
        if found is None or found.expires_at <= self._now():
            raise Unauthorized(
                "This ephemeral key is unknown or has expired; mint a new one.",
                code="invalid_api_key",
            )
        return found

    def _now(self) -> int:
        return int(self._clock.now().timestamp())

    def _drop_expired(self) -> None:
        now = self._now()
        for digest in [key for key, one in self._live.items() if one.expires_at <= now]:
            owner_id = self._live.pop(digest).owner_id
            self._of_owner[owner_id] -= 1
            if not self._of_owner[owner_id]:
                del self._of_owner[owner_id]


def _redis_key(digest: str) -> str:
    return f"trunkline:ek:{digest}"


def _read(payload: bytes | str) -> ClientSecret | None:
    try:
        document: dict[str, Any] = orjson.loads(payload)
        start = StartConfig(
            str(document["model"]),
            dict(document["session"]),
            "beta" if document["generation"] == "beta" else "ga",
            document.get("temperature"),
        )
        return ClientSecret(str(document["owner_id"]), int(document["expires_at"]), start)
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return None
