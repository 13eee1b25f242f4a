"""Deliveries as the ledger has them: what is due, what is unsure, what is known of one. Reads only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Double,
    Integer,
    Row,
    Select,
    Text,
    and_,
    bindparam,
    func,
    literal_column,
    or_,
    select,
    tuple_,
)

from connector.delivery import UNFINISHED, State
from connector.jsontext import load
from connector.ledger.database import Database
from connector.ledger.line import nothing_earlier
from connector.ledger.rows import put
from connector.ledger.schema import blob, delivery, event, link, memory, ticket
from connector.ledger.states import stands
from connector.plugins import PROBLEM, Do


@dataclass(frozen=True, slots=True)
class Linked:
    """The record that a ticket is at a sink, and what it holds of ours (rendered values, raw echo)."""

    remote_id: str
    number: str
    url: str
    sent: Mapping[str, Any] = field(repr=False)
    echo: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One thing to do, as the ledger has it. Of what is due `ticket_body` is empty: it has been rendered."""

    id: int
    ticket_id: int
    source: str
    external_id: str
    ticket_body: str
    group: str
    sink: str
    do: Do
    part: str
    version: int
    what: Mapping[str, Any] | None
    said: str | None  # the payload as text
    payload: Mapping[str, Any] | None
    remote_id: str
    body: Mapping[str, Any] | None
    state: State
    attempts: int
    due_at: float
    sent_at: float | None
    job: str | None
    place: int | None
    empty_since: float | None
    linked: Linked | None

    @property
    def name(self) -> str:
        """The ticket's name on the command line."""
        return f"{self.source}:{self.external_id}"

    @property
    def unchanged(self) -> Mapping[str, Any]:
        """Columns that show whether it is still as it was read: neither rendered anew nor sent since, by anybody."""
        return {"version": self.version, "payload": self.said, "sent_at": self.sent_at}

    def __repr__(self) -> str:
        return f"Delivery({self.id}, {self.do}, {self.state})"


# ── reading rows ─────────────────────────────────────────────────────────────────────────────────────────────────


def _columns(ticket_body: ColumnElement[str] = ticket.c.body) -> Select[Any]:
    d, t, k = delivery.c, ticket.c, link.c
    return (
        select(
            *(d.id, d.ticket_id, t.source, t.external_id, ticket_body.label("ticket_body"), t.grp, d.sink, d.do),
            *(d.part, d.version, d.what, d.payload, d.remote_id, d.body, d.state, d.attempts, d.due_at, d.sent_at),
            *(d.job, d.place, d.empty_since, k.remote_id.label("linked_id"), k.number, k.url, k.sent, k.echo),
        )
        .join(ticket, t.id == d.ticket_id)
        .outerjoin(link, and_(k.ticket_id == d.ticket_id, k.sink == d.sink))
    )


# Statements of the hot path, built once; SQLAlchemy then finds their compiled form without walking them anew.
_WHOLE = _columns()
_FIRST_IN_LINE = nothing_earlier()
_AT = bindparam("now", type_=Double)
_HERE = delivery.c.sink == bindparam("sink", type_=Text)
# Thousands of these may be in flight.
_DUE = (
    _columns(literal_column("''", Text))
    .where(_HERE, stands(State.QUEUED), delivery.c.due_at <= _AT)
    .where(delivery.c.payload.is_not(None), _FIRST_IN_LINE)
    .where(
        tuple_(delivery.c.due_at, delivery.c.id)
        > tuple_(bindparam("at", type_=Double), bindparam("row", type_=Integer))
    )
    .order_by(delivery.c.due_at, delivery.c.id)
    .limit(bindparam("most", type_=Integer))
)
_UNPLANNED = (
    _WHOLE.where(_HERE, stands(State.QUEUED), delivery.c.payload.is_(None))
    .order_by(delivery.c.id)
    .limit(bindparam("most", type_=Integer))
)
_FREE = or_(delivery.c.lease_until.is_(None), delivery.c.lease_until < _AT)
_UNSURE = (
    _WHOLE.where(_HERE, stands(State.UNSURE), delivery.c.due_at <= _AT, _FREE, _FIRST_IN_LINE)
    .order_by(delivery.c.due_at, delivery.c.id)
    .limit(bindparam("most", type_=Integer))
)
_STANDING = {state: select(func.count()).where(_HERE, stands(state)) for state in UNFINISHED}
_SOONEST = [
    select(func.min(delivery.c.due_at)).where(_HERE, stands(state), _FIRST_IN_LINE)
    for state in (State.QUEUED, State.UNSURE)
]


def _row(row: Row[Any]) -> Delivery:
    """A row of `_columns`, in their order."""
    values: tuple[Any, ...] = tuple(row)
    ident, ticket_id, source, external_id, ticket_body, group, sink, do, part, *rest = values
    version, what, payload, target, body, state, attempts, due_at, sent_at, job, place, empty_since, *at_sink = rest
    linked = _linked(*at_sink) if at_sink[0] is not None else None
    return Delivery(
        ident,
        ticket_id,
        source,
        external_id,
        ticket_body,
        group,
        sink,
        Do(do),
        part,
        version,
        _json(what),
        payload,
        _json(payload),
        target or (linked.remote_id if linked else ""),
        _json(body),
        State(state),
        attempts,
        due_at,
        sent_at,
        job,
        place,
        empty_since,
        linked,
    )


def _linked(remote_id: str, number: str, url: str, sent: str, echo: str) -> Linked:
    return Linked(remote_id, number, url, load(sent), load(echo))


def _json(text: str | None) -> Any:
    return None if text is None else load(text)


def unplanned(db: Database, sinks: Sequence[str], limit: int) -> list[Delivery]:
    """Queued deliveries of one of these sinks that have not been rendered, oldest first."""
    with db.read() as connection:
        found = (connection.execute(_UNPLANNED, {"sink": sink, "most": limit}).all() for sink in sinks)
        return [_row(row) for row in next((rows for rows in found if rows), [])]


def one(db: Database, delivery_id: int) -> Delivery:
    """The delivery as it stands."""
    with db.read() as connection:
        return _row(connection.execute(_WHOLE.where(delivery.c.id == delivery_id)).one())


START = (0.0, 0)


def due(db: Database, sink: str, now: float, limit: int, after: tuple[float, int] = START) -> list[Delivery]:
    """What may be sent now: rendered, due, and first in line of its ticket; in the order of the index, beginning after
    the place (`due_at`, `id`)."""
    asked = {"sink": sink, "now": now, "most": limit, "at": after[0], "row": after[1]}
    with db.read() as connection:
        return [_row(row) for row in connection.execute(_DUE, asked).all()]


def of_job(db: Database, sink: str, job: str) -> list[Delivery]:
    """What is unsure of those that went in one call, by their places in it."""
    members = _WHOLE.where(delivery.c.sink == sink, delivery.c.job == job, delivery.c.job != "", stands(State.UNSURE))
    with db.read() as connection:
        return [_row(row) for row in connection.execute(members.order_by(delivery.c.place))]


def unsure(db: Database, sink: str, now: float, limit: int) -> list[Delivery]:
    """What must be looked for now, and nobody is looking for."""
    with db.read() as connection:
        return [_row(row) for row in connection.execute(_UNSURE, {"sink": sink, "now": now, "most": limit})]


def next_due(db: Database, sink: str) -> float | None:
    """When the next queued or unsure delivery that is first in line becomes due, or None."""
    with db.read() as connection:
        times = [connection.execute(soonest, {"sink": sink}).scalar() for soonest in _SOONEST]
    return min((time for time in times if time is not None), default=None)


def content(db: Database, sha256: str) -> bytes:
    """A file's bytes. Raises KeyError where the ledger has none."""
    with db.read() as connection:
        row = connection.execute(select(blob.c.content).where(blob.c.sha256 == sha256)).first()
    if row is None:
        raise KeyError(sha256)
    return bytes(row.content)


def first_sent(db: Database, row: Delivery) -> float | None:
    """When the first attempt began, or None where this ledger knows of none."""
    claims = select(func.min(event.c.at)).where(
        event.c.ticket_id == row.ticket_id, event.c.delivery_id == row.id, event.c.now == State.SENDING.value
    )
    with db.read() as connection:
        return connection.execute(claims).scalar()


def controls(db: Database, wanted: Delivery, most: int) -> list[Delivery]:
    """The latest deliveries of the same kind that this sink is known to have, other than `wanted`. The parent of an
    outage is in another table than incidents: only its like proves anything about it."""
    query = _WHOLE.where(
        (ticket.c.source == PROBLEM) if wanted.source == PROBLEM else (ticket.c.source != PROBLEM),
        delivery.c.sink == wanted.sink,
        delivery.c.do == wanted.do.value,
        stands(State.SENT),
        delivery.c.body.is_not(None),
        delivery.c.id != wanted.id,
    )
    with db.read() as connection:
        return [_row(row) for row in connection.execute(query.order_by(delivery.c.id.desc()).limit(most))]


# ── what is known of a sink ──────────────────────────────────────────────────────────────────────────────────────


def remember(db: Database, sink: str, facts: Mapping[str, str]) -> None:
    """Keep facts about a sink."""
    with db.write() as connection:
        put(connection, memory, [{"sink": sink, "name": name, "value": value} for name, value in facts.items()])


def remembered(db: Database, sink: str) -> dict[str, str]:
    """What the sink learned about its account."""
    with db.read() as connection:
        rows = connection.execute(select(memory.c.name, memory.c.value).where(memory.c.sink == sink))
        return {row.name: row.value for row in rows}


def tally(db: Database, sink: str) -> dict[str, int]:
    """How many deliveries stand in each state."""
    with db.read() as connection:
        count = select(delivery.c.state, func.count()).where(delivery.c.sink == sink).group_by(delivery.c.state)
        return {state.value: 0 for state in State} | {row[0]: row[1] for row in connection.execute(count)}


def count_unfinished(db: Database, sink: str) -> dict[str, int]:
    """How many deliveries are not final, by state; cheap, whatever the ledger holds."""
    with db.read() as connection:
        return {
            state.value: connection.execute(count, {"sink": sink}).scalar_one() for state, count in _STANDING.items()
        }
