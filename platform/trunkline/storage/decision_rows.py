"""Rows of what people decide by: links sent to them, and the house's rules in their versions."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from trunkline.storage.base import Base, Owned
from trunkline.storage.views import HOUSE


class DecisionLinkRow(Owned, Base):
    """A link that one person was sent; the token itself is never stored, only made anew.

    ``outbox_id``: the delivery that carries it. ``used_at`` and ``used_for`` are written in the
    transaction of the decision.
    """

    __tablename__ = "decision_links"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    approval_id: Mapped[str] = mapped_column(
        String(64), ForeignKey("approvals.id", ondelete="CASCADE"), index=True
    )
    user_id: Mapped[str] = mapped_column(
        String(64), ForeignKey("users.id", ondelete="CASCADE"), index=True
    )
    outbox_id: Mapped[str] = mapped_column(String(64), index=True)
    arguments_hash: Mapped[str]
    decisions: Mapped[list[str]]
    issued_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    used_for: Mapped[str | None]


class HouseRulesRow(Owned, Base):
    """One version of an owner's rules; the highest is in force."""

    __tablename__ = "house_rules"

    owner: Mapped[str] = mapped_column(String(64), primary_key=True, default=HOUSE)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    rules: Mapped[dict[str, Any]]
    at: Mapped[datetime]
    by: Mapped[str]
