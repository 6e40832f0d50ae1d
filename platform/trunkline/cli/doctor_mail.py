"""What ``trunkline doctor`` says of mail, and of the links that decide."""

from __future__ import annotations

import asyncio
import smtplib
from urllib.parse import urlsplit

from trunkline.cli.findings import Finding, Status
from trunkline.domain.errors import ConfigError
from trunkline.jobs.smtp import connected, reason
from trunkline.runtime.mail_settings import (
    MailServer,
    Security,
    is_loopback,
    mail_server,
    public_url,
)
from trunkline.runtime.settings import Settings

_MAIL, _LINKS = "mail", "decision links"


async def mail(settings: Settings) -> list[Finding]:
    """The server is asked as a mail would be, up to and without one."""
    return [await _server(settings), _links(settings)]


async def _server(settings: Settings) -> Finding:
    try:
        server = mail_server(settings)
    except ConfigError as exc:
        return Finding(_MAIL, Status.FAIL, exc.message, "correct the setting it names")
    if server is None:
        detail = "nobody is written to about approvals"
        return Finding(_MAIL, Status.OK, detail, "TRUNKLINE_SMTP_URL sends them by mail")
    where = f"{server.host}:{server.port}"
    try:
        await asyncio.to_thread(_greet, server)
    except (smtplib.SMTPException, OSError) as exc:
        return Finding(_MAIL, Status.FAIL, f"{where}: {reason(exc)}", _advice(exc))
    if server.security is Security.NONE and not is_loopback(server.host):
        advice = "smtp:// or smtps://: whoever reads a link on its way may decide by it"
        return Finding(_MAIL, Status.WARN, f"mail leaves unencrypted for {where}", advice)
    how = server.security.name.lower() if server.security is not Security.NONE else "no TLS"
    return Finding(_MAIL, Status.OK, f"{where} takes mail ({how}) from {server.sender.addr_spec}")


def _greet(server: MailServer) -> None:
    with connected(server) as client:
        client.noop()


def _advice(exc: Exception) -> str:
    if isinstance(exc, smtplib.SMTPAuthenticationError):
        return "check the user in TRUNKLINE_SMTP_URL, and TRUNKLINE_SMTP_PASSWORD"
    if isinstance(exc, smtplib.SMTPNotSupportedError):
        return "it offers no TLS or no login: smtps:// for port 465, smtp+plain:// for a relay here"
    return "check the host and port in TRUNKLINE_SMTP_URL, and the server's certificate"


def _links(settings: Settings) -> Finding:
    try:
        url = public_url(settings)
    except ConfigError as exc:
        return Finding(_LINKS, Status.FAIL, exc.message, "correct the setting it names")
    if not url:
        status = Status.WARN if settings.smtp_url else Status.OK
        advice = "set TRUNKLINE_PUBLIC_URL, as people reach the dashboard"
        return Finding(_LINKS, status, "none are sent", advice)
    parts = urlsplit(url)
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        advice = "serve it over TLS: whoever reads a link on its way may decide by it"
        return Finding(_LINKS, Status.WARN, f"{url} is not encrypted", advice)
    return Finding(_LINKS, Status.OK, f"lead to {url}")
