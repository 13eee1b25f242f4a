"""What was rendered is committed, or what keeps it from being sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, bindparam, update

from connector.delivery import Move, State
from connector.errors import Finding
from connector.ledger.database import Database
from connector.ledger.deliveries import Delivery
from connector.ledger.moves import Step, move_each
from connector.ledger.rows import dump, each, told
from connector.ledger.schema import delivery
from connector.ledger.states import stands


@dataclass(frozen=True, slots=True)
class Planned:
    """What became of rendering one delivery: a payload, or a finding that blocks it."""

    row: Delivery
    payload: Mapping[str, Any] | None = field(default=None, repr=False)
    finding: Finding | None = None


def plan(db: Database, planned: Sequence[Planned], now: float) -> int:
    """Commit what was rendered, unless the row changed meanwhile; returns how many were newly blocked."""
    rendered = [
        {"row": item.row.id, "of": item.row.version, "said": dump(item.payload)}
        for item in planned
        if item.payload is not None
    ]
    with db.write() as connection:
        if rendered:
            each(connection, _RENDERED, rendered)
        return sum(held(connection, item.row, item.finding, now) for item in planned if item.finding is not None)


_RENDERED = (
    update(delivery)
    .where(
        delivery.c.id == bindparam("row"),
        delivery.c.version == bindparam("of"),
        stands(State.QUEUED),
        delivery.c.body.is_(None),
    )
    .values(payload=bindparam("said"), finding=None)
)


def held(connection: Connection, row: Delivery, finding: Finding, now: float) -> int:
    """Hold a queued delivery for a person, in the caller's transaction; returns how many that were, 0 or 1."""
    step = Step(row.id, row.ticket_id, State.QUEUED, Move.HELD, finding.code, {"finding": told(finding)})
    return len(move_each(connection, [step], now))
