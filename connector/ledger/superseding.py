"""A newer version of a ticket: what the older one still had to send is ended or renewed."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, select, update

from connector.delivery import Move, State
from connector.ledger.known import Known
from connector.ledger.moves import AFRESH, Step, move
from connector.ledger.schema import delivery
from connector.plugins import Do


def supersede(connection: Connection, known: Known, now: float) -> bool:
    """End or renew what an older version still had to send; True when the new version needs an update."""
    rows = connection.execute(
        select(delivery).where(delivery.c.ticket_id == known.id, delivery.c.do.in_([Do.CREATE, Do.UPDATE]))
    ).all()
    note = f"version {known.version} takes its place"
    created = False
    for row in rows:
        state = State(row.state)
        if row.do == Do.UPDATE and state in (State.QUEUED, State.BLOCKED):
            move(connection, Step(row.id, known.id, state, Move.ENDED, note), now)
        elif row.do == Do.CREATE and not _renewed(connection, row, known, note, now):
            created = created or state != State.DROPPED
    return created


def _renewed(connection: Connection, row: Row[Any], known: Known, note: str, now: float) -> bool:
    """Was the create never claimed, so that it can say the new version itself?"""
    state, fresh = State(row.state), {**AFRESH, "version": known.version}
    if state == State.BLOCKED:  # refused or never rendered: provably not done
        move(connection, Step(row.id, known.id, state, Move.RELEASED, note, {**fresh, "due_at": now}), now)
        return True
    if state == State.QUEUED and row.body is None:
        connection.execute(update(delivery).where(delivery.c.id == row.id).values(fresh))
        return True
    return False
