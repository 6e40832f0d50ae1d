"""Rows of agents and what their flows were, are and shall be; no behaviour.

``agents`` holds the present state, one row an agent; the other three only grow, so that what was
said to a caller on any day can be read again.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from trunkline.storage.base import Base, Owned
from trunkline.storage.views import HOUSE


def _owner_key() -> Mapped[str]:
    return mapped_column(String(64), primary_key=True, default=HOUSE)


class AgentRow(Owned, Base):
    """``stable`` serves all calls but the canary's share; None: a file of this name may serve.

    ``draft_revision`` counts every save and discard, and never starts again; the draft is the
    ``flow_drafts`` row of that revision, if there is one. ``version_count``: the last number given.
    """

    __tablename__ = "agents"

    owner: Mapped[str] = _owner_key()
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    created_at: Mapped[datetime]
    created_by: Mapped[str]
    draft_revision: Mapped[int] = mapped_column(default=0)
    version_count: Mapped[int] = mapped_column(default=0)
    stable: Mapped[str | None] = mapped_column(String(64))
    canary: Mapped[str | None] = mapped_column(String(64))
    canary_percent: Mapped[int] = mapped_column(default=0)


class FlowVersionRow(Owned, Base):
    """Immutable. ``version`` is what calls carry; ``hash`` the SHA-256 of the whole text."""

    __tablename__ = "flow_versions"

    owner: Mapped[str] = _owner_key()
    agent: Mapped[str] = mapped_column(String(64), primary_key=True)
    version: Mapped[str] = mapped_column(String(64), primary_key=True)
    number: Mapped[int]
    text: Mapped[str]
    hash: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]
    created_by: Mapped[str]
    note: Mapped[str]

    __table_args__ = (UniqueConstraint("owner", "agent", "number"),)


class FlowDraftRow(Owned, Base):
    """One saved state of a draft; ``based_on`` is the revision its editor began with."""

    __tablename__ = "flow_drafts"

    owner: Mapped[str] = _owner_key()
    agent: Mapped[str] = mapped_column(String(64), primary_key=True)
    revision: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    text: Mapped[str]
    saved_at: Mapped[datetime]
    saved_by: Mapped[str]
    based_on: Mapped[int]


class PublicationRow(Owned, Base):
    """What served from this moment on. ``seq`` grows over all agents of an owner: edges poll it."""

    __tablename__ = "publications"

    owner: Mapped[str] = _owner_key()
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    agent: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str]
    stable: Mapped[str | None] = mapped_column(String(64))
    canary: Mapped[str | None] = mapped_column(String(64))
    canary_percent: Mapped[int]
    at: Mapped[datetime]
    by: Mapped[str]
    note: Mapped[str]

    __table_args__ = (Index(None, "owner", "agent", "seq"),)
