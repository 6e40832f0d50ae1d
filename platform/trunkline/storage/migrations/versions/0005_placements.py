"""Calls that are ordered: orders, and attempts to carry them out."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from trunkline.storage.column_types import Document, UtcDateTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_OPEN = sa.text("state <> 'ended'")
_UP = sa.text("ended_at IS NULL")


def upgrade() -> None:
    op.create_table(
        "placements",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("key_id", sa.String(length=64), nullable=False),
        sa.Column("idempotency_key", sa.String(length=255), nullable=True),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("trunk", sa.Text(), nullable=False),
        sa.Column("caller_id", sa.Text(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("variables", Document(), nullable=False),
        sa.Column("details", Document(), nullable=False),
        sa.Column("ring_s", sa.BigInteger(), nullable=False),
        sa.Column("longest_s", sa.BigInteger(), nullable=False),
        sa.Column("valid_s", sa.BigInteger(), nullable=False),
        sa.Column("retry", Document(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("cancelled_at", UtcDateTime(), nullable=True),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("outcome", sa.String(length=16), nullable=True),
        sa.Column("cause", sa.String(length=32), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("owner", sa.String(length=64), server_default="house", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_placements")),
        sa.UniqueConstraint(
            "owner", "idempotency_key", name=op.f("uq_placements_owner_idempotency_key")
        ),
    )
    op.create_index(
        op.f("ix_placements_owner_created_at_id"), "placements", ["owner", "created_at", "id"]
    )
    op.create_index(op.f("ix_placements_key_id_created_at"), "placements", ["key_id", "created_at"])
    op.create_index(
        "ix_placements_open",
        "placements",
        ["due_at"],
        sqlite_where=_OPEN,
        postgresql_where=_OPEN,
    )
    op.create_table(
        "placement_attempts",
        sa.Column("call_id", sa.String(length=64), nullable=False),
        sa.Column("placement_id", sa.String(length=64), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("edge_id", sa.Text(), nullable=False),
        *(
            sa.Column(name, sa.BigInteger(), nullable=False)
            for name in ("per_minute", "first_s", "then_s", "granted_s", "granted", "cost")
        ),
        sa.Column("currency", sa.String(length=8), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("cause", sa.String(length=32), nullable=True),
        sa.Column("duration_ms", sa.BigInteger(), nullable=True),
        sa.Column("owner", sa.String(length=64), server_default="house", nullable=False),
        sa.ForeignKeyConstraint(
            ["placement_id"],
            ["placements.id"],
            name=op.f("fk_placement_attempts_placement_id_placements"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("call_id", name=op.f("pk_placement_attempts")),
    )
    op.create_index(
        op.f("ix_placement_attempts_placement_id"), "placement_attempts", ["placement_id"]
    )
    op.create_index(op.f("ix_placement_attempts_at"), "placement_attempts", ["at"])
    op.create_index(
        "ix_placement_attempts_open",
        "placement_attempts",
        ["edge_id"],
        sqlite_where=_UP,
        postgresql_where=_UP,
    )


def downgrade() -> None:
    op.drop_table("placement_attempts")
    op.drop_table("placements")
