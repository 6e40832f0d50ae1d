"""Approvals: policies, claims, grants, and the history of every deed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from trunkline.storage.column_types import Document, UtcDateTime

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_NEW = (
    ("question", sa.Text(), "", False),
    ("asked_arguments", Document(), "{}", False),
    ("step", sa.Text(), "", False),
    ("is_verified", sa.Boolean(), sa.false(), False),
    ("policy", Document(), "{}", False),
    ("slip", Document(), "{}", False),
    ("variables", Document(), "{}", False),
    ("worst_case_ms", sa.BigInteger(), "0", False),
    ("may_repeat", sa.Boolean(), sa.false(), False),
    ("asked_at", UtcDateTime(), "1970-01-01 00:00:00", False),
    ("level", sa.BigInteger(), "0", False),
    ("level_since", UtcDateTime(), "1970-01-01 00:00:00", False),
    ("claimed_by", sa.Text(), None, True),
    ("claimed_until", UtcDateTime(), None, True),
    ("reminded_at", UtcDateTime(), None, True),
    ("grants", Document(), "[]", False),
    ("editors", Document(), "[]", False),
    ("reason", sa.Text(), "", False),
    ("result", Document(), None, True),
    ("decided_at", UtcDateTime(), None, True),
    ("closed_at", UtcDateTime(), None, True),
    ("next_due_at", UtcDateTime(), None, True),
    ("revision", sa.BigInteger(), "0", False),
    ("told_revision", sa.BigInteger(), "0", False),
    ("sent_at", UtcDateTime(), None, True),
)


def upgrade() -> None:
    with op.batch_alter_table("approvals", schema=None) as batch_op:
        for name, kind, default, is_nullable in _NEW:
            batch_op.add_column(sa.Column(name, kind, server_default=default, nullable=is_nullable))
    # Nobody could decide before: what was asked then has long expired.
    op.execute(
        "UPDATE approvals SET state = 'expired', asked_at = at, level_since = at, closed_at = at,"
        " asked_arguments = arguments"
    )
    with op.batch_alter_table("approvals", schema=None) as batch_op:
        for name, _, default, _ in _NEW:
            if default is not None:
                batch_op.alter_column(name, server_default=None)
        batch_op.create_index(batch_op.f("ix_approvals_run_id"), ["run_id"])
        for name, column, which in (
            ("ix_approvals_due", "next_due_at", "next_due_at IS NOT NULL"),
            ("ix_approvals_untold", "call_id", "told_revision < revision"),
        ):
            batch_op.create_index(
                name, [column], sqlite_where=sa.text(which), postgresql_where=sa.text(which)
            )
    op.create_table(
        "approval_deeds",
        sa.Column("approval_id", sa.String(length=64), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("deed", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Text(), nullable=True),
        sa.Column("role", sa.Text(), nullable=True),
        sa.Column("via", sa.Text(), nullable=False),
        sa.Column("arguments_hash", sa.Text(), nullable=False),
        sa.Column("arguments", Document(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("owner", sa.String(length=64), server_default="house", nullable=False),
        sa.ForeignKeyConstraint(
            ["approval_id"],
            ["approvals.id"],
            name=op.f("fk_approval_deeds_approval_id_approvals"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("approval_id", "revision", name=op.f("pk_approval_deeds")),
    )


def downgrade() -> None:
    op.drop_table("approval_deeds")
    with op.batch_alter_table("approvals", schema=None) as batch_op:
        batch_op.drop_index("ix_approvals_untold")
        batch_op.drop_index("ix_approvals_due")
        batch_op.drop_index(batch_op.f("ix_approvals_run_id"))
        for name, _, _, _ in _NEW:
            batch_op.drop_column(name)
