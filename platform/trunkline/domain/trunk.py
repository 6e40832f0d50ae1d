"""Trunks, and how a called number finds its agent."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from trunkline.domain.errors import Invalid


class TrunkAuth(StrEnum):
    REGISTER = "register"  # we register with digest; calls come from the registrar
    SOURCE = "source"  # calls are known by their source address
    BUILT_IN = "built_in"  # the local trunk: loopback and private addresses only


class Srtp(StrEnum):
    """Whether a trunk's audio is encrypted, by keys in SDP (SDES, RFC 4568)."""

    OFF = "off"
    OPTIONAL = "optional"  # as the far end offers; our offers leave it the choice
    REQUIRED = "required"  # a plain offer is refused with 488; ours says RTP/SAVP


@dataclass(frozen=True, slots=True)
class Trunk:
    """The carrier's account. ``sources`` are CIDR networks that calls may come from.

    ``is_trusted``: who it says is calling, and from where it was diverted, may be believed
    (RFC 3325 §2.3); ``headers`` are the X- headers, in lower case, that reach the flow.
    ``calls_burst`` INVITEs may come at once and ``calls_per_second`` after that, to each edge.
    """

    name: str
    auth: TrunkAuth
    sources: tuple[str, ...] = ()
    registrar: str = ""  # sip:host[:port][;transport=tcp]
    username: str = ""
    password: str = field(default="", repr=False)
    realm: str = "*"
    outbound_proxy: str = ""
    expires_s: int = 300
    max_calls: int = 100
    calls_per_second: float = 50.0
    calls_burst: int = 100
    srtp: Srtp = Srtp.OFF
    is_trusted: bool = False
    headers: tuple[str, ...] = ()
    options_s: int = 0  # asked by OPTIONS this often whether it is up; 0: never
    prefixes: tuple[str, ...] = ()  # of numbers that it may carry; none: any

    def carries(self, number: str) -> bool:
        """Whether calls to a number, or to a URI, may go out over it."""
        return carries(self.prefixes, number)

    def admits(self, source_ip: str) -> bool:
        address = ipaddress.ip_address(source_ip)
        return any(address in ipaddress.ip_network(net, strict=False) for net in self.sources)


def carries(prefixes: Sequence[str], target: str) -> bool:
    """Whether a number begins with one of them; a URI, or no prefix at all, always does."""
    is_uri = target.startswith(("sip:", "sips:"))
    return is_uri or not prefixes or target.startswith(tuple(prefixes))


LOCAL_TRUNK = Trunk(
    name="local",
    auth=TrunkAuth.BUILT_IN,
    sources=("127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fd00::/8"),
)


def trunk_for_source(trunks: Sequence[Trunk], source_ip: str) -> Trunk | None:
    """The first trunk that admits the source; None means 403 and no hint. LOCAL_TRUNK goes last."""
    return next((trunk for trunk in trunks if trunk.admits(source_ip)), None)


@dataclass(frozen=True, slots=True)
class NumberRoute:
    """A called number (E.164 or an extension), optionally on one trunk only, to an agent."""

    number: str
    agent: str
    trunk: str | None = None


_SEPARATORS = re.compile(r"[\s().-]")


def normalise_number(raw: str) -> str:
    """Strip separators; keep a leading ``+``. Raises Invalid when no digit is left."""
    number = _SEPARATORS.sub("", raw)
    if not re.fullmatch(r"\+?[0-9*#]+", number):
        raise Invalid(f"not a phone number: {raw!r}", code="bad_number")
    return number


def route(routes: Sequence[NumberRoute], trunk: str, called: str) -> NumberRoute | None:
    """The route of a called number; a route bound to the trunk wins over a general one."""
    found = [r for r in routes if r.number == called and r.trunk in (None, trunk)]
    return min(found, key=lambda r: r.trunk is None, default=None)
