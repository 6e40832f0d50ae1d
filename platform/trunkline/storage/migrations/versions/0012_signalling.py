"""The SIP messages of a call, and why no audio came."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from trunkline.storage.column_types import Document

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("calls") as calls:
        calls.add_column(
            sa.Column("signalling", Document(), server_default=sa.text("'[]'"), nullable=False)
        )
        calls.add_column(sa.Column("media_problem", sa.Text(), server_default="", nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("calls") as calls:
        calls.drop_column("media_problem")
        calls.drop_column("signalling")
