"""The inbox of what is posted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "inbox",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("receipt", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("key", sa.Text()),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("places", sa.Text()),
        sa.Column("data", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbox")),
        sa.UniqueConstraint("key", name=op.f("uq_inbox_key")),
        sa.UniqueConstraint("receipt", name=op.f("uq_inbox_receipt")),
    )
    op.create_index("ix_inbox_digest", "inbox", ["digest"])
    waits = sa.text("places IS NULL")
    op.create_index("ix_inbox_waiting", "inbox", ["source", "id"], sqlite_where=waits, postgresql_where=waits)
