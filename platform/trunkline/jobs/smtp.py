"""Mail handed to the operator's own server, in one connection; blocking, for a thread."""

from __future__ import annotations

import smtplib
import ssl
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Final

from trunkline.runtime.mail_settings import MailServer, Security

STEP_S: Final = 10.0
"""The longest that the server may take for one answer."""
ROUND_S: Final = 60.0
"""After this long no further mail is begun; what is left is due again at once."""


@dataclass(frozen=True, slots=True)
class Posted:
    """``error`` is empty when the server took it; ``is_final``: it never will."""

    error: str = ""
    is_final: bool = False


NOT_BEGUN: Final = Posted("the server was too slow for all of them")


@contextmanager
def connected(server: MailServer) -> Iterator[smtplib.SMTP]:
    """Encrypted as the settings say and logged in. Raises smtplib.SMTPException or OSError."""
    tls = ssl.create_default_context()
    # Named, or the library asks the DNS who we are, for as long as that takes.
    ours = server.sender.domain
    if server.security is Security.TLS:
        client: smtplib.SMTP = smtplib.SMTP_SSL(
            server.host, server.port, ours, timeout=STEP_S, context=tls
        )
    else:
        client = smtplib.SMTP(server.host, server.port, ours, timeout=STEP_S)
    with client:
        client.ehlo_or_helo_if_needed()
        if server.security is Security.STARTTLS:
            client.starttls(context=tls)
        if server.username:
            client.login(server.username, server.password)
        yield client


def post_all(server: MailServer, messages: Sequence[EmailMessage]) -> list[Posted]:
    """What became of each, in their order."""
    began = time.monotonic()
    posted: list[Posted] = []
    try:
        with connected(server) as client:
            for message in messages:
                if time.monotonic() - began > ROUND_S:
                    break
                posted.append(_post(client, message))
    except (smtplib.SMTPException, OSError) as exc:
        posted += [Posted(reason(exc))] * (len(messages) - len(posted))
    return posted + [NOT_BEGUN] * (len(messages) - len(posted))


def reason(exc: Exception) -> str:
    """Without what the server said: it may repeat an address, or what was sent to it."""
    code = getattr(exc, "smtp_code", None)
    return f"{type(exc).__name__} {code}" if isinstance(code, int) else type(exc).__name__


def _post(client: smtplib.SMTP, message: EmailMessage) -> Posted:
    """Raises when the connection has gone."""
    try:
        client.send_message(message)
    except smtplib.SMTPServerDisconnected:
        raise
    except smtplib.SMTPRecipientsRefused as exc:
        code = next((code for code, _ in exc.recipients.values()), 0)
        return Posted(f"SMTPRecipientsRefused {code}", is_final=500 <= code < 600)
    except smtplib.SMTPResponseException as exc:
        return Posted(reason(exc), is_final=500 <= exc.smtp_code < 600)
    except smtplib.SMTPException as exc:
        return Posted(reason(exc))
    return Posted()
