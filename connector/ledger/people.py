"""What a person may do to deliveries, and how a person names a ticket."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, or_, select, update

from connector.delivery import Move, State
from connector.errors import NoSuchTicket
from connector.ledger.database import Database
from connector.ledger.moves import AFRESH, Step, move
from connector.ledger.schema import delivery, link, ticket


@dataclass(frozen=True, slots=True)
class Act:
    """What was done to one delivery."""

    ticket: str
    sink: str
    do: str
    part: str
    was: str
    now: str


def find_ticket(db: Database, name: str) -> int:
    """The id of the ticket called `SOURCE:EXTERNAL_ID`, by a unique beginning of that, or by a remote number.

    Raises NoSuchTicket, naming the candidates where there are several.
    """
    source, _, external = name.partition(":")
    with db.read() as connection:
        exact = select(ticket.c.id).where(ticket.c.source == source, ticket.c.external_id == external)
        if (row := connection.execute(exact).first()) is not None:
            return int(row.id)
        remote = select(link.c.ticket_id).where(or_(link.c.number == name, link.c.remote_id == name)).limit(2)
        rows = connection.execute(remote).all()
        if len(rows) == 1:
            return int(rows[0].ticket_id)
        begins = select(ticket.c.id, ticket.c.source, ticket.c.external_id).where(
            ticket.c.source == source, ticket.c.external_id.startswith(external, autoescape=True)
        )
        found = connection.execute(begins.order_by(ticket.c.external_id).limit(6)).all() if external else []
    if len(found) == 1:
        return int(found[0].id)
    if found:
        names = ", ".join(f"{row.source}:{row.external_id}" for row in found[:5])
        raise NoSuchTicket(f"{name} fits several tickets: {names}", "write more of the name")
    raise NoSuchTicket(
        f"there is no ticket {name}", "write SOURCE:EXTERNAL_ID or the remote number; see: connector status"
    )


def release(db: Database, ticket_id: int, now: float) -> list[Act]:
    """Blocked deliveries are rendered again and queued: what blocked them is provably not done."""
    fresh = {**AFRESH, "due_at": now, "attempts": 0}
    return _move_all(db, ticket_id, State.BLOCKED, Move.RELEASED, fresh, now, "released by a person")


def drop(db: Database, ticket_id: int, now: float) -> list[Act]:
    """What still waits is never sent."""
    done: list[Act] = []
    for state in (State.QUEUED, State.BLOCKED):
        done += _move_all(db, ticket_id, state, Move.ENDED, {}, now, "dropped by a person")
    return done


def confirm_absent(db: Database, ticket_id: int, now: float) -> list[Act]:
    """A person has looked: unsure deliveries are not at the remote and are sent again."""
    return _move_all(db, ticket_id, State.UNSURE, Move.ABSENT, {"due_at": now}, now, "a person says it is not there")


def unsure_of(db: Database, ticket_id: int) -> list[Row[Any]]:
    """The ticket's unsure deliveries."""
    with db.read() as connection:
        rows = select(delivery).where(delivery.c.ticket_id == ticket_id, delivery.c.state == State.UNSURE.value)
        return list(connection.execute(rows.order_by(delivery.c.id)))


def hurry(db: Database, ticket_id: int, now: float) -> list[Act]:
    """Waiting rows are due now."""
    waiting = (delivery.c.ticket_id == ticket_id, delivery.c.state.in_([State.QUEUED.value, State.UNSURE.value]))
    with db.write() as connection:
        rows = connection.execute(_named().where(*waiting)).all()
        connection.execute(update(delivery).where(*waiting).values(due_at=now))
    return [_act(row, State(row.state)) for row in rows]


def replan(db: Database, ticket_ids: Sequence[int] | None, now: float, sink: str | None = None) -> list[Act]:
    """Rows never claimed are rendered again with today's mapping, blocked ones included."""
    free: list[ColumnElement[bool]] = [delivery.c.state.in_([State.QUEUED.value, State.BLOCKED.value])]
    if ticket_ids is not None:
        free.append(delivery.c.ticket_id.in_(ticket_ids))
    if sink is not None:
        free.append(delivery.c.sink == sink)
    with db.write() as connection:
        rows = connection.execute(_named().where(*free)).all()
        return [act for row in rows if (act := _render_again(connection, row, now)) is not None]


def _render_again(connection: Connection, row: Row[Any], now: float) -> Act | None:
    fresh = {**AFRESH, "due_at": now}
    if row.state == State.BLOCKED:
        move(connection, Step(row.id, row.ticket_id, State.BLOCKED, Move.RELEASED, "to be rendered again", fresh), now)
    elif row.body is None:
        connection.execute(update(delivery).where(delivery.c.id == row.id).values(payload=None))
    else:
        return None
    return _act(row, State.QUEUED)


def _move_all(
    db: Database, ticket_id: int, was: State, how: Move, sets: dict[str, Any], now: float, note: str
) -> list[Act]:
    acts = []
    with db.write() as connection:
        rows = _named().where(delivery.c.ticket_id == ticket_id, delivery.c.state == was.value)
        for row in connection.execute(rows.order_by(delivery.c.id)).all():
            acts.append(_act(row, move(connection, Step(row.id, ticket_id, was, how, note, sets), now)))
    return acts


def _named() -> Select[Any]:
    return select(delivery, ticket.c.source, ticket.c.external_id).join(ticket, ticket.c.id == delivery.c.ticket_id)


def _act(row: Row[Any], now: State) -> Act:
    return Act(f"{row.source}:{row.external_id}", row.sink, row.do, row.part, row.state, now.value)
