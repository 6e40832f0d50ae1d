"""The row of a tool run that outlives the step that asked for it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from trunkline.storage.base import Base, Owned


class BackgroundRunRow(Owned, Base):
    """Its outcome stands in ``tool_runs``, under the same id.

    ``slip`` is the tool as it was when it was asked for. ``begun_at`` is set while an attempt's end
    is not known; ``lease`` names the claim that holds the row until ``leased_until``. ``told_at``:
    the call has the result, or it is certain that it never will.
    """

    __tablename__ = "background_runs"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    call_id: Mapped[str] = mapped_column(
        String(64), ForeignKey("calls.id", ondelete="CASCADE"), index=True
    )
    tool: Mapped[str]
    arguments: Mapped[dict[str, Any]]
    slip: Mapped[dict[str, Any]]
    variables: Mapped[dict[str, Any]]
    idempotency_key: Mapped[str]
    may_repeat: Mapped[bool]
    lease_ms: Mapped[int]
    at: Mapped[datetime]
    due_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(default=0)
    lease: Mapped[str | None] = mapped_column(String(64))
    leased_until: Mapped[datetime | None]
    begun_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    told_at: Mapped[datetime | None]

    __table_args__ = (
        Index(
            "ix_background_runs_open",
            "due_at",
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index(
            "ix_background_runs_untold",
            "ended_at",
            sqlite_where=text("ended_at IS NOT NULL AND told_at IS NULL"),
            postgresql_where=text("ended_at IS NOT NULL AND told_at IS NULL"),
        ),
    )
