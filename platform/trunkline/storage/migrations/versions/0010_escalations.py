"""Escalations, people who take calls over, and their phones."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from trunkline.storage.column_types import UtcDateTime

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_OPEN = sa.text("state IN ('raised', 'acknowledged')")


def _text(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]


def _head() -> list[sa.Column[str]]:
    return [
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("call_id", sa.String(length=64), nullable=False),
    ]


def _owner() -> sa.Column[str]:
    return sa.Column("owner", sa.String(length=64), server_default="house", nullable=False)


def _of_call(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["call_id"], ["calls.id"], name=op.f(f"fk_{table}_call_id_calls"), ondelete="CASCADE"
    )


def upgrade() -> None:
    with op.batch_alter_table("users", schema=None) as batch_op:
        batch_op.add_column(sa.Column("phone", sa.Text(), server_default="", nullable=False))
    op.create_table(
        "escalations",
        *_head(),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        *_text("rule", "kind", "urgency", "target", "step", "goto", "why", "state"),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        *_text("held_by", "resolved_by", "note"),
        sa.Column("state_at", UtcDateTime(), nullable=False),
        _owner(),
        _of_call("escalations"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_escalations")),
    )
    op.create_index(op.f("ix_escalations_call_id"), "escalations", ["call_id"])
    op.create_index(op.f("ix_escalations_owner_at_id"), "escalations", ["owner", "at", "id"])
    op.create_index(
        "ix_escalations_open", "escalations", ["owner"],
        sqlite_where=_OPEN, postgresql_where=_OPEN,
    )  # fmt: skip
    op.create_table(
        "take_overs",
        *_head(),
        *_text("by", "target", "stage", "cause"),
        sa.Column("asked_at", UtcDateTime(), nullable=False),
        sa.Column("joined_at", UtcDateTime(), nullable=True),
        sa.Column("closed_at", UtcDateTime(), nullable=True),
        _owner(),
        _of_call("take_overs"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_take_overs")),
    )
    op.create_index(op.f("ix_take_overs_call_id"), "take_overs", ["call_id"])


def downgrade() -> None:
    op.drop_table("take_overs")
    op.drop_table("escalations")
    with op.batch_alter_table("users", schema=None) as batch_op:
        batch_op.drop_column("phone")
