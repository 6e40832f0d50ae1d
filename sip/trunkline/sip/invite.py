"""An INVITE as text, read once: who calls whom, from where, with which headers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final
from urllib.parse import unquote

from trunkline.domain.trunk import Trunk, TrunkAuth
from trunkline.sip.wire_text import legible, one_line

# Compact forms (RFC 3261 §7.3.3) of the headers read here.
_COMPACT: Final = {"f": "from", "t": "to", "i": "call-id", "m": "contact", "s": "subject"}
_KEPT: Final = frozenset(
    {"subject", "user-agent", "diversion", "history-info", "p-asserted-identity", "privacy"}
)
_KEPT_PREFIX: Final = "x-"
_MAX_KEPT: Final = 32
_MAX_VALUE_CHARS: Final = 512

_NAME_ADDR: Final = re.compile(r'^\s*(?:"((?:[^"\\]|\\.)*)"|([^<"]*?))\s*<([^>]+)>')
_URI: Final = re.compile(
    r"^(?P<scheme>sips?|tel):(?:(?P<user>[^@]*)@)?(?P<host>[^;?]*)", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Invite:
    """``called_user`` is the Request-URI's, ``to_user`` the To header's; both unescaped."""

    source_ip: str
    source_port: int
    called_user: str
    to_user: str
    caller_number: str
    caller_name: str
    sip_call_id: str
    sdp: str
    headers: Mapping[str, str] = field(default_factory=dict)


def split_address(address: str) -> tuple[str, int]:
    """``127.0.0.1:5060`` or ``[::1]:5060`` to host and port; the port is 0 when there is none."""
    if address.startswith("["):
        host, _, rest = address[1:].partition("]")
        port = rest.lstrip(":")
    elif address.count(":") > 1:
        host, port = address, ""
    else:
        host, _, port = address.partition(":")
    return host, int(port) if port.isdigit() else 0


def uri_user(uri: str) -> str:
    """The user part of a SIP or tel URI, without a password or telephone parameters."""
    found = _URI.match(uri.strip())
    if not found:
        return ""
    user = found["host"] if found["scheme"].lower() == "tel" else (found["user"] or "")
    # Escapes may stand for anything, line breaks and NUL included.
    return one_line(unquote(user.partition(":")[0].partition(";")[0]))


def name_and_uri(value: str) -> tuple[str, str]:
    """The display name and the URI of a From or To value (RFC 3261 §20.10)."""
    found = _NAME_ADDR.match(value)
    if found:
        quoted, bare, uri = found.groups()
        name = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else (bare or "").strip()
        return name, uri.strip()
    return "", value.partition(";")[0].strip()


def read_invite(message: str, source: str) -> Invite:
    """Read PJSIP's copy of an INVITE it has already parsed; absent parts come out empty."""
    head, _, body = legible(message).replace("\r\n", "\n").partition("\n\n")
    lines = list(_unfolded(head))
    request = lines[0].split(" ") if lines else []
    values: dict[str, str] = {}
    kept: dict[str, str] = {}
    for line in lines[1:]:
        raw_name, colon, value = line.partition(":")
        if not colon:
            continue
        name = raw_name.strip().lower()
        name = _COMPACT.get(name, name)
        value = value.strip()
        values.setdefault(name, value)
        if (name in _KEPT or name.startswith(_KEPT_PREFIX)) and len(kept) < _MAX_KEPT:
            kept.setdefault(raw_name.strip(), value[:_MAX_VALUE_CHARS])
    host, port = split_address(source)
    caller_name, caller_uri = name_and_uri(values.get("from", ""))
    is_sdp = "application/sdp" in values.get("content-type", values.get("c", "")).lower()
    return Invite(
        source_ip=host,
        source_port=port,
        called_user=uri_user(request[1]) if len(request) > 1 else "",
        to_user=uri_user(name_and_uri(values.get("to", ""))[1]),
        caller_number=uri_user(caller_uri),
        caller_name=caller_name,
        sip_call_id=values.get("call-id", ""),
        sdp=body if is_sdp or body.startswith("v=0") else "",
        headers=MappingProxyType(kept),
    )


def called_number(invite: Invite, trunk: Trunk | None) -> str:
    """The dialled number.

    A registrar sends calls to our Contact, whose user part is the account's name; the number is
    then in the To header.
    """
    if trunk is None or trunk.auth is not TrunkAuth.REGISTER:
        return invite.called_user
    is_our_contact = invite.called_user == trunk.username
    return invite.to_user or invite.called_user if is_our_contact else invite.called_user


def _unfolded(head: str) -> Iterator[str]:
    """Header lines, continuation lines joined (RFC 3261 §7.3.1)."""
    line = ""
    for raw in head.split("\n"):
        if raw[:1] in (" ", "\t") and line:
            line += " " + raw.strip()
            continue
        if line:
            yield line
        line = raw
    if line:
        yield line
