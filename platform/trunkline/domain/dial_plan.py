"""Whom we may call: a number must begin with an allowed prefix. Values only."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from trunkline.domain.errors import Forbidden, Invalid
from trunkline.domain.special_numbers import refuse_special
from trunkline.domain.trunk import normalise_number

# RFC 3261 §25.1, without the headers and passwords that a URI may carry and a target must not.
_SIP_URI: Final = re.compile(r"sips?:(?:[^\s@<>;?:]+@)?[\w.\-\[\]:]+(?:;[\w\-.=%]+)*", re.ASCII)

_HOST: Final = re.compile(r"\*|(?:\*\.)?[\w.-]+(?:/\d{1,2})?|[0-9a-fA-F:.]+(?:/\d{1,3})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class DialPlan:
    """``prefixes`` of numbers (E.164, with ``+``) that may be dialled; none allows no number.

    Emergency and premium numbers need a prefix of their own (``special_numbers``).
    ``hosts`` of SIP URIs that may be dialled beside the trunks' own, which cost nothing: names
    (``*.example.org``), addresses, networks; None allows any.
    """

    prefixes: tuple[str, ...] = ()
    hosts: tuple[str, ...] | None = None

    def check(self, target: str, *, leads_outside: bool) -> str:
        """The target as it is to be dialled; Invalid when it is none, Forbidden when not allowed.

        ``leads_outside``: a URI that leads to a carrier, whose user part is a number then.
        """
        if not target.startswith(("sip:", "sips:")):
            return self._number(target)
        if not _SIP_URI.fullmatch(target):
            raise Invalid("not a SIP URI: write sip:user@host or a number", code="bad_target")
        if leads_outside:
            user = target.partition(":")[2].partition("@")[0]
            self._number(user)
        elif not self._allows(uri_host(target)):
            raise Forbidden(
                "SIP URIs of this host may not be dialled; TRUNKLINE_OUTBOUND_HOSTS allows: "
                + (", ".join(self.hosts or ()) or "none"),
                code="host_not_allowed",
            )
        return target

    def _allows(self, host: str) -> bool:
        return self.hosts is None or any(_is_of(host, pattern) for pattern in self.hosts)

    def _number(self, raw: str) -> str:
        number = normalise_number(raw)
        if not any(number.startswith(prefix) for prefix in self.prefixes):
            allowed = ", ".join(self.prefixes) or "none"
            raise Forbidden(
                "the number is not in the dial plan; TRUNKLINE_OUTBOUND_PREFIXES allows: "
                + allowed,
                code="number_not_allowed",
            )
        refuse_special(number, self.prefixes)
        return number


def uri_host(uri: str) -> str:
    """The bare host of a SIP URI, in lower case; brackets of IPv6 left out."""
    rest = uri.partition(":")[2].partition(";")[0].rpartition("@")[2].lower()
    if rest.startswith("["):
        return rest[1:].partition("]")[0]
    return rest.partition(":")[0].rstrip(".")


def _is_of(host: str, pattern: str) -> bool:
    """Names are compared as names: what one resolves to may change after we have looked."""
    if pattern == "*" or host == pattern:
        return True
    if pattern.startswith("*."):
        return host.endswith(pattern[1:])
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(pattern, strict=False)
    except ValueError:
        return False


def as_hosts(given: Sequence[str]) -> tuple[str, ...]:
    """Hosts as the plan wants them; Invalid names one that is none."""
    for one in given:
        if not _HOST.fullmatch(one):
            raise Invalid(
                f"outbound_hosts: {one!r} is no host: write a name, '*.example.org', an address"
                " or a network"
            )
    return tuple(one.lower() for one in given)


def as_prefixes(given: Sequence[str]) -> tuple[str, ...]:
    """Prefixes as the plan wants them; Invalid names one that is none."""
    return tuple(normalise_number(prefix) for prefix in given)
