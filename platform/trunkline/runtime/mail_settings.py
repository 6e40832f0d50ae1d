"""Where mail goes out, and the address people reach us at; from the settings, checked."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from email.headerregistry import Address
from email.utils import parseaddr
from enum import StrEnum
from typing import Final
from urllib.parse import unquote, urlsplit

from trunkline.domain.errors import ConfigError
from trunkline.runtime.mail_address import mail_address
from trunkline.runtime.settings import Settings


class Security(StrEnum):
    STARTTLS = "smtp"
    TLS = "smtps"
    NONE = "smtp+plain"


_PORTS: Final = {Security.STARTTLS: 587, Security.TLS: 465, Security.NONE: 25}


@dataclass(frozen=True, slots=True)
class MailServer:
    """``sender``: the address that mail is from; ``username`` is empty where nobody logs in."""

    host: str
    port: int
    security: Security
    sender: Address
    username: str = ""
    password: str = field(default="", repr=False)


def mail_server(settings: Settings) -> MailServer | None:
    """None when no mail is sent; ConfigError names the setting that is wrong."""
    if not settings.smtp_url:
        return None
    try:
        parts = urlsplit(settings.smtp_url)
        security, port = Security(parts.scheme), parts.port
    except ValueError:
        raise ConfigError(
            "TRUNKLINE_SMTP_URL: write smtp://USER@HOST:PORT (STARTTLS), smtps:// (TLS), or"
            " smtp+plain:// (neither; for a relay on this machine)"
        ) from None
    if not parts.hostname or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ConfigError("TRUNKLINE_SMTP_URL names no host, or more than one")
    if parts.password:
        raise ConfigError("TRUNKLINE_SMTP_URL: put the password in TRUNKLINE_SMTP_PASSWORD")
    password = settings.smtp_password.get_secret_value()
    username = unquote(parts.username or "")
    if bool(username) != bool(password):
        raise ConfigError("TRUNKLINE_SMTP_PASSWORD and the user in TRUNKLINE_SMTP_URL go together")
    if username and security is Security.NONE and not is_loopback(parts.hostname):
        raise ConfigError("TRUNKLINE_SMTP_URL: a password is not sent without TLS")
    return MailServer(
        parts.hostname,
        port or _PORTS[security],
        security,
        _sender(settings.smtp_from),
        username,
        password,
    )


def public_url(settings: Settings) -> str:
    """Without a slash at its end; empty when it is not known. ConfigError says what it wants."""
    if not settings.public_url:
        return ""
    try:
        parts = urlsplit(settings.public_url)
        host = parts.hostname
    except ValueError:
        parts, host = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment:
        raise ConfigError("TRUNKLINE_PUBLIC_URL: write https://HOST, as people reach the dashboard")
    return settings.public_url.rstrip("/")


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _sender(text: str) -> Address:
    name, address = parseaddr(text)
    sender = mail_address(address, name) if text.isprintable() else None
    if sender is None:
        raise ConfigError('TRUNKLINE_SMTP_FROM: write "Trunkline <approvals@example.org>"')
    return sender
