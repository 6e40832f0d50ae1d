"""Mail over a real SMTP server on this machine: encrypted, logged in, once, and in time."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope
from pydantic import SecretStr
from sqlalchemy import select, update
from tests.peers.drivers.redis import PrivateRedis
from tests.peers.jobs.test_worker import worker_process
from tests.peers.realtime.test_process import certificate
from tests.unit.storage.test_approvals import BERT, PARKED, act, grant, now
from tests.unit.storage.test_decision_links import HERE, SECRET, desk, told

from trunkline.calls.link_desk import LinkDesk
from trunkline.cli.doctor_mail import mail as examine_mail
from trunkline.domain.approval import Deed
from trunkline.domain.approval_rules import Act
from trunkline.jobs.mail import has_mail, send_mail
from trunkline.runtime.mail_settings import MailServer, mail_server
from trunkline.runtime.settings import Settings, load_settings
from trunkline.storage.engine import Sessions
from trunkline.storage.rows import OutboxRow
from trunkline.storage.secret import installation_secret

pytestmark = pytest.mark.peers
__all__ = ["told"]

URL = "https://trunkline.example.org"
PASSWORD = "a long password 1"


@dataclass
class Mailbox:
    """What the server took; ``answers`` are given instead, one for each recipient in turn."""

    mails: list[EmailMessage] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    address: tuple[str, int] = ("", 0)

    async def handle_RCPT(
        self, server: SMTP, session: Any, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.answers:
            return self.answers.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        message = message_from_bytes(envelope.content, policy=default)
        assert isinstance(message, EmailMessage)
        self.mails.append(message)
        return "250 taken"

    def settings(self, **changes: Any) -> Settings:
        return Settings(
            smtp_url=f"smtp://trunk@localhost:{self.address[1]}",
            smtp_password=SecretStr(PASSWORD),
            smtp_from="Trunkline <approvals@example.org>",
            **changes,
        )

    @property
    def server(self) -> MailServer:
        server = mail_server(self.settings())
        assert server is not None
        return server


@pytest.fixture
async def mailbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Mailbox]:
    """STARTTLS is required, and a login by the right password."""
    cert, key = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(cert))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(cert, key)

    def check(server: SMTP, session: Any, envelope: Envelope, kind: str, data: Any) -> AuthResult:
        return AuthResult(success=data.password == PASSWORD.encode(), handled=False)

    box, loop = Mailbox(), asyncio.get_running_loop()
    listening = await loop.create_server(
        lambda: SMTP(
            box,
            hostname="localhost",
            loop=loop,
            tls_context=tls,
            require_starttls=True,
            authenticator=check,
            auth_required=True,
        ),
        "127.0.0.1",
    )
    async with listening:
        box.address = listening.sockets[0].getsockname()
        yield box


async def waiting(sessions: Sessions) -> dict[str, str]:
    """The last error of each mail by its state."""
    async with sessions.reading() as session:
        rows = await session.scalars(select(OutboxRow).where(OutboxRow.user_id.is_not(None)))
        return {
            row.id: "sent"
            if row.sent_at
            else f"{'over' if row.given_up_at else 'open'} {row.last_error}".strip()
            for row in rows
        }


async def test_the_ask_is_mailed_once_and_its_link_decides(
    told: Sessions, mailbox: Mailbox
) -> None:
    assert await send_mail(told, mailbox.server, SECRET, URL) == 2
    assert await send_mail(told, mailbox.server, SECRET, URL) == 0
    assert not await has_mail(told)
    first, _ = mailbox.mails
    assert sorted(mail["to"] for mail in mailbox.mails) == ["sam@example.org", "sue@example.org"]
    assert first["subject"] == "Approve? pay_bill 240.50"
    assert first["message-id"].endswith("@example.org>") and first["auto-submitted"]
    plain, html = first.get_body(("plain",)), first.get_body(("html",))
    assert plain is not None and html is not None
    text = plain.get_content()
    assert "Pay 240.50 on account •••2908?" in text and "Time left: 5" in text
    assert PARKED.arguments["account"] not in first.as_string()
    (token,) = re.findall(rf"{URL}/decide/(lk_\S+)", text)
    assert f"{URL}/decide/{token}" in html.get_content()
    decided = await desk(told).decide(token, "grant", "", HERE)
    assert decided.approval.state == "granted"


async def test_nobody_is_mailed_about_what_is_decided_or_changed_meanwhile(
    told: Sessions, mailbox: Mailbox
) -> None:
    arguments = {**PARKED.arguments, "amount": "200.00"}
    await act(told, Act(Deed.EDIT, BERT, seen_hash="h1", arguments=arguments, arguments_hash="h2"))
    assert await send_mail(told, mailbox.server, SECRET, URL) == 2
    assert {mail["subject"] for mail in mailbox.mails} == {"Changed, approve? pay_bill 200.00"}
    await act(told, grant(BERT, "h2"))
    async with told.writing() as session:
        await session.execute(update(OutboxRow).values(sent_at=None, given_up_at=None))
    assert await send_mail(told, mailbox.server, SECRET, URL) == 0
    assert set((await waiting(told)).values()) == {"over nobody need decide it any more"}


async def test_a_mail_that_is_put_off_comes_later_and_one_that_is_refused_never(
    told: Sessions, mailbox: Mailbox
) -> None:
    mailbox.answers = ["451 later", "550 nobody here"]
    assert await send_mail(told, mailbox.server, SECRET, URL) == 0
    assert sorted((await waiting(told)).values()) == [
        "open SMTPRecipientsRefused 451",
        "over SMTPRecipientsRefused 550",
    ]
    async with told.writing() as session:
        await session.execute(update(OutboxRow).values(due_at=now(-1)))
    assert await send_mail(told, mailbox.server, SECRET, URL) == 1
    assert len({mail["message-id"] for mail in mailbox.mails}) == 1


async def test_a_server_that_is_away_or_not_set_costs_no_mail_unnoticed(
    told: Sessions, mailbox: Mailbox
) -> None:
    gone = Settings(smtp_url="smtp+plain://127.0.0.1:9", smtp_from="a@example.org")
    server = mail_server(gone)
    assert await send_mail(told, server, SECRET, URL) == 0
    assert set((await waiting(told)).values()) == {"open ConnectionRefusedError"}
    async with told.writing() as session:
        await session.execute(update(OutboxRow).values(due_at=now(-1)))
    assert await send_mail(told, None, SECRET, URL) == 0
    assert set((await waiting(told)).values()) == {"over TRUNKLINE_SMTP_URL is not set"}


async def test_the_doctor_asks_the_server_and_says_what_is_wrong(mailbox: Mailbox) -> None:
    fine, links = await examine_mail(mailbox.settings(public_url=URL))
    assert (fine.status, links.status) == ("ok", "ok"), (fine, links)
    assert PASSWORD not in str(fine)
    wrong = mailbox.settings().model_copy(update={"smtp_password": SecretStr("another")})
    refused, no_links = await examine_mail(wrong)
    assert refused.status == "fail" and "TRUNKLINE_SMTP_PASSWORD" in refused.advice
    assert no_links.status == "warn"
    plain = {"smtp_url": "smtp+plain://127.0.0.1:9", "public_url": "http://t.example.org"}
    away, unsafe = await examine_mail(load_settings(smtp_from="a@example.org", **plain))
    assert away.status == "fail" and "ConnectionRefused" in away.detail
    assert unsafe.status == "warn"
    off, _ = await examine_mail(Settings())
    assert off.status == "ok"


async def test_the_worker_mails_by_itself_and_its_link_decides(
    told: Sessions, mailbox: Mailbox, redis_server: PrivateRedis, tmp_path: Path
) -> None:
    environment = {
        "TRUNKLINE_SMTP_URL": f"smtp://trunk@localhost:{mailbox.address[1]}",
        "TRUNKLINE_SMTP_PASSWORD": PASSWORD,
        "TRUNKLINE_SMTP_FROM": "approvals@example.org",
        "TRUNKLINE_PUBLIC_URL": URL,
    }
    async with worker_process(redis_server, tmp_path, **environment):
        async with asyncio.timeout(60):
            while len(mailbox.mails) < 2:
                await asyncio.sleep(0.1)
    plain = mailbox.mails[0].get_body(("plain",))
    assert plain is not None
    (token,) = re.findall(rf"{URL}/decide/(lk_\S+)", plain.get_content())
    links = LinkDesk(told, lambda: installation_secret(tmp_path))
    assert (await links.decide(token, "grant", "", HERE)).approval.state == "granted"
    said = (tmp_path / "worker.log").read_text()
    assert token not in said and PASSWORD not in said and "sue@example.org" not in said
