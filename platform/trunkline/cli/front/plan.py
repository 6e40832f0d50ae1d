"""What the SIP front is to do, read from the settings: where it listens, and for which edges."""

from __future__ import annotations

import ipaddress
import re
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trunkline.domain.errors import ConfigError
from trunkline.runtime.settings import Settings

_NAME: Final = re.compile(r"[a-z0-9-]{1,32}")
_LOCAL_ADDRESSES: Final = Path("/proc/net/fib_trie")
_LOOPBACK: Final = "127.0.0.1"
ANY_HOST: Final = ("", "0.0.0.0")


@dataclass(frozen=True, slots=True)
class Address:
    """An IPv4 address and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class FrontEdge:
    name: str
    address: Address


@dataclass(frozen=True, slots=True)
class FrontTls:
    port: int
    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class FrontPlan:
    """``hosts`` are the addresses it listens on, ``advertised`` what messages say instead."""

    hosts: tuple[str, ...]
    port: int
    inner: Address
    edges: tuple[FrontEdge, ...]
    advertised: str = ""
    tls: FrontTls | None = None
    logs_texts: bool = False  # messages that cannot be read, whole


def front_plan(settings: Settings) -> FrontPlan:
    """ConfigError names the setting that is missing or wrong."""
    if not settings.front_edges:
        raise ConfigError(
            "no edges: set TRUNKLINE_FRONT_EDGES=NAME=HOST:PORT,… (`trunkline up --edges N` does"
            " so by itself)"
        )
    inner = address_of("TRUNKLINE_FRONT_INNER", settings.front_inner)
    edges = tuple(_edge(given) for given in settings.front_edges)
    for what, seen in (
        ("name", [edge.name for edge in edges]),
        ("address", [str(edge.address) for edge in edges]),
    ):
        if twice := {one for one in seen if seen.count(one) > 1}:
            raise ConfigError(f"TRUNKLINE_FRONT_EDGES: the {what} {min(twice)} is given twice")
    hosts = outer_hosts(settings.bind_address)
    if inner.host in hosts and inner.port == settings.sip_port:
        raise ConfigError(
            "TRUNKLINE_FRONT_INNER is TRUNKLINE_SIP_PORT: edges and callers need a port each"
        )
    return FrontPlan(
        hosts,
        settings.sip_port,
        inner,
        edges,
        settings.public_address,
        _tls(settings),
        logs_texts=settings.log_pii,
    )


def _edge(given: str) -> FrontEdge:
    name, equals, where = given.partition("=")
    if not equals or not _NAME.fullmatch(name):
        raise ConfigError(
            f"TRUNKLINE_FRONT_EDGES: {given!r} is no NAME=HOST:PORT with a name of a-z, 0-9 and -"
        )
    return FrontEdge(name, address_of(f"TRUNKLINE_FRONT_EDGES, {name}", where))


def address_of(setting: str, given: str) -> Address:
    """``HOST:PORT``; the host may be a name, which is looked up now."""
    host, colon, port = given.strip().rpartition(":")
    if not colon or not port.isdigit() or not 0 < int(port) < 65536:
        raise ConfigError(f"{setting}: {given!r} is no HOST:PORT, for example 10.0.0.10:5070")
    try:
        return Address(str(ipaddress.IPv4Address(host)), int(port))
    except ipaddress.AddressValueError:
        pass
    try:
        found = socket.getaddrinfo(host, None, socket.AF_INET, socket.SOCK_DGRAM)
    except OSError:
        raise ConfigError(f"{setting}: {host!r} is no IPv4 address and cannot be found") from None
    return Address(str(found[0][4][0]), int(port))


def _tls(settings: Settings) -> FrontTls | None:
    if not settings.sip_tls_port:
        return None
    if settings.sip_tls_cert is None or settings.sip_tls_key is None:
        raise ConfigError(
            "TRUNKLINE_SIP_TLS_PORT needs TRUNKLINE_SIP_TLS_CERT and TRUNKLINE_SIP_TLS_KEY"
        )
    files = settings.sip_tls_cert.resolve(), settings.sip_tls_key.resolve()
    if missing := [file for file in files if not file.is_file()]:
        raise ConfigError(f"SIP over TLS: there is no file {missing[0]}")
    return FrontTls(settings.sip_tls_port, *files)


def outer_hosts(bind_address: str) -> tuple[str, ...]:
    """The addresses to listen on: Kamailio writes each into messages, so 0.0.0.0 will not do."""
    if bind_address in ANY_HOST:
        return local_addresses()
    try:
        return (str(ipaddress.IPv4Address(bind_address)),)
    except ipaddress.AddressValueError:
        raise ConfigError(
            f"TRUNKLINE_BIND_ADDRESS: the front listens on IPv4 addresses, not on {bind_address}"
        ) from None


def local_addresses() -> tuple[str, ...]:
    """This machine's IPv4 addresses, 127.0.0.1 last."""
    try:
        trie = _LOCAL_ADDRESSES.read_text()
    except OSError:
        raise ConfigError(
            "this machine's addresses cannot be read: set TRUNKLINE_BIND_ADDRESS"
        ) from None
    found = re.findall(r"\|-- (\S+)\n\s+/32 host LOCAL", trie)
    others = [host for host in dict.fromkeys(found) if not host.startswith("127.")]
    return (*others, _LOOPBACK)
