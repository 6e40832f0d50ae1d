"""SQLAlchemy rows and the naming convention; no behaviour.

Whatever comes from a caller, a carrier or a model is Text: PostgreSQL refuses a value longer than
its column, and a refused row would hold up every fact behind it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Float, ForeignKey, Index, String, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column

from trunkline.storage.approval_rows import ApprovalDeedRow, ApprovalRow
from trunkline.storage.background_rows import BackgroundRunRow
from trunkline.storage.base import Base, Owned
from trunkline.storage.callback_rows import CallbackRow
from trunkline.storage.column_types import Document
from trunkline.storage.decision_rows import DecisionLinkRow, HouseRulesRow
from trunkline.storage.escalation_rows import EscalationRow, TakeOverRow
from trunkline.storage.flow_rows import AgentRow, FlowDraftRow, FlowVersionRow, PublicationRow
from trunkline.storage.placement_rows import AttemptRow, PlacementRow
from trunkline.storage.usage_rows import UsageRow
from trunkline.storage.views import HOUSE

# Whoever has the rows has all of them: migrations compare the whole.
__all__ = [
    "AgentRow",
    "ApiKeyRow",
    "ApprovalDeedRow",
    "ApprovalRow",
    "AttemptRow",
    "AuditRow",
    "BackgroundRunRow",
    "Base",
    "CallRow",
    "CallbackRow",
    "DecisionLinkRow",
    "EscalationRow",
    "FlowDraftRow",
    "FlowVersionRow",
    "GuardActionRow",
    "HouseRulesRow",
    "LegRow",
    "OutboxRow",
    "Owned",
    "PlacementRow",
    "PublicationRow",
    "RecordingRow",
    "SettingRow",
    "StepRow",
    "TakeOverRow",
    "ToolRunRow",
    "TransferRow",
    "TurnRow",
    "UsageRow",
    "UserRow",
    "WebhookRow",
    "WordRow",
]


class CallRow(Owned, Base):
    """``is_known`` is false while facts of the call came and its CallStarted did not."""

    __tablename__ = "calls"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    is_known: Mapped[bool] = mapped_column(default=False)
    state: Mapped[str] = mapped_column(default="initiated")
    state_at: Mapped[datetime]
    direction: Mapped[str] = mapped_column(default="inbound")
    trunk: Mapped[str] = mapped_column(default="")
    caller_number: Mapped[str] = mapped_column(default="")
    called_number: Mapped[str] = mapped_column(default="")
    agent: Mapped[str] = mapped_column(default="")
    flow_version: Mapped[str] = mapped_column(default="")
    engine: Mapped[str] = mapped_column(default="")
    edge_id: Mapped[str] = mapped_column(default="")
    codec: Mapped[str] = mapped_column(default="")
    started_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    setup_ms: Mapped[int | None]
    duration_ms: Mapped[int | None]
    end_cause: Mapped[str | None]
    sip_status: Mapped[int | None]
    end_reason: Mapped[str] = mapped_column(default="")
    stats: Mapped[dict[str, Any]] = mapped_column(default=dict)
    receipts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    usage: Mapped[dict[str, Any]] = mapped_column(default=dict)
    signalling: Mapped[list[dict[str, Any]]] = mapped_column(Document, default=list)
    media_problem: Mapped[str] = mapped_column(default="")

    __table_args__ = (
        Index(None, "owner", "started_at", "id"),
        Index(None, "owner", "agent", "started_at"),
        Index(
            "ix_calls_live",
            "edge_id",
            sqlite_where=text("state <> 'ended'"),
            postgresql_where=text("state <> 'ended'"),
        ),
    )


def _of_call() -> Mapped[str]:
    return mapped_column(String(64), ForeignKey("calls.id", ondelete="CASCADE"), index=True)


class LegRow(Owned, Base):
    __tablename__ = "legs"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    call_id: Mapped[str] = _of_call()
    direction: Mapped[str]
    trunk: Mapped[str]
    sip_call_id: Mapped[str]
    codec: Mapped[str] = mapped_column(default="")
    started_at: Mapped[datetime]


class TurnRow(Owned, Base):
    __tablename__ = "turns"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    call_id: Mapped[str] = mapped_column(String(64), ForeignKey("calls.id", ondelete="CASCADE"))
    seq: Mapped[int]
    at: Mapped[datetime]
    speaker: Mapped[str]
    kind: Mapped[str]
    text: Mapped[str]
    generated_text: Mapped[str]
    started_ms: Mapped[int]
    ended_ms: Mapped[int]
    is_interrupted: Mapped[bool]
    confidence: Mapped[float | None] = mapped_column(Float)
    step: Mapped[str]
    response_ms: Mapped[int | None]
    stop_to_silence_ms: Mapped[int | None]

    __table_args__ = (Index(None, "call_id", "seq"),)


class WordRow(Owned, Base):
    __tablename__ = "words"

    turn_id: Mapped[str] = mapped_column(
        String(64), ForeignKey("turns.id", ondelete="CASCADE"), primary_key=True
    )
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    text: Mapped[str]
    start_ms: Mapped[int]
    end_ms: Mapped[int]
    fate: Mapped[str]
    is_estimated: Mapped[bool]


class StepRow(Owned, Base):
    """The id is a digest of the fact: writing it again finds itself."""

    __tablename__ = "steps"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    call_id: Mapped[str] = _of_call()
    at: Mapped[datetime]
    at_ms: Mapped[int]
    step: Mapped[str]


class ToolRunRow(Owned, Base):
    __tablename__ = "tool_runs"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    call_id: Mapped[str] = _of_call()
    at: Mapped[datetime]
    at_ms: Mapped[int]
    tool: Mapped[str]
    arguments: Mapped[dict[str, Any]]
    outcome: Mapped[str]
    result: Mapped[Any] = mapped_column(Document())
    duration_ms: Mapped[int]
    attempts: Mapped[int]
    step: Mapped[str]
    is_background: Mapped[bool] = mapped_column(default=False, server_default=false())


class TransferRow(Owned, Base):
    __tablename__ = "transfers"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    call_id: Mapped[str] = _of_call()
    at: Mapped[datetime]
    at_ms: Mapped[int]
    target: Mapped[str]
    is_final: Mapped[bool]
    sip_status: Mapped[int | None]


class GuardActionRow(Owned, Base):
    """What the guardrails found in a call, and what was done about it."""

    __tablename__ = "guard_actions"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    call_id: Mapped[str] = _of_call()
    at: Mapped[datetime]
    at_ms: Mapped[int]
    side: Mapped[str]
    category: Mapped[str]
    action: Mapped[str]
    by: Mapped[str]
    score: Mapped[float] = mapped_column(Float)
    text: Mapped[str]
    step: Mapped[str]


class RecordingRow(Owned, Base):
    """``removed_at`` is set when retention took the file away; the row stays as the proof."""

    __tablename__ = "recordings"

    call_id: Mapped[str] = mapped_column(
        String(64), ForeignKey("calls.id", ondelete="CASCADE"), primary_key=True
    )
    at: Mapped[datetime] = mapped_column(index=True)
    path: Mapped[str]
    state: Mapped[str]
    duration_ms: Mapped[int]
    sample_rate_hz: Mapped[int]
    lost_ms: Mapped[int]
    removed_at: Mapped[datetime | None]


class UserRow(Owned, Base):
    """``session_version`` is in every session's cookie: counting it up ends them all."""

    __tablename__ = "users"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    username: Mapped[str] = mapped_column(String(100))
    password_hash: Mapped[str]
    role: Mapped[str]
    is_active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime]
    last_login_at: Mapped[datetime | None]
    email: Mapped[str] = mapped_column(default="", server_default="")
    session_version: Mapped[int] = mapped_column(default=0, server_default="0")
    phone: Mapped[str] = mapped_column(default="", server_default="")

    __table_args__ = (UniqueConstraint("username"),)


class ApiKeyRow(Owned, Base):
    """``hash`` is the SHA-256 of the whole random key: 190 bits need no slow hash."""

    __tablename__ = "api_keys"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str]
    hint: Mapped[str]
    hash: Mapped[str] = mapped_column(String(64), unique=True)
    scopes: Mapped[list[str]]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    quota: Mapped[dict[str, Any] | None]


class AuditRow(Owned, Base):
    """One link of an owner's chain; ``hash`` covers the link and the one before it.

    ``details`` is canonical JSON text, kept as it was hashed.
    """

    __tablename__ = "audit"

    owner: Mapped[str] = mapped_column(String(64), primary_key=True, default=HOUSE)
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(index=True)
    actor: Mapped[str]
    action: Mapped[str]
    subject: Mapped[str]
    details: Mapped[str]
    hash: Mapped[str] = mapped_column(String(64))


class WebhookRow(Owned, Base):
    """Where events are posted. Its signing secret is derived, never stored (``secret.py``).

    ``has_links``: whoever receives it is trusted with links that decide.
    """

    __tablename__ = "webhooks"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    url: Mapped[str]
    events: Mapped[list[str]]
    created_at: Mapped[datetime]
    has_links: Mapped[bool] = mapped_column(default=False, server_default=false())


class OutboxRow(Owned, Base):
    """What must leave the house; the id is the receiver's idempotency key.

    ``webhook_id``: to be posted there; ``user_id``: to be mailed to that user. ``lease`` names the
    claim that holds the row until ``leased_until``. A row is open while neither ``sent_at`` nor
    ``given_up_at`` is set; ``replayed_at``: when somebody wanted it sent again.
    """

    __tablename__ = "outbox"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    webhook_id: Mapped[str | None] = mapped_column(
        String(64), ForeignKey("webhooks.id", ondelete="CASCADE"), index=True
    )
    user_id: Mapped[str | None] = mapped_column(
        String(64), ForeignKey("users.id", ondelete="CASCADE"), index=True
    )
    event: Mapped[str]
    body: Mapped[str]
    created_at: Mapped[datetime]
    due_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(default=0)
    lease: Mapped[str | None] = mapped_column(String(64))
    leased_until: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    given_up_at: Mapped[datetime | None]
    replayed_at: Mapped[datetime | None]
    last_error: Mapped[str] = mapped_column(default="")

    __table_args__ = (
        Index(
            "ix_outbox_open",
            "due_at",
            sqlite_where=text("sent_at IS NULL AND given_up_at IS NULL"),
            postgresql_where=text("sent_at IS NULL AND given_up_at IS NULL"),
        ),
    )


class SettingRow(Owned, Base):
    """A value that operators change while the house runs."""

    __tablename__ = "settings"

    owner: Mapped[str] = mapped_column(String(64), primary_key=True, default=HOUSE)
    key: Mapped[str] = mapped_column(String(100), primary_key=True)
    value: Mapped[Any] = mapped_column(Document())
    updated_at: Mapped[datetime]
