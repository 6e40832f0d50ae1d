"""The rows of callers who left a hold queue and want to be called."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from trunkline.storage.base import Base, Owned


class CallbackRow(Owned, Base):
    """The id is a digest of call and queue: one wish a wait, however often the fact comes."""

    __tablename__ = "callbacks"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    call_id: Mapped[str] = mapped_column(
        String(64), ForeignKey("calls.id", ondelete="CASCADE"), index=True
    )
    at: Mapped[datetime]
    at_ms: Mapped[int]
    queue: Mapped[str]
    number: Mapped[str]
    position: Mapped[int]
    waited_ms: Mapped[int]
    done_at: Mapped[datetime | None]
    done_by: Mapped[str] = mapped_column(default="")

    __table_args__ = (Index(None, "owner", "at", "id"),)
