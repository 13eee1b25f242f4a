"""Records that are still to be read for the first time wait in a table of their own: to find them among all that is
linked took seconds. SQLite takes a partial index for one state of a list only where the list is spelt out with OR."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "unseen",
        sa.Column("sink", sa.Text(), nullable=False),
        sa.Column("ticket_id", sa.Integer(), nullable=False),
        sa.Column("since", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name=op.f("fk_unseen_ticket_id")),
        sa.PrimaryKeyConstraint("sink", "ticket_id", name=op.f("pk_unseen")),
        sqlite_with_rowid=False,
    )
    op.execute(
        "INSERT INTO unseen (sink, ticket_id, since)"
        " SELECT link.sink, link.ticket_id, CASE WHEN remote.ticket_id IS NULL THEN link.linked_at ELSE 0.0 END"
        " FROM link LEFT JOIN remote ON remote.ticket_id = link.ticket_id AND remote.sink = link.sink"
        " WHERE remote.ticket_id IS NULL OR remote.remote_id <> link.remote_id"
    )
    op.drop_index("ix_problem_live", "problem")
    live = sa.text("state = 'suggested' OR state = 'open'")
    op.create_index("ix_problem_live", "problem", ["sink", "last_at"], sqlite_where=live, postgresql_where=live)
    op.create_index("ix_problem_ticket", "problem", ["ticket_id"])
