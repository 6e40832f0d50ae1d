"""Decision links, house rules of approvals, users' addresses, mail and replays in the outbox."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from trunkline.storage.column_types import Document, UtcDateTime

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_OUTBOX_OPEN = sa.text("sent_at IS NULL AND given_up_at IS NULL")


def _owner() -> sa.Column[str]:
    return sa.Column("owner", sa.String(length=64), server_default="house", nullable=False)


def upgrade() -> None:
    with op.batch_alter_table("users", schema=None) as batch_op:
        batch_op.add_column(sa.Column("email", sa.Text(), server_default="", nullable=False))
        batch_op.add_column(
            sa.Column("session_version", sa.BigInteger(), server_default="0", nullable=False)
        )
    with op.batch_alter_table("webhooks", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("has_links", sa.Boolean(), server_default=sa.false(), nullable=False)
        )
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.drop_index("ix_outbox_open")
        batch_op.alter_column("webhook_id", existing_type=sa.String(length=64), nullable=True)
        batch_op.add_column(sa.Column("user_id", sa.String(length=64), nullable=True))
        batch_op.add_column(sa.Column("replayed_at", UtcDateTime(), nullable=True))
        batch_op.create_foreign_key(
            op.f("fk_outbox_user_id_users"), "users", ["user_id"], ["id"], ondelete="CASCADE"
        )
        batch_op.create_index(op.f("ix_outbox_user_id"), ["user_id"])
        batch_op.create_index(
            "ix_outbox_open",
            ["due_at"],
            sqlite_where=_OUTBOX_OPEN,
            postgresql_where=_OUTBOX_OPEN,
        )
    op.create_table(
        "decision_links",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("approval_id", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.String(length=64), nullable=False),
        sa.Column("outbox_id", sa.String(length=64), nullable=False),
        sa.Column("arguments_hash", sa.Text(), nullable=False),
        sa.Column("decisions", Document(), nullable=False),
        sa.Column("issued_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("used_at", UtcDateTime(), nullable=True),
        sa.Column("used_for", sa.Text(), nullable=True),
        _owner(),
        sa.ForeignKeyConstraint(
            ["approval_id"],
            ["approvals.id"],
            name=op.f("fk_decision_links_approval_id_approvals"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["users.id"],
            name=op.f("fk_decision_links_user_id_users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_decision_links")),
    )
    with op.batch_alter_table("decision_links", schema=None) as batch_op:
        for column in ("approval_id", "user_id", "outbox_id"):
            batch_op.create_index(op.f(f"ix_decision_links_{column}"), [column])
    op.create_table(
        "house_rules",
        sa.Column("version", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("rules", Document(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        _owner(),
        sa.PrimaryKeyConstraint("owner", "version", name=op.f("pk_house_rules")),
    )


def downgrade() -> None:
    op.drop_table("house_rules")
    op.drop_table("decision_links")
    # What waits to be mailed has no webhook, and the older program no place for it.
    op.execute("DELETE FROM outbox WHERE webhook_id IS NULL")
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.drop_index("ix_outbox_open")
        batch_op.drop_index(op.f("ix_outbox_user_id"))
        batch_op.drop_constraint(op.f("fk_outbox_user_id_users"), type_="foreignkey")
        batch_op.drop_column("replayed_at")
        batch_op.drop_column("user_id")
        batch_op.alter_column("webhook_id", existing_type=sa.String(length=64), nullable=False)
        batch_op.create_index(
            "ix_outbox_open",
            ["due_at"],
            sqlite_where=_OUTBOX_OPEN,
            postgresql_where=_OUTBOX_OPEN,
        )
    with op.batch_alter_table("webhooks", schema=None) as batch_op:
        batch_op.drop_column("has_links")
    with op.batch_alter_table("users", schema=None) as batch_op:
        batch_op.drop_column("session_version")
        batch_op.drop_column("email")
