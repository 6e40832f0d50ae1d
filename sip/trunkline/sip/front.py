"""An edge behind a SIP front: whom it believes about a message's source, and what it calls itself.

The front (Kamailio, ``trunkline.cli.front``) takes a header of this name from every message that
comes from outside and writes its own. It is believed from the front's own address and port only;
whoever else sends it is judged by where their packets come from.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Final

from trunkline.domain.errors import ConfigError

SOURCE_HEADER: Final = "X-Trunkline-Source"

_TOLD: Final = re.compile(rf"^{SOURCE_HEADER}[ \t]*:[ \t]*(.*?)[ \t\r]*$", re.I | re.M)
_SOURCE: Final = re.compile(
    r"(?P<address>(?:[0-9.]+|\[[0-9a-fA-F:.]+\]):\d{1,5});transport=(?:udp|tcp|tls)"
)


@dataclass(frozen=True, slots=True)
class SipFront:
    """``inner`` is where the front's messages come from; the rest is for our Contact."""

    inner: str
    host: str
    port: int
    tls_port: int
    edge: str

    @property
    def proxy(self) -> str:
        """Where requests go first that begin here."""
        return f"<sip:{self.inner};lr>"

    def contact(self, user: str, *, transport: str = "udp", names_edge: bool = True) -> str:
        """Ours at the front; with ``edge`` the front brings a dialog's requests to us."""
        is_tls = transport == "tls" and self.tls_port
        port = self.tls_port if is_tls else self.port
        kind = f";transport={transport}" if transport != "udp" else ""
        edge = f";edge={self.edge}" if names_edge else ""
        return f"<sip:{user}@{self.host}:{port}{kind}{edge}>"


def source_of(front: SipFront | None, message: str, source: str) -> str:
    """Where a message began, as ``host:port``; empty when the front told of no one source.

    Empty is no trunk's address: such a message is a stranger's.
    """
    if front is None or source != front.inner:
        return source
    head = message.replace("\r\n", "\n").partition("\n\n")[0]
    told = _TOLD.findall(head)
    found = _SOURCE.fullmatch(told[0]) if len(told) == 1 else None
    return found["address"] if found else ""


def sip_front(
    *, inner: str, address: str, own_host: str, tls_port: int, edge: str
) -> SipFront | None:
    """From the settings' texts; None without ``inner``. ConfigError names what is wrong.

    ``address`` is ``HOST:PORT``, where callers reach the front; ``:PORT`` is on ``own_host``.
    """
    if not inner:
        return None
    host, _, number = inner.rpartition(":")
    if not (_is_ipv4(host) and number.isdigit()):
        raise ConfigError(
            f"TRUNKLINE_FRONT_INNER: {inner!r} is no IPV4-ADDRESS:PORT; an edge believes the"
            " front by its address"
        )
    if not edge:
        raise ConfigError("an edge behind a front needs a name: set TRUNKLINE_EDGE_NAME")
    outer, colon, port = address.rpartition(":")
    if not colon or not port.isdigit():
        raise ConfigError(
            f"TRUNKLINE_FRONT_ADDRESS: {address!r} is no HOST:PORT; an edge behind a front must"
            " know where callers reach it, for example 203.0.113.7:5060"
        )
    return SipFront(inner, outer or own_host, int(port), tls_port, edge)


def _is_ipv4(host: str) -> bool:
    try:
        ipaddress.IPv4Address(host)
    except ipaddress.AddressValueError:
        return False
    return True
