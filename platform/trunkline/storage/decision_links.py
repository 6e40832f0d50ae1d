"""Links that decide: issued with the delivery that carries them, and used once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from trunkline.domain.approval import Approval, Person
from trunkline.domain.approval_recipients import Recipient
from trunkline.domain.decision_link import BOTH, DecisionLink, LinkDecision, LinkKeys
from trunkline.domain.errors import Conflict, Forbidden
from trunkline.domain.ids import mint
from trunkline.storage.engine import hold
from trunkline.storage.kept_settings import KeptSettings
from trunkline.storage.rows import DecisionLinkRow, UserRow
from trunkline.storage.secret import derive_secret
from trunkline.storage.views import HOUSE

_KEYS: Final = "decision_links.keys"
_BELIEVED: Final = 3
"""Generations of the key that still count; a link lives for minutes, a generation for months."""


@dataclass(frozen=True, slots=True)
class SentLink:
    """A link with whom it was sent to."""

    link: DecisionLink
    to: Recipient


class DecisionLinks:
    """The links of one transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def issue(
        self,
        approval: Approval,
        to: Recipient,
        outbox_id: str,
        now: datetime,
        *,
        owner: str = HOUSE,
    ) -> None:
        """One for this person and these arguments; it ends when the approval does."""
        self._session.add(
            DecisionLinkRow(
                id=mint("lnk"),
                approval_id=approval.approval_id,
                user_id=to.user_id,
                outbox_id=outbox_id,
                arguments_hash=approval.arguments_hash,
                decisions=[decision.value for decision in BOTH],
                issued_at=now,
                expires_at=approval.expires_at,
                owner=owner,
            )
        )

    async def carried_by(self, outbox_id: str) -> tuple[SentLink, ...]:
        """The links of one delivery, for users who are still in force."""
        query = (
            select(DecisionLinkRow, UserRow)
            .join(UserRow, UserRow.id == DecisionLinkRow.user_id)
            .where(DecisionLinkRow.outbox_id == outbox_id, UserRow.is_active)
            .order_by(UserRow.username)
        )
        rows = (await self._session.execute(query)).all()
        return tuple(SentLink(_link(row), recipient_of(user)) for row, user in rows)

    async def holder(self, link: DecisionLink) -> tuple[Person, str]:
        """The person whom it was sent to, with the role that they have now, and whose approvals
        they decide. Forbidden ``link_withdrawn`` when they are not in force any more."""
        user = await self._session.get(UserRow, link.user_id, populate_existing=True)
        if user is None or not user.is_active:
            raise Forbidden("this link is not valid any more", code="link_withdrawn")
        return recipient_of(user).as_person, user.owner

    async def owner_of(self, link: DecisionLink) -> str:
        """Whose audit it belongs in."""
        user = await self._session.get(UserRow, link.user_id)
        return HOUSE if user is None else user.owner

    async def check_unused(self, link: DecisionLink) -> None:
        """Conflict ``link_used``; Forbidden ``link_withdrawn`` for one that we forgot."""
        row = await self._session.get(DecisionLinkRow, link.link_id, populate_existing=True)
        if row is None:
            raise Forbidden("this link is not valid any more", code="link_withdrawn")
        if row.used_at is not None:
            raise _used()

    async def use(self, link: DecisionLink, decision: LinkDecision, now: datetime) -> None:
        """Once: of two who come at the same time, the second is told Conflict ``link_used``.

        In the transaction of the decision: where that is refused, the link was not used.
        """
        done: Any = await self._session.execute(
            update(DecisionLinkRow)
            .where(DecisionLinkRow.id == link.link_id, DecisionLinkRow.used_at.is_(None))
            .values(used_at=now, used_for=decision.value)
        )
        if not done.rowcount:
            await self.check_unused(link)
            raise _used()

    async def keys(self, installation: bytes) -> LinkKeys:
        """Derived from the installation's secret, one for each generation that still counts."""
        kept = await KeptSettings(self._session).get(_KEYS)
        current, oldest = kept if isinstance(kept, list) else (1, 1)
        assert isinstance(current, int) and isinstance(oldest, int)
        believed = range(max(oldest, current - _BELIEVED + 1), current + 1)
        return LinkKeys(
            current,
            {
                number: bytes.fromhex(derive_secret(installation, f"decision-link:{number}"))
                for number in believed
            },
        )

    async def rotate(self, now: datetime, *, at_once: bool) -> int:
        """A new key; ``at_once``: links signed before count no more. The new generation."""
        await hold(self._session, "trunkline.decision_links")
        kept = await KeptSettings(self._session).get(_KEYS)
        current, oldest = kept if isinstance(kept, list) else (1, 1)
        assert isinstance(current, int)
        new = current + 1
        await KeptSettings(self._session).put(_KEYS, [new, new if at_once else oldest], now)
        return new


async def deciders(session: AsyncSession, *, owner: str = HOUSE) -> Sequence[Recipient]:
    """Every user in force who is more than a viewer."""
    query = (
        select(UserRow)
        .where(UserRow.owner == owner, UserRow.is_active, UserRow.role != "viewer")
        .order_by(UserRow.username)
    )
    return [recipient_of(row) for row in await session.scalars(query)]


def recipient_of(row: UserRow) -> Recipient:
    return Recipient(row.id, row.username, row.role, row.email)


def _link(row: DecisionLinkRow) -> DecisionLink:
    return DecisionLink(
        row.id,
        row.approval_id,
        row.user_id,
        row.arguments_hash,
        tuple(LinkDecision(name) for name in row.decisions),
        row.expires_at,
    )


def _used() -> Conflict:
    return Conflict("this link has been used already", code="link_used")
