"""Agents, their drafts, their versions, and what was published when."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from trunkline.storage.column_types import UtcDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "agents",
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("draft_revision", sa.BigInteger(), nullable=False),
        sa.Column("version_count", sa.BigInteger(), nullable=False),
        sa.Column("stable", sa.String(length=64), nullable=True),
        sa.Column("canary", sa.String(length=64), nullable=True),
        sa.Column("canary_percent", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("owner", "name", name=op.f("pk_agents")),
    )
    op.create_table(
        "flow_versions",
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("agent", sa.String(length=64), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("owner", "agent", "version", name=op.f("pk_flow_versions")),
        sa.UniqueConstraint(
            "owner", "agent", "number", name=op.f("uq_flow_versions_owner_agent_number")
        ),
    )
    op.create_table(
        "flow_drafts",
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("agent", sa.String(length=64), nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("saved_at", UtcDateTime(), nullable=False),
        sa.Column("saved_by", sa.Text(), nullable=False),
        sa.Column("based_on", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("owner", "agent", "revision", name=op.f("pk_flow_drafts")),
    )
    op.create_table(
        "publications",
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("agent", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("stable", sa.String(length=64), nullable=True),
        sa.Column("canary", sa.String(length=64), nullable=True),
        sa.Column("canary_percent", sa.BigInteger(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("owner", "seq", name=op.f("pk_publications")),
    )
    with op.batch_alter_table("publications", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_publications_owner_agent_seq"), ["owner", "agent", "seq"], unique=False
        )


def downgrade() -> None:
    op.drop_table("publications")
    op.drop_table("flow_drafts")
    op.drop_table("flow_versions")
    op.drop_table("agents")
