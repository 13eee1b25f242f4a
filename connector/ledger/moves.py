"""The one place that writes a delivery's state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, insert, update

from connector.delivery import Move, State, after
from connector.errors import StaleRow
from connector.ledger.schema import delivery, event

# What a state does to the columns that only make sense in another one.
_CLEARED: Mapping[State, Mapping[str, Any]] = {
    State.QUEUED: {"lease_until": None, "holder": None, "empty_since": None},
    State.UNSURE: {"lease_until": None, "holder": None},
    State.BLOCKED: {"lease_until": None, "holder": None},
    State.SENT: {"lease_until": None, "holder": None, "finding": None},
    State.DROPPED: {"lease_until": None, "holder": None},
}


# What a blocked delivery forgets when it is queued again: what it said, and the record that it was to be written to.
AFRESH: Mapping[str, Any] = {"payload": None, "body": None, "finding": None, "remote_id": None}


@dataclass(frozen=True, slots=True)
class Step:
    """One move of one delivery; `sets` are the other columns that change with it.

    With a `holder`, only that process's claim may be moved: one that was held up must not settle another's attempt.
    """

    delivery_id: int
    ticket_id: int
    was: State
    move: Move
    note: str = ""
    sets: Mapping[str, Any] = field(default_factory=dict, repr=False)
    holder: str = ""


def move(connection: Connection, step: Step, at: float) -> State:
    """Carry out one step and write its event; raises StaleRow when the delivery is no longer where it was."""
    now = after(step.was, step.move)
    values = {**_CLEARED.get(now, {}), **step.sets, "state": now.value}
    guarded = update(delivery).where(delivery.c.id == step.delivery_id, delivery.c.state == step.was.value)
    if step.holder:
        guarded = guarded.where(delivery.c.holder == step.holder)
    if connection.execute(guarded.values(values)).rowcount != 1:
        raise StaleRow(f"delivery {step.delivery_id} is no longer {step.was}")
    connection.execute(insert(event), [_event(step, now, at)])
    return now


def move_each(connection: Connection, steps: Sequence[Step], at: float) -> list[Step]:
    """Carry out many steps; returns those that were not stale."""
    done = []
    for step in steps:
        try:
            move(connection, step, at)
        except StaleRow:
            continue
        done.append(step)
    return done


def _event(step: Step, now: State, at: float) -> dict[str, Any]:
    return {
        "ticket_id": step.ticket_id,
        "delivery_id": step.delivery_id,
        "at": at,
        "was": step.was.value,
        "now": now.value,
        "note": step.note or step.move.value,
    }
