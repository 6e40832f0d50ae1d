"""Where this installation may connect on somebody else's word: decided here, dialled elsewhere.

A flow names a tool's URL, a Realtime client names its MCP servers. Neither may make us their way
into networks they cannot reach themselves, so the address that is really dialled is looked at,
after the name was resolved: an odd spelling, a redirect, or a resolver that changes its mind gains
nothing. Pure; ``guarded_http`` does what is decided here.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Self, TypeAlias
from urllib.parse import urlsplit

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Host: TypeAlias = tuple[str, int | None]
"""A host by name, and its port; None: any port."""

_OPEN_IPV6: Final = ipaddress.ip_network("2000::/3")  # all of global unicast (RFC 4291, part 2.4)
# Open by their range, and not by what they are: tunnels that hold another address (6to4, Teredo),
# protocol assignments, and addresses for documentation.
_NOT_OPEN: Final = tuple(
    ipaddress.ip_network(net)
    for net in ("2001::/32", "2002::/16", "3fff::/20", "192.0.0.0/24", "192.88.99.0/24")
)


class AddressRefused(Exception):
    """The host resolves to nothing that may be reached; the message names the host only."""


def parse_address(text: str) -> Address:
    """An address without its zone, an IPv4 one that is wrapped in IPv6 as itself; or ValueError."""
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def is_public(address: Address) -> bool:
    """Whether it belongs to the open internet (IANA special-purpose registries)."""
    if isinstance(address, ipaddress.IPv6Address) and address not in _OPEN_IPV6:
        return False
    if any(address in net for net in _NOT_OPEN if net.version == address.version):
        return False
    return address.is_global and not address.is_multicast


def split_allowed(entry: str) -> Host:
    """``host``, ``host:port``, ``[v6]:port`` or a URL, as host and port; ValueError if neither."""
    where = urlsplit(entry if "//" in entry else f"//{entry}")
    if not where.hostname:
        raise ValueError(f"{entry!r} names no host")
    port = where.port
    if port is None and where.scheme in ("http", "https"):
        port = 443 if where.scheme == "https" else 80
    return where.hostname.lower(), port


@dataclass(frozen=True, slots=True)
class Reach:
    """What one party may have us connect to: the open internet, and what is named here.

    ``hosts`` are the operator's own word and pass wherever they are. An address in ``networks``
    passes, and so does ``client``, the address of whoever asks (and this machine, for a client on
    this machine), but never link-local ones: cloud metadata is among them.
    """

    hosts: frozenset[Host] = frozenset()
    networks: tuple[Network, ...] = ()
    client: str = ""

    @classmethod
    def of_hosts(cls, allowed: Iterable[str]) -> Self:
        return cls(hosts=frozenset(split_allowed(entry) for entry in allowed))

    def choose(self, host: str, port: int, addresses: Sequence[str]) -> list[str]:
        """Those of a host's ``addresses`` that may be dialled; AddressRefused when none may."""
        name = host.lower().rstrip(".")
        if {(name, port), (name, None)} & self.hosts:
            return list(addresses)
        admitted = [address for address in addresses if self.admits(address)]
        if not admitted:
            raise AddressRefused(f"{host} may not be reached from here")
        return admitted

    def admits(self, address: str) -> bool:
        """Whether an address passes by itself, whatever it is called."""
        try:
            parsed = parse_address(address)
        except ValueError:
            return False
        if parsed.is_link_local or parsed.is_multicast or parsed.is_unspecified:
            return False
        if any(parsed in net for net in self.networks if net.version == parsed.version):
            return True
        return is_public(parsed) or self._is_clients_own(parsed)

    def _is_clients_own(self, address: Address) -> bool:
        try:
            client = parse_address(self.client)
        except ValueError:
            return False
        return address == client or (address.is_loopback and client.is_loopback)
