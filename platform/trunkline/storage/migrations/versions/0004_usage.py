"""Usage of the model server's sessions, and quotas of keys."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from trunkline.storage.column_types import Document, UtcDateTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_COUNTS = (
    "responses",
    "text_in",
    "audio_in",
    "cached_text_in",
    "cached_audio_in",
    "text_out",
    "audio_out",
    "transcribed_ms",
)


def upgrade() -> None:
    op.create_table(
        "usage",
        sa.Column("id", sa.String(length=256), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("engine", sa.Text(), nullable=False),
        sa.Column("began_at", UtcDateTime(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("is_over", sa.Boolean(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in _COUNTS),
        sa.Column("cost", sa.Float(), nullable=False),
        sa.Column("currency", sa.String(length=8), nullable=False),
        sa.Column("owner", sa.String(length=64), server_default="house", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_usage")),
    )
    with op.batch_alter_table("usage", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_usage_owner_began_at"), ["owner", "began_at"])
        batch_op.create_index(
            batch_op.f("ix_usage_owner_key_id_began_at"), ["owner", "key_id", "began_at"]
        )
    with op.batch_alter_table("api_keys", schema=None) as batch_op:
        batch_op.add_column(sa.Column("quota", Document(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("api_keys", schema=None) as batch_op:
        batch_op.drop_column("quota")
    op.drop_table("usage")
