"""The desk every request passes: whose key it is, what it may do, and how much is left of it."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass

from trunkline.domain.clock import Clock, SystemClock
from trunkline.domain.errors import Forbidden, Unauthorized
from trunkline.model.authority import REALTIME_SCOPE, Authority, Principal
from trunkline.model.client_secrets import PREFIX, ClientSecrets, StartConfig
from trunkline.model.house_redis import HouseRedis
from trunkline.model.quotas import Quotas


@dataclass(frozen=True, slots=True)
class Admitted:
    """``principal`` is the owner's when an ephemeral key was shown, which then brings ``start``."""

    principal: Principal
    start: StartConfig | None = None


class Access:
    def __init__(
        self, authority: Authority, redis: HouseRedis, *, clock: Clock | None = None
    ) -> None:
        clock = clock or SystemClock()
        self._authority = authority
        self.quotas = Quotas(clock)
        self.secrets = ClientSecrets(redis, clock)

    async def admit(self, key: str | None, scope: str = REALTIME_SCOPE) -> Admitted:
        """Whoever may hold a Realtime session: a key with the scope, or an ephemeral key of one.

        Raises Unauthorized, Forbidden, or TooMany when a quota is used up.
        """
        if key is not None and key.startswith(PREFIX):
            secret = await self.secrets.find(key)
            owner = self._authority.owner(secret.owner_id)
            if owner is None:
                raise Unauthorized(
                    "The API key that minted this ephemeral key is no longer in force.",
                    code="invalid_api_key",
                )
            admitted = Admitted(owner, secret.start)
        else:
            admitted = Admitted(self._authority.authenticate(key))
        self._charge(admitted.principal, scope)
        return admitted

    async def admit_owner(self, key: str | None, scope: str = REALTIME_SCOPE) -> Principal:
        """A long-lived key; an ephemeral one may only start sessions."""
        if key is not None and key.startswith(PREFIX):
            await self.secrets.find(key)
            raise Forbidden(
                "An ephemeral key may only start Realtime sessions; use the API key itself here.",
                code="insufficient_permissions",
            )
        principal = self._authority.authenticate(key)
        self._charge(principal, scope)
        return principal

    def session(self, principal: Principal) -> AbstractContextManager[None]:
        """One of the key's sessions, held for the block; TooMany when it has no more."""
        self.quotas.require_tokens(principal.key_id, principal.quota)
        return self.quotas.session(principal.key_id, principal.quota)

    def _charge(self, principal: Principal, scope: str) -> None:
        principal.require(scope)
        self.quotas.take_request(principal.key_id, principal.quota)
