"""The one place that writes a delivery's state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Update, bindparam, update

from connector.delivery import Move, State, after
from connector.errors import StaleRow
from connector.ledger.line import nothing_earlier
from connector.ledger.rows import add, each
from connector.ledger.schema import delivery, event
from connector.ledger.states import stands

# What a state does to the columns that only make sense in another one.
_CLEARED: Mapping[State, Mapping[str, Any]] = {
    State.QUEUED: {"lease_until": None, "holder": None, "empty_since": None, "job": None, "place": None},
    State.UNSURE: {"lease_until": None, "holder": None},
    State.BLOCKED: {"lease_until": None, "holder": None, "job": None, "place": None},
    State.SENT: {"lease_until": None, "holder": None, "finding": None, "job": None, "place": None},
    State.DROPPED: {"lease_until": None, "holder": None, "job": None, "place": None},
}


# What a blocked delivery forgets when it is queued again: what it said, and the record that it was to be written to.
AFRESH: Mapping[str, Any] = {"payload": None, "body": None, "finding": None, "remote_id": None}


@dataclass(frozen=True, slots=True)
class Step:
    """One move of one delivery; `sets` are the other columns that change with it.

    `held` are columns that must still have these values, and `first` says that nothing earlier of its ticket may stand
    in the way. With a `holder`, only that process's claim may be moved: one that was held up must not settle another's
    attempt.
    """

    delivery_id: int
    ticket_id: int
    was: State
    move: Move
    note: str = ""
    sets: Mapping[str, Any] = field(default_factory=dict, repr=False)
    holder: str = ""
    held: Mapping[str, Any] = field(default_factory=dict, repr=False)
    first: bool = False


def move(connection: Connection, step: Step, at: float) -> State:
    """Carry out one step and write its event; raises StaleRow when the delivery is no longer where it was."""
    move_all(connection, [step], at)
    return after(step.was, step.move)


def move_each(connection: Connection, steps: Sequence[Step], at: float) -> list[Step]:
    """Carry out many steps; returns those that were not stale."""
    done = []
    for step in steps:
        try:
            move_all(connection, [step], at)
        except StaleRow:
            continue
        done.append(step)
    return done


def move_all(connection: Connection, steps: Sequence[Step], at: float) -> None:
    """Carry out all steps and write their events; raises StaleRow where one is stale: the transaction must not be
    committed then, unless it was the only one."""
    for shape, alike in groupby(sorted(steps, key=_shape), key=_shape):
        rows = [_values(step) for step in alike]
        if each(connection, _statement(*shape), rows) != len(rows):
            who = f"delivery {steps[0].delivery_id}" if len(steps) == 1 else f"one of {len(steps)} deliveries"
            raise StaleRow(f"{who} is no longer {steps[0].was}")
    add(connection, event, [_event(step, at) for step in steps])


Shape = tuple[State, Move, tuple[str, ...], tuple[str, ...], bool]


def _shape(step: Step) -> Shape:
    """What two steps must have in common to be one statement."""
    held = (*step.held, "holder") if step.holder else tuple(step.held)
    return step.was, step.move, tuple(sorted(step.sets)), tuple(sorted(held)), step.first


@lru_cache(maxsize=256)
def _statement(was: State, done: Move, sets: tuple[str, ...], held: tuple[str, ...], first: bool) -> Update:
    now = after(was, done)
    own = {name: bindparam(f"set_{name}", type_=delivery.c[name].type) for name in sets}
    moved = update(delivery).where(delivery.c.id == bindparam("row"), stands(was))
    for name in held:
        value = bindparam(f"held_{name}", type_=delivery.c[name].type)
        moved = moved.where(delivery.c[name].is_not_distinct_from(value))
    if first:
        moved = moved.where(nothing_earlier())
    return moved.values({**_CLEARED.get(now, {}), **own, "state": now.value})


def _values(step: Step) -> dict[str, Any]:
    values = {"row": step.delivery_id, **{f"set_{name}": value for name, value in step.sets.items()}}
    values.update({f"held_{name}": value for name, value in step.held.items()})
    return values | ({"held_holder": step.holder} if step.holder else {})


def _event(step: Step, at: float) -> dict[str, Any]:
    return {
        "ticket_id": step.ticket_id,
        "delivery_id": step.delivery_id,
        "at": at,
        "was": step.was.value,
        "now": after(step.was, step.move).value,
        "note": step.note or step.move.value,
    }
