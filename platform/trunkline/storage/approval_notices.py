"""Who is told that somebody must decide: webhooks and people's mail, with their links.

All of it in the transaction of what it tells of. Links stand beside the delivery that carries them;
their tokens are made when it leaves.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Final

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from trunkline.domain.approval import Approval, Deed
from trunkline.domain.approval_recipients import recipients
from trunkline.storage.announcements import announce_approval
from trunkline.storage.approval_rows import ApprovalRow
from trunkline.storage.approval_values import announced
from trunkline.storage.decision_links import DecisionLinks, deciders
from trunkline.storage.outbox import Outbox
from trunkline.storage.upsert import digest_id

REQUESTED: Final = "approval.requested"


class Notice(StrEnum):
    """Why somebody is written to; the event of the mail in the outbox is ``mail.`` and this."""

    ASKED = "asked"
    ESCALATED = "escalated"
    EDITED = "edited"
    REMINDER = "reminder"


NOTICE_OF: Final = {
    Deed.ESCALATE: Notice.ESCALATED,
    Deed.EDIT: Notice.EDITED,
    Deed.REMIND: Notice.REMINDER,
}


async def tell_deciders(
    session: AsyncSession,
    row: ApprovalRow,
    approval: Approval,
    notice: Notice,
    now: datetime,
) -> None:
    """Webhooks hear of everything but reminders; people get one reminder a level."""
    people = recipients(approval, await deciders(session, owner=row.owner))
    links, outbox = DecisionLinks(session), Outbox(session)
    if notice is not Notice.REMINDER:
        added = await announce_approval(session, REQUESTED, row.call_id, announced(approval), now)
        for delivery in added:
            for one in people if delivery.has_links else ():
                await links.issue(approval, one, delivery.delivery_id, now, owner=row.owner)
    for one in (one for one in people if one.email):
        mail_id = digest_id("mail", row.id, notice, approval.revision, one.user_id)
        body = {"approval_id": row.id, "notice": notice.value, "hash": approval.arguments_hash}
        is_new = await outbox.add(
            mail_id,
            user_id=one.user_id,
            event=f"mail.{notice}",
            body=orjson.dumps(body).decode(),
            now=now,
            owner=row.owner,
        )
        if is_new:
            await links.issue(approval, one, mail_id, now, owner=row.owner)
    await session.flush()
