"""One PJSIP account a trunk: what it offers and accepts, and which of them an INVITE belongs to."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

import pjsua2 as pj

from trunkline.domain.errors import ConfigError
from trunkline.domain.trunk import LOCAL_TRUNK, Trunk, TrunkAuth
from trunkline.sip.account import Incoming, PjAccount, Registration, registering_config
from trunkline.sip.config import EndpointConfig, account_config
from trunkline.sip.front import SipFront, source_of

_VIA: Final = re.compile(r"^(?:Via|v)\s*:\s*SIP\s*/\s*2\.0\s*/\s*(UDP|TCP|TLS)\b", re.I | re.M)
_TRANSPORT: Final = re.compile(r";transport=(udp|tcp|tls)\b", re.IGNORECASE)


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
        self._accounts: dict[tuple[str, str], PjAccount] = {}  # by trunk and transport
        self._ids: dict[tuple[str, str], int] = {}
        self._main: dict[str, str] = {}  # a trunk's own transport
        self._registering: dict[str, PjAccount] = {}  # behind a front: not the one that calls

    def open(self, trunks: Sequence[Trunk], host: str, port: int, tls_port: int) -> None:
        """The local account first: it takes what belongs to no trunk."""
        ports = {"udp": port, "tcp": port, "tls": tls_port}
        front = self._config.front
        others = [trunk for trunk in trunks if trunk.name != LOCAL_TRUNK.name]
        for trunk in (LOCAL_TRUNK, *others):
            if trunk.auth is TrunkAuth.REGISTER:
                self._on_registration(Registration(trunk.name))
            main = transport_of(trunk.outbound_proxy or trunk.registrar)
            if main == "tls" and not tls_port:
                raise ConfigError(
                    f"trunk {trunk.name} is reached over TLS: set TRUNKLINE_SIP_TLS_PORT"
                )
            self._main[trunk.name] = main
            for transport in (main, *(one for one in ports if one != main)):
                # PJSIP puts the public address into Contact over UDP by itself.
                is_needed = transport == main or self._config.public_address or front
                if not ports[transport] or not is_needed:
                    continue
                registers = trunk.auth is TrunkAuth.REGISTER and transport == main
                settings = (
                    registering_config(self._config, trunk)
                    if registers
                    else account_config(self._config, f"sip:trunkline@{host}:{port}", trunk.srtp)
                )
                if front is not None:
                    if registers:
                        self._open_registering(front, trunk, transport)
                    _put_behind(front, settings, trunk.username or "trunkline", transport)
                elif self._config.public_address and transport != "udp":
                    user = trunk.username or "trunkline"
                    settings.sipConfig.contactForced = (
                        f"<sip:{user}@{host}:{ports[transport]};transport={transport}>"
                    )
                account = PjAccount(
                    trunk.name, self._on_incoming, self._on_registration, self._on_options
                )
                is_default = trunk is LOCAL_TRUNK and transport == main
                account.create(settings, is_default)
                self._accounts[trunk.name, transport] = account
                self._ids[trunk.name, transport] = account.getId()

    def _open_registering(self, front: SipFront, trunk: Trunk, transport: str) -> None:
        """Its Contact is the front alone: whichever edge registers, the binding is the same."""
        settings = registering_config(self._config, trunk)
        registrar = settings.regConfig.registrarUri
        _put_behind(front, settings, trunk.username, transport, names_edge=False)
        settings.regConfig.registrarUri = registrar
        account = self._registering[trunk.name] = PjAccount(
            trunk.name, self._on_incoming, self._on_registration, self._on_options
        )
        account.create(settings, False)

    def registering(self, trunk: str) -> PjAccount:
        """The account that registers a trunk."""
        return self._registering.get(trunk) or self.of(trunk)

    def of(self, trunk: str, uri: str = "") -> PjAccount:
        """The account for a request to a URI; without one, for the trunk's own registrar."""
        name = trunk if trunk in self._main else LOCAL_TRUNK.name
        wanted = transport_of(uri) if uri else self._main[name]
        return self._accounts.get((name, wanted)) or self._accounts[name, self._main[name]]

    def choose(self, prm: pj.OnSelectAccountParam, trunk: Trunk | None) -> None:
        """For an INVITE that has come: Contact must name the transport it came by."""
        name = trunk.name if trunk and trunk.name in self._main else LOCAL_TRUNK.name
        via = _VIA.search(prm.rdata.wholeMsg)
        wanted = via[1].lower() if via else "udp"
        chosen = self._ids.get((name, wanted), self._ids.get((name, self._main.get(name, "udp"))))
        if chosen is not None:
            prm.accountIndex = chosen

    def close(self) -> None:
        self._accounts.clear()
        self._registering.clear()


def from_its_source(front: SipFront | None, incoming: Incoming) -> Incoming:
    """With ``source`` where it began, not the front."""
    source = source_of(front, incoming.message, incoming.source)
    return replace(incoming, source=source)


def _put_behind(
    front: SipFront,
    settings: pj.AccountConfig,
    user: str,
    transport: str,
    *,
    names_edge: bool = True,
) -> None:
    """Contact is ours at the front, and requests go out through it.

    Not over TLS: Kamailio holds a certificate against nobody's name (5.6), so who we connect to is
    for PJSIP to look at.
    """
    settings.regConfig.registrarUri = ""
    settings.sipConfig.contactForced = front.contact(
        user, transport=transport, names_edge=names_edge
    )
    if transport != "tls":
        proxies = [front.proxy, *settings.sipConfig.proxies]
        settings.sipConfig.proxies.clear()
        for proxy in proxies:
            settings.sipConfig.proxies.append(proxy)
    nat = settings.natConfig
    nat.contactRewriteUse = nat.viaRewriteUse = nat.sdpNatRewriteUse = nat.sipOutboundUse = 0


def transport_of(uri: str) -> str:
    """``udp``, ``tcp`` or ``tls``, as a URI's scheme and parameters say."""
    if uri.startswith("sips:"):
        return "tls"
    found = _TRANSPORT.search(uri)
    return found[1].lower() if found else "udp"
