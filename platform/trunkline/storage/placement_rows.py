"""The rows of calls that were ordered: the order, and every attempt to carry it out."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from trunkline.storage.base import Base, Owned


class PlacementRow(Owned, Base):
    """An order; its id is the call id of the first attempt.

    ``state`` is ``queued`` (due at ``due_at``), ``calling`` (an attempt is under way) or ``ended``.
    """

    __tablename__ = "placements"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    key_id: Mapped[str] = mapped_column(String(64))
    idempotency_key: Mapped[str | None] = mapped_column(String(255))
    digest: Mapped[str] = mapped_column(String(64))  # of what was asked for
    target: Mapped[str]
    trunk: Mapped[str]
    caller_id: Mapped[str]
    agent: Mapped[str]
    variables: Mapped[dict[str, Any]]
    details: Mapped[dict[str, Any]]  # what the orderer wants told back with every event
    ring_s: Mapped[int]
    longest_s: Mapped[int]
    valid_s: Mapped[int]
    retry: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(String(16), default="queued")
    created_at: Mapped[datetime]
    due_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(default=0)
    cancelled_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    outcome: Mapped[str | None] = mapped_column(String(16))
    cause: Mapped[str | None] = mapped_column(String(32))
    reason: Mapped[str] = mapped_column(default="")

    __table_args__ = (
        UniqueConstraint("owner", "idempotency_key"),
        Index(None, "owner", "created_at", "id"),
        Index(None, "key_id", "created_at"),
        Index(
            "ix_placements_open",
            "due_at",
            sqlite_where=text("state <> 'ended'"),
            postgresql_where=text("state <> 'ended'"),
        ),
    )


class AttemptRow(Owned, Base):
    """One INVITE of an order. Money is in millionths: ``granted`` while it lasts, ``cost`` after.

    ``per_minute``, ``first_s`` and ``then_s`` are the price it was begun at.
    """

    __tablename__ = "placement_attempts"

    call_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    placement_id: Mapped[str] = mapped_column(
        String(64), ForeignKey("placements.id", ondelete="CASCADE"), index=True
    )
    number: Mapped[int]
    at: Mapped[datetime] = mapped_column(index=True)
    edge_id: Mapped[str]
    per_minute: Mapped[int]
    first_s: Mapped[int]
    then_s: Mapped[int]
    granted_s: Mapped[int]
    granted: Mapped[int]
    cost: Mapped[int] = mapped_column(default=0)
    currency: Mapped[str] = mapped_column(String(8))
    ended_at: Mapped[datetime | None]
    cause: Mapped[str | None] = mapped_column(String(32))
    duration_ms: Mapped[int | None]

    __table_args__ = (
        Index(
            "ix_placement_attempts_open",
            "edge_id",
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
    )
