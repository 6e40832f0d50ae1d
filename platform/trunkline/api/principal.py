"""Who a bearer key belongs to, and what it may do."""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from trunkline.domain.clock import Clock
from trunkline.storage.engine import Sessions
from trunkline.storage.keys import KeyRepository, needs_touch
from trunkline.storage.views import HOUSE


@dataclass(frozen=True, slots=True)
class Principal:
    """``name`` is what the audit shows."""

    key_id: str
    name: str
    scopes: frozenset[str]
    owner: str = HOUSE

    def may(self, scope: str) -> bool:
        return scope in self.scopes or "admin" in self.scopes


async def identify(
    sessions: Sessions, clock: Clock, secret: str, admin_key: str
) -> Principal | None:
    """The principal of a key; None for none, unknown, expired and revoked alike."""
    if not secret:
        return None
    if admin_key and hmac.compare_digest(secret.encode(), admin_key.encode()):
        return Principal("environment", "TRUNKLINE_API_KEY", frozenset({"admin"}))
    now = clock.now()
    async with sessions.reading() as session:
        key = await KeyRepository(session).find(secret, now)
    if key is None:
        return None
    if needs_touch(key, now):
        async with sessions.writing() as session:
            await KeyRepository(session).touch(key.key_id, now)
    return Principal(key.key_id, key.name, frozenset(key.scopes), key.owner)
