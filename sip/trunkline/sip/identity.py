"""What a trusted trunk says of a caller beside From: who they are, and from where they come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from trunkline.domain.trunk import Trunk
from trunkline.sip.invite import Invite, name_and_uri, uri_user
from trunkline.sip.wire_text import one_line

# Values of Privacy by which a caller asks that their identity be kept from the called person
# (RFC 3323 §4.2, RFC 3325 §9.3).
_WITHHOLDING: Final = frozenset({"id", "user", "header"})


@dataclass(frozen=True, slots=True)
class Identity:
    """``asserted``: the number the network vouches for; ``diverted_from``: who was called first.

    ``headers`` are the trunk's chosen ones, as names that flows can read: ``x_customer``.
    """

    asserted: str = ""
    diverted_from: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


_UNKNOWN: Final = Identity()


def identity_of(invite: Invite, trunk: Trunk) -> Identity:
    """Nothing from a trunk that is not trusted: anyone could write it."""
    if not trunk.is_trusted:
        return _UNKNOWN
    given = {name.lower(): value for name, value in invite.headers.items()}
    privacy = {token.strip().lower() for token in given.get("privacy", "").split(";")}
    asserted = "" if privacy & _WITHHOLDING else _number(given.get("p-asserted-identity", ""))
    chosen = {name.replace("-", "_"): one_line(given.get(name, "")) for name in trunk.headers}
    return Identity(asserted, _diverted_from(given), MappingProxyType(chosen))


def _diverted_from(given: Mapping[str, str]) -> str:
    """Diversion's first entry is the latest (RFC 5806 §4.2); of History-Info the last but one."""
    if latest := given.get("diversion", ""):
        return _number(latest)
    history = entries(given.get("history-info", ""))
    return _number(history[-2]) if len(history) > 1 else ""


def entries(value: str) -> list[str]:
    """A header's comma-separated entries; commas in quotes and angle brackets divide nothing."""
    found, start, depth, quoted = [], 0, 0, False
    for at, char in enumerate(value):
        if char == '"' and (at == 0 or value[at - 1] != "\\"):
            quoted = not quoted
        elif not quoted and char in "<>":
            depth = 1 if char == "<" else 0
        elif char == "," and not quoted and not depth:
            found.append(value[start:at].strip())
            start = at + 1
    return [one for one in (*found, value[start:].strip()) if one]


def _number(value: str) -> str:
    """The user of a header's first entry."""
    first = entries(value)
    return uri_user(name_and_uri(first[0])[1]) if first else ""
