"""What reports count of a ticket; of tickets that are there already it is read from their bodies, but for priority."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

BATCH = 500


def upgrade() -> None:
    measure = op.create_table(
        "measure",
        sa.Column("ticket_id", sa.Integer(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("reported_at", sa.Double(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=True),
        sa.Column("bypassed", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name=op.f("fk_measure_ticket_id")),
        sa.PrimaryKeyConstraint("ticket_id", name=op.f("pk_measure")),
    )
    op.create_index("ix_measure_reported", "measure", ["reported_at"], unique=False)
    some = sa.text("SELECT id, body, created_at FROM ticket WHERE id > :after ORDER BY id LIMIT :size")
    after = 0
    while rows := op.get_bind().execute(some, {"after": after, "size": BATCH}).all():
        op.bulk_insert(measure, [_measured(*row) for row in rows])
        after = rows[-1][0]


def _measured(ticket_id: int, body: str, created_at: float) -> dict[str, Any]:
    said = json.loads(body)
    channel = str(said["channel"])
    stated = said.get("submitted_at") or said.get("received_at")
    at = datetime.fromisoformat(stated).timestamp() if stated else created_at
    forwarded = channel == "email" and "forwarded" in said.get("extra", {})
    return {
        "ticket_id": ticket_id,
        "channel": channel,
        "reported_at": min(at, created_at),
        "priority": None,
        "bypassed": int(forwarded),
    }
