"""Where mail goes out is read from a URL, and nothing is sent in the clear by mistake."""

from __future__ import annotations

import pytest

from trunkline.domain.errors import ConfigError
from trunkline.runtime.mail_settings import Security, mail_server, public_url
from trunkline.runtime.settings import Settings, load_settings

FROM = "Trunkline <approvals@example.org>"


def settings(**changes: str) -> Settings:
    return load_settings(**{"smtp_from": FROM, **changes})


@pytest.mark.parametrize(
    ("url", "security", "port"),
    [
        ("smtp://mail.example.org", Security.STARTTLS, 587),
        ("smtps://mail.example.org", Security.TLS, 465),
        ("smtp+plain://127.0.0.1:2525", Security.NONE, 2525),
    ],
)
def test_the_scheme_says_how_it_is_encrypted(url: str, security: Security, port: int) -> None:
    server = mail_server(settings(smtp_url=url))
    assert server is not None
    assert (server.security, server.port) == (security, port)
    assert server.sender.addr_spec == "approvals@example.org"
    assert mail_server(settings()) is None


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"smtp_url": "mail.example.org"}, "SMTP_URL"),
        ({"smtp_url": "http://mail.example.org"}, "SMTP_URL"),
        ({"smtp_url": "smtp://"}, "SMTP_URL"),
        ({"smtp_url": "smtp://h:port"}, "SMTP_URL"),
        ({"smtp_url": "smtp://me:secret@h"}, "SMTP_PASSWORD"),
        ({"smtp_url": "smtp://me@h"}, "SMTP_PASSWORD"),
        ({"smtp_url": "smtp+plain://me@mail.example.org", "smtp_password": "x"}, "without TLS"),
        ({"smtp_url": "smtp://h", "smtp_from": ""}, "SMTP_FROM"),
        ({"smtp_url": "smtp://h", "smtp_from": "nobody"}, "SMTP_FROM"),
        ({"smtp_url": "smtp://h", "smtp_from": "a@b.org\nBcc: c@d.org"}, "SMTP_FROM"),
    ],
)
def test_what_is_wrong_is_named_without_its_secret(changes: dict[str, str], names: str) -> None:
    with pytest.raises(ConfigError, match=names) as caught:
        mail_server(settings(**changes))
    assert "secret" not in caught.value.message


def test_the_public_address_is_one() -> None:
    assert public_url(settings(public_url="https://t.example.org/")) == "https://t.example.org"
    assert public_url(settings()) == ""
    for wrong in ("t.example.org", "ftp://t.example.org", "https://", "https://t?x=1"):
        with pytest.raises(ConfigError, match="PUBLIC_URL"):
            public_url(settings(public_url=wrong))
