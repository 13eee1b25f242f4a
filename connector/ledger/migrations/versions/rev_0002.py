"""Many at once: the job that a delivery was sent in, and a budget for each class of request."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("delivery", sa.Column("job", sa.Text()))
    op.add_column("delivery", sa.Column("place", sa.Integer()))
    in_a_job = sa.text("job <> ''")
    op.create_index("ix_delivery_job", "delivery", ["sink", "job"], sqlite_where=in_a_job, postgresql_where=in_a_job)
    # A budget is worth a minute's waiting, and nothing else hangs on it.
    op.drop_table("budget")
    op.create_table(
        "budget",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("tat", sa.Double(), nullable=False),
        sa.Column("held_until", sa.Double(), nullable=False),
        sa.Column("allowed", sa.Integer()),
        sa.Column("seconds", sa.Double()),
        sa.Column("heard_at", sa.Double()),
        sa.Column("uses", sa.Text(), nullable=False),
        sa.Column("written_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("account", "name", name=op.f("pk_budget")),
    )
