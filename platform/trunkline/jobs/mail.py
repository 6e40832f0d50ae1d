"""The outbox mailed to people: at least once, retried while it is still worth reading.

A mail is written only when it leaves, from the approval as it stands then: nobody is asked what is
decided already, and no link is kept anywhere. Its Message-ID is the outbox's id.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Final

import orjson
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from trunkline.domain.approval import OPEN
from trunkline.domain.decision_link import write_token
from trunkline.domain.errors import NotFound
from trunkline.jobs.mail_text import mail_text
from trunkline.jobs.relay import next_try
from trunkline.jobs.smtp import NOT_BEGUN, Posted, post_all
from trunkline.runtime.logging import get_logger
from trunkline.runtime.mail_settings import MailServer
from trunkline.storage.approval_notices import Notice
from trunkline.storage.approvals import Approvals
from trunkline.storage.decision_links import DecisionLinks
from trunkline.storage.engine import Sessions, database_now
from trunkline.storage.house_rules import HouseRulesStore
from trunkline.storage.outbox import Claimed, Outbox
from trunkline.storage.rows import OutboxRow

log = get_logger(__name__)

AT_ONCE: Final = 10
_NO_SERVER: Final = Posted("TRUNKLINE_SMTP_URL is not set", is_final=True)


@dataclass(frozen=True, slots=True)
class _NotWritten:
    why: str


async def has_mail(sessions: Sessions) -> bool:
    """Whether any waits, due or not; asked without a lock."""
    query = select(OutboxRow.id).where(
        OutboxRow.user_id.is_not(None),
        OutboxRow.sent_at.is_(None),
        OutboxRow.given_up_at.is_(None),
    )
    async with sessions.reading() as session:
        return await session.scalar(query.limit(1)) is not None


async def send_mail(
    sessions: Sessions, server: MailServer | None, installation: bytes, base_url: str
) -> int:
    """Claim what is due, write it, hand it over, settle each; how many the server took.

    ``base_url``: where people reach the dashboard; empty: mails have no links.
    """
    async with sessions.writing() as session:
        claimed = await Outbox(session).claim_mail(await database_now(session), limit=AT_ONCE)
    ready: list[tuple[Claimed, EmailMessage]] = []
    for claim in claimed:
        if server is None:
            await _settle(sessions, claim, _NO_SERVER)
            continue
        async with sessions.reading() as session:
            written = await _write(session, claim, server.sender, installation, base_url)
        if isinstance(written, _NotWritten):
            await _settle(sessions, claim, Posted(written.why, is_final=True))
        else:
            ready.append((claim, written))
    if not ready or server is None:
        return 0
    posted = await asyncio.to_thread(post_all, server, [message for _, message in ready])
    for (claim, _), outcome in zip(ready, posted, strict=True):
        await _settle(sessions, claim, outcome)
    return sum(not outcome.error for outcome in posted)


async def _settle(sessions: Sessions, claim: Claimed, posted: Posted) -> None:
    async with sessions.writing() as session:
        outbox, now = Outbox(session), await database_now(session)
        if not posted.error:
            await outbox.settle(claim, now)
            return
        due_at = next_try(claim.attempt, claim.since, now)
        if posted is NOT_BEGUN:
            due_at = now
        if posted.is_final or due_at is None:
            await outbox.give_up(claim, now, error=posted.error)
        else:
            await outbox.retry(claim, due_at=due_at, error=posted.error)
            log.warning("a mail could not be sent", mail=claim.outbox_id, reason=posted.error)


async def _write(
    session: AsyncSession, claim: Claimed, sender: Address, installation: bytes, base_url: str
) -> EmailMessage | _NotWritten:
    asked = orjson.loads(claim.body)
    links = DecisionLinks(session)
    carried = await links.carried_by(claim.outbox_id)
    if not carried or not claim.address:
        return _NotWritten("the user is switched off, or has no address any more")
    sent, owner = carried[0], (await links.owner_of(carried[0].link))
    try:
        parked = await Approvals(session).get(asked["approval_id"], owner=owner)
    except NotFound:
        return _NotWritten("there is no such approval any more")
    approval, person = parked.approval, sent.to.as_person
    now = await database_now(session)
    has_agreed = any(grant.person_id == person.person_id for grant in approval.grants)
    if approval.state not in OPEN or now >= approval.expires_at or has_agreed:
        return _NotWritten("nobody need decide it any more")
    if approval.arguments_hash != asked["hash"]:
        return _NotWritten("it was changed meanwhile, and asked anew")
    rules = (await HouseRulesStore(session, owner=owner).current()).rules
    token = write_token(sent.link, await links.keys(installation)) if base_url else ""
    text = mail_text(
        parked,
        Notice(asked["notice"]),
        now,
        shows=rules.mail_arguments,
        inbox_url=f"{base_url}/approvals/{approval.approval_id}" if base_url else "",
        decide_url=f"{base_url}/decide/{token}" if token else "",
    )
    return _message(text.subject, text.plain, text.html, sender, claim, approval.approval_id, now)


def _message(
    subject: str,
    plain: str,
    html: str,
    sender: Address,
    claim: Claimed,
    thread: str,
    now: datetime,
) -> EmailMessage:
    message = EmailMessage()
    message["Subject"] = "".join(one for one in subject if one.isprintable())[:200]
    message["From"] = sender
    message["To"] = Address(addr_spec=claim.address)
    message["Date"] = format_datetime(now)
    message["Message-ID"] = f"<{claim.outbox_id}@{sender.domain}>"
    # Mails of one approval stand together.
    message["References"] = f"<{thread}@{sender.domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    message.set_content(plain)
    message.add_alternative(html, subtype="html")
    return message
