"""Tool runs that outlive the step that asked for them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from trunkline.storage.column_types import Document, UtcDateTime

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "background_runs",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("call_id", sa.String(length=64), nullable=False),
        sa.Column("tool", sa.Text(), nullable=False),
        sa.Column("arguments", Document(), nullable=False),
        sa.Column("slip", Document(), nullable=False),
        sa.Column("variables", Document(), nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=False),
        sa.Column("may_repeat", sa.Boolean(), nullable=False),
        sa.Column("lease_ms", sa.BigInteger(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("lease", sa.String(length=64), nullable=True),
        sa.Column("leased_until", UtcDateTime(), nullable=True),
        sa.Column("begun_at", UtcDateTime(), nullable=True),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("sent_at", UtcDateTime(), nullable=True),
        sa.Column("told_at", UtcDateTime(), nullable=True),
        sa.Column("owner", sa.String(length=64), server_default="house", nullable=False),
        sa.ForeignKeyConstraint(
            ["call_id"],
            ["calls.id"],
            name=op.f("fk_background_runs_call_id_calls"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_background_runs")),
    )
    with op.batch_alter_table("background_runs", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_background_runs_call_id"), ["call_id"])
        for name, column, state in (
            ("ix_background_runs_open", "due_at", "ended_at IS NULL"),
            ("ix_background_runs_untold", "ended_at", "ended_at IS NOT NULL AND told_at IS NULL"),
        ):
            batch_op.create_index(
                name, [column], sqlite_where=sa.text(state), postgresql_where=sa.text(state)
            )
    with op.batch_alter_table("tool_runs", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("is_background", sa.Boolean(), server_default=sa.false(), nullable=False)
        )


def downgrade() -> None:
    with op.batch_alter_table("tool_runs", schema=None) as batch_op:
        batch_op.drop_column("is_background")
    op.drop_table("background_runs")
