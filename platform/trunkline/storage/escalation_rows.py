"""The rows of escalations, and of people who take calls over."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from trunkline.storage.base import Base, Owned

_OPEN = "state IN ('raised', 'acknowledged')"


def _of_call() -> Mapped[str]:
    return mapped_column(String(64), ForeignKey("calls.id", ondelete="CASCADE"), index=True)


class EscalationRow(Owned, Base):
    """One escalation; its deeds are in the audit chain."""

    __tablename__ = "escalations"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    call_id: Mapped[str] = _of_call()
    at: Mapped[datetime]
    at_ms: Mapped[int]
    rule: Mapped[str]
    kind: Mapped[str]
    urgency: Mapped[str]
    target: Mapped[str]
    step: Mapped[str]
    goto: Mapped[str]
    why: Mapped[str]
    state: Mapped[str]
    revision: Mapped[int]
    held_by: Mapped[str]
    resolved_by: Mapped[str]
    note: Mapped[str]
    state_at: Mapped[datetime]

    __table_args__ = (
        Index(None, "owner", "at", "id"),
        Index(
            "ix_escalations_open",
            "owner",
            sqlite_where=text(_OPEN),
            postgresql_where=text(_OPEN),
        ),
    )


class TakeOverRow(Owned, Base):
    """``target`` is a person's own phone."""

    __tablename__ = "take_overs"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    call_id: Mapped[str] = _of_call()
    by: Mapped[str]
    target: Mapped[str]
    stage: Mapped[str]
    cause: Mapped[str]
    asked_at: Mapped[datetime]
    joined_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
