"""What waits is found by its index again: SQLite takes a partial index for one state of a list only where the list is
spelt out with OR. What is to be rendered is read sink by sink in its order; what became blocked, and the last run, have
indexes of their own."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.drop_index("ix_delivery_waiting", "delivery")
    waiting = sa.text("state = 'sending' OR state = 'unsure' OR state = 'blocked'")
    columns = ["sink", "state", "due_at"]
    op.create_index("ix_delivery_waiting", "delivery", columns, sqlite_where=waiting, postgresql_where=waiting)
    op.drop_index("ix_delivery_unplanned", "delivery")
    fresh = sa.text("state = 'queued' AND payload IS NULL")
    op.create_index("ix_delivery_unplanned", "delivery", ["sink", "id"], sqlite_where=fresh, postgresql_where=fresh)
    blocked = sa.text("now = 'blocked'")
    op.create_index("ix_event_blocked", "event", ["at"], sqlite_where=blocked, postgresql_where=blocked)
    op.create_index("ix_run_started", "run", ["started_at"])
