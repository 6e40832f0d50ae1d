"""The row of what one session, or one request outside any, used and cost."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Float, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from trunkline.storage.base import Base, Owned


class UsageRow(Owned, Base):
    """The newest record of the session; ``cost`` at the prices of when it was stored."""

    __tablename__ = "usage"

    id: Mapped[str] = mapped_column(String(256), primary_key=True)
    seq: Mapped[int]
    kind: Mapped[str] = mapped_column(String(32))
    key_id: Mapped[str]
    model: Mapped[str]
    engine: Mapped[str]
    began_at: Mapped[datetime]
    at: Mapped[datetime]
    is_over: Mapped[bool]
    responses: Mapped[int]
    text_in: Mapped[int]
    audio_in: Mapped[int]
    cached_text_in: Mapped[int]
    cached_audio_in: Mapped[int]
    text_out: Mapped[int]
    audio_out: Mapped[int]
    transcribed_ms: Mapped[int]
    cost: Mapped[float] = mapped_column(Float)
    currency: Mapped[str] = mapped_column(String(8))

    __table_args__ = (
        Index(None, "owner", "began_at"),
        Index(None, "owner", "key_id", "began_at"),
    )
