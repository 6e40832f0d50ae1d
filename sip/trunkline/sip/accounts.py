"""One PJSIP account a trunk: what it offers and accepts, and which of them an INVITE belongs to."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pjsua2 as pj

from trunkline.domain.errors import ConfigError
from trunkline.domain.trunk import LOCAL_TRUNK, Trunk, TrunkAuth
from trunkline.sip.account import Incoming, PjAccount, Registration, registering_config
from trunkline.sip.config import EndpointConfig, account_config


class Accounts:
    """``open`` and ``close`` belong to the control thread, ``choose`` to PJSIP's.

    PJSIP decides on an offer of SRTP before it shows us the INVITE, so the trunk must be known by
    then: it is found by the source address, as the verdict on the INVITE finds it.
    """

    def __init__(
        self,
        config: EndpointConfig,
        on_incoming: Callable[[Incoming], None],
        on_registration: Callable[[Registration], None],
        on_options: Callable[[str, int], None],
    ) -> None:
        self._config = config
        self._on_incoming = on_incoming
        self._on_registration = on_registration
        self._on_options = on_options
        self._accounts: dict[str, PjAccount] = {}
        self._ids: dict[str, int] = {}

    def open(self, trunks: Sequence[Trunk], own_uri: str) -> None:
        """The local account first: it takes what belongs to no trunk."""
        others = [trunk for trunk in trunks if trunk.name != LOCAL_TRUNK.name]
        for trunk in (LOCAL_TRUNK, *others):
            registers = trunk.auth is TrunkAuth.REGISTER
            if registers:
                self._on_registration(Registration(trunk.name))
            if self._config.tls is None and needs_tls(trunk):
                raise ConfigError(
                    f"trunk {trunk.name} is reached over TLS: set TRUNKLINE_SIP_TLS_PORT"
                )
            account = PjAccount(
                trunk.name, self._on_incoming, self._on_registration, self._on_options
            )
            settings = (
                registering_config(self._config, trunk)
                if registers
                else account_config(self._config, own_uri, trunk.srtp)
            )
            account.create(settings, trunk is LOCAL_TRUNK)
            self._accounts[trunk.name] = account
            self._ids[trunk.name] = account.getId()

    def of(self, trunk: str) -> PjAccount:
        return self._accounts.get(trunk) or self._accounts[LOCAL_TRUNK.name]

    def choose(self, prm: pj.OnSelectAccountParam, trunk: Trunk | None) -> None:
        wanted = self._ids.get(trunk.name if trunk else LOCAL_TRUNK.name)
        if wanted is not None:
            prm.accountIndex = wanted

    def close(self) -> None:
        self._accounts.clear()


def needs_tls(trunk: Trunk) -> bool:
    """Whether its registrar or proxy is reached over TLS."""
    return any(
        uri.startswith("sips:") or ";transport=tls" in uri.lower()
        for uri in (trunk.registrar, trunk.outbound_proxy)
    )
