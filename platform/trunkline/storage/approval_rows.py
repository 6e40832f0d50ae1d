"""Rows of approvals: what was asked, how it stands, and every deed that brought it there."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from trunkline.storage.base import Base, Owned
from trunkline.storage.column_types import Document

_OPEN = "next_due_at IS NOT NULL"
_UNTOLD = "told_revision < revision"


class ApprovalRow(Owned, Base):
    """``at`` is the edge's time, every other one the database's.

    ``slip``, ``variables``, ``worst_case_ms`` and ``may_repeat``: how to run it once it is granted,
    as in BackgroundRunRow. ``next_due_at``: when the clock has something to do; None when closed.
    ``told_revision``: what the call has been told of, and has said that it knows.
    """

    __tablename__ = "approvals"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    call_id: Mapped[str] = mapped_column(
        String(64), ForeignKey("calls.id", ondelete="CASCADE"), index=True
    )
    run_id: Mapped[str] = mapped_column(String(64), index=True)
    at: Mapped[datetime]
    at_ms: Mapped[int]
    tool: Mapped[str]
    question: Mapped[str] = mapped_column(default="")
    arguments: Mapped[dict[str, Any]]
    arguments_hash: Mapped[str]
    asked_arguments: Mapped[dict[str, Any]] = mapped_column(default=dict)
    flow_version: Mapped[str]
    step: Mapped[str] = mapped_column(default="")
    is_verified: Mapped[bool] = mapped_column(default=False)
    policy: Mapped[dict[str, Any]] = mapped_column(default=dict)
    slip: Mapped[dict[str, Any]] = mapped_column(default=dict)
    variables: Mapped[dict[str, Any]] = mapped_column(default=dict)
    worst_case_ms: Mapped[int] = mapped_column(default=0)
    may_repeat: Mapped[bool] = mapped_column(default=False)
    state: Mapped[str] = mapped_column(default="asked")
    asked_at: Mapped[datetime]
    level: Mapped[int] = mapped_column(default=0)
    level_since: Mapped[datetime]
    claimed_by: Mapped[str | None]
    claimed_until: Mapped[datetime | None]
    reminded_at: Mapped[datetime | None]
    grants: Mapped[list[Any]] = mapped_column(Document(), default=list)
    editors: Mapped[list[Any]] = mapped_column(Document(), default=list)
    reason: Mapped[str] = mapped_column(default="")
    result: Mapped[Any] = mapped_column(Document(), nullable=True, default=None)
    decided_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    next_due_at: Mapped[datetime | None]
    revision: Mapped[int] = mapped_column(default=0)
    told_revision: Mapped[int] = mapped_column(default=0)
    sent_at: Mapped[datetime | None]

    __table_args__ = (
        Index(None, "owner", "state", "at"),
        Index(
            "ix_approvals_due",
            "next_due_at",
            sqlite_where=text(_OPEN),
            postgresql_where=text(_OPEN),
        ),
        Index(
            "ix_approvals_untold",
            "call_id",
            sqlite_where=text(_UNTOLD),
            postgresql_where=text(_UNTOLD),
        ),
    )


class ApprovalDeedRow(Owned, Base):
    """One link of an approval's history; ``via``: dashboard, api, link, clock, worker, call."""

    __tablename__ = "approval_deeds"

    approval_id: Mapped[str] = mapped_column(
        String(64), ForeignKey("approvals.id", ondelete="CASCADE"), primary_key=True
    )
    revision: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    deed: Mapped[str]
    state: Mapped[str]
    person_id: Mapped[str | None]
    role: Mapped[str | None]
    via: Mapped[str]
    arguments_hash: Mapped[str]
    arguments: Mapped[Any] = mapped_column(Document(), nullable=True)
    reason: Mapped[str]
