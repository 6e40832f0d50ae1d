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


@dataclass(frozen=True, slots=True)
class Trunk:
    """The carrier's account. ``sources`` are CIDR networks that calls may come from."""

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

    def admits(self, source_ip: str) -> bool:
        address = ipaddress.ip_address(source_ip)
        return any(address in ipaddress.ip_network(net, strict=False) for net in self.sources)


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
