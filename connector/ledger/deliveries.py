"""Planning, claiming and settling deliveries. States change through `moves.move` alone."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Double,
    Integer,
    Row,
    Select,
    Text,
    and_,
    bindparam,
    exists,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from connector.delivery import UNFINISHED, Move, State
from connector.errors import Finding, StaleRow
from connector.ledger.database import Database
from connector.ledger.leases import FARTHEST, is_dead
from connector.ledger.moves import Step, move, move_each
from connector.ledger.rows import add_missing, dump, put, told
from connector.ledger.schema import blob, delivery, event, link, memory, ticket
from connector.plugins import Do, Receipt


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
    """One thing to do, as the ledger has it."""

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
    payload: Mapping[str, Any] | None
    remote_id: str
    body: Mapping[str, Any] | None
    state: State
    attempts: int
    sent_at: float | None
    empty_since: float | None
    linked: Linked | None

    @property
    def name(self) -> str:
        """The ticket's name on the command line."""
        return f"{self.source}:{self.external_id}"

    def __repr__(self) -> str:
        return f"Delivery({self.id}, {self.do}, {self.state})"


# ── reading rows ─────────────────────────────────────────────────────────────────────────────────────────────────


def _columns() -> Select[Any]:
    d, t, k = delivery.c, ticket.c, link.c
    return (
        select(
            *(d.id, d.ticket_id, t.source, t.external_id, t.body.label("ticket_body"), t.grp, d.sink, d.do, d.part),
            *(d.version, d.what, d.payload, d.remote_id, d.body, d.state, d.attempts, d.sent_at),
            *(d.empty_since, k.remote_id.label("linked_id"), k.number, k.url, k.sent, k.echo),
        )
        .join(ticket, t.id == d.ticket_id)
        .outerjoin(link, and_(k.ticket_id == d.ticket_id, k.sink == d.sink))
    )


def _nothing_earlier() -> ColumnElement[bool]:
    """No earlier delivery of this ticket stands in the way. A blocked create does; a blocked comment does not."""
    earlier = delivery.alias("earlier")
    open_ones = [State.QUEUED, State.SENDING, State.UNSURE]
    return ~exists().where(
        earlier.c.ticket_id == delivery.c.ticket_id,
        earlier.c.sink == delivery.c.sink,
        earlier.c.id < delivery.c.id,
        or_(earlier.c.state.in_(open_ones), and_(earlier.c.state == State.BLOCKED, earlier.c.do == Do.CREATE)),
    )


# Statements of the hot path, built once; SQLAlchemy then finds their compiled form without walking them anew.
_WHOLE = _columns()
_FIRST_IN_LINE = _nothing_earlier()
_AT = bindparam("now", type_=Double)
_HERE = delivery.c.sink == bindparam("sink", type_=Text)
_DUE = (
    _WHOLE.where(_HERE, delivery.c.state == State.QUEUED.value, delivery.c.due_at <= _AT)
    .where(delivery.c.payload.is_not(None), _FIRST_IN_LINE)
    .order_by(delivery.c.due_at, delivery.c.id)
    .limit(bindparam("most", type_=Integer))
)
_FREE = or_(delivery.c.lease_until.is_(None), delivery.c.lease_until < _AT)
_UNSURE = (
    _WHOLE.where(_HERE, delivery.c.state == State.UNSURE.value, delivery.c.due_at <= _AT, _FREE, _FIRST_IN_LINE)
    .order_by(delivery.c.due_at, delivery.c.id)
    .limit(bindparam("most", type_=Integer))
)
_CLAIMABLE = select(delivery.c.payload, delivery.c.version).where(
    delivery.c.id == bindparam("row", type_=Integer), _FIRST_IN_LINE
)
_STANDING = select(func.count()).where(_HERE, delivery.c.state == bindparam("state", type_=Text))
_SOONEST = select(func.min(delivery.c.due_at)).where(
    _HERE, delivery.c.state == bindparam("state", type_=Text), _FIRST_IN_LINE
)


def _row(row: Row[Any]) -> Delivery:
    """A row of `_columns`, in their order."""
    values: tuple[Any, ...] = tuple(row)
    ident, ticket_id, source, external_id, ticket_body, group, sink, do, part, *rest = values
    version, what, payload, target, body, state, attempts, sent_at, empty_since, *at_sink = rest
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
        _json(payload),
        target or (linked.remote_id if linked else ""),
        _json(body),
        State(state),
        attempts,
        sent_at,
        empty_since,
        linked,
    )


def _linked(remote_id: str, number: str, url: str, sent: str, echo: str) -> Linked:
    return Linked(remote_id, number, url, json.loads(sent), json.loads(echo))


def _json(text: str | None) -> Any:
    return None if text is None else json.loads(text)


def one(db: Database, delivery_id: int) -> Delivery:
    """The delivery as it stands."""
    with db.read() as connection:
        return _row(connection.execute(_WHOLE.where(delivery.c.id == delivery_id)).one())


def unplanned(db: Database, sinks: Sequence[str], limit: int) -> list[Delivery]:
    """Queued deliveries that have not been rendered, oldest first."""
    waiting = delivery.c.state == State.QUEUED.value
    query = _WHOLE.where(waiting, delivery.c.payload.is_(None), delivery.c.sink.in_(sinks))
    with db.read() as connection:
        return [_row(row) for row in connection.execute(query.order_by(delivery.c.id).limit(limit))]


def due(db: Database, sink: str, now: float, limit: int) -> list[Delivery]:
    """What may be sent now: rendered, due, and first in line of its ticket; in the order of the index."""
    with db.read() as connection:
        return [_row(row) for row in connection.execute(_DUE, {"sink": sink, "now": now, "most": limit})]


def unsure(db: Database, sink: str, now: float, limit: int) -> list[Delivery]:
    """What must be looked for now, and nobody is looking for."""
    with db.read() as connection:
        return [_row(row) for row in connection.execute(_UNSURE, {"sink": sink, "now": now, "most": limit})]


def next_due(db: Database, sink: str) -> float | None:
    """When the next queued or unsure delivery that is first in line becomes due, or None."""
    with db.read() as connection:
        times = [
            connection.execute(_SOONEST, {"sink": sink, "state": state.value}).scalar()
            for state in (State.QUEUED, State.UNSURE)
        ]
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
    """The latest deliveries of the same kind that this sink is known to have, other than `wanted`."""
    query = _WHOLE.where(
        delivery.c.sink == wanted.sink,
        delivery.c.do == wanted.do.value,
        delivery.c.state == State.SENT.value,
        delivery.c.body.is_not(None),
        delivery.c.id != wanted.id,
    )
    with db.read() as connection:
        return [_row(row) for row in connection.execute(query.order_by(delivery.c.id.desc()).limit(most))]


# ── planning ─────────────────────────────────────────────────────────────────────────────────────────────────────


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
            connection.execute(_RENDERED, rendered)
        return sum(_held(connection, item.row, item.finding, now) for item in planned if item.finding is not None)


_RENDERED = (
    update(delivery)
    .where(
        delivery.c.id == bindparam("row"),
        delivery.c.version == bindparam("of"),
        delivery.c.state == State.QUEUED.value,
        delivery.c.body.is_(None),
    )
    .values(payload=bindparam("said"), finding=None)
)


def _held(connection: Connection, row: Delivery, finding: Finding, now: float) -> int:
    step = Step(row.id, row.ticket_id, State.QUEUED, Move.HELD, finding.code, {"finding": told(finding)})
    return len(move_each(connection, [step], now))


# ── claiming ─────────────────────────────────────────────────────────────────────────────────────────────────────


def claim(db: Database, row: Delivery, body: Mapping[str, Any], who: str, now: float, lease_seconds: float) -> bool:
    """Commit the intent to send `body`. False where another process was first or the row changed."""
    sets = {
        "body": dump(body),
        "remote_id": row.remote_id or None,
        "attempts": row.attempts + 1,
        "lease_until": now + lease_seconds,
        "holder": who,
        "sent_at": now,
        "empty_since": None,  # what was seen before this attempt says nothing about it
    }
    try:
        with db.write() as connection:
            found = connection.execute(_CLAIMABLE, {"row": row.id}).first()
            if found is None or found.version != row.version or _json(found.payload) != row.payload:
                return False
            move(
                connection,
                Step(row.id, row.ticket_id, State.QUEUED, Move.CLAIMED, f"attempt {row.attempts + 1}", sets),
                now,
            )
            advance_generation(connection)
    except (StaleRow, IntegrityError):
        return False
    return True


def advance_generation(connection: Connection) -> None:
    """Something is about to leave: a backup taken before now can no longer speak for the remote."""
    connection.exec_driver_sql(
        "UPDATE meta SET value = CAST(CAST(value AS BIGINT) + 1 AS TEXT) WHERE name = 'generation'"
    )


def hold(db: Database, row: Delivery, who: str, now: float, seconds: float) -> bool:
    """Reserve an unsure delivery for looking, so that two processes do not settle it at once."""
    free = or_(delivery.c.lease_until.is_(None), delivery.c.lease_until < now)
    mine = update(delivery).where(delivery.c.id == row.id, delivery.c.state == State.UNSURE.value, free)
    with db.write() as connection:
        return connection.execute(mine.values(lease_until=now + seconds, holder=who)).rowcount == 1


def keep_unsure(db: Database, row: Delivery, due_at: float, empty_since: datetime | None, finding: Finding) -> None:
    """Nothing is proved yet: look again at `due_at`."""
    since = None if empty_since is None else empty_since.timestamp()
    still = update(delivery).where(delivery.c.id == row.id, delivery.c.state == State.UNSURE.value)
    with db.write() as connection:
        values = {"due_at": due_at, "empty_since": since, "lease_until": None, "holder": None}
        connection.execute(still.values(finding=told(finding), **values))


def postpone(db: Database, row: Delivery, due_at: float, finding: Finding) -> None:
    """A queued delivery could not be prepared, which counts as an attempt; try again at `due_at`."""
    still = update(delivery).where(delivery.c.id == row.id, delivery.c.state == State.QUEUED.value)
    with db.write() as connection:
        tried = {"attempts": row.attempts + 1, "due_at": due_at}
        connection.execute(still.values(finding=told(finding), **tried))


def lose_expired(db: Database, now: float) -> int:
    """A claim that ran out, or whose process is certainly dead, leaves its delivery unsure; returns how many.

    What was written while the clock was far ahead is due now.
    """
    flying = select(delivery.c.id, delivery.c.ticket_id, delivery.c.lease_until, delivery.c.holder)
    lost = 0
    with db.write() as connection:
        rows = connection.execute(flying.where(delivery.c.state == State.SENDING.value)).all()
        for row in rows:
            if not now <= row.lease_until < now + FARTHEST or is_dead(row.holder or ""):
                note = "the process that was sending it ended"
                step = Step(row.id, row.ticket_id, State.SENDING, Move.LOST, note, {"due_at": now})
                move(connection, step, now)
                lost += 1
        _free_dead_looks(connection, now)
        for state in (State.QUEUED, State.UNSURE):
            astray = update(delivery).where(delivery.c.state == state.value, delivery.c.due_at > now + FARTHEST)
            connection.execute(astray.values(due_at=now))
    return lost


def _free_dead_looks(connection: Connection, now: float) -> None:
    held = select(delivery.c.id, delivery.c.holder, delivery.c.lease_until).where(
        delivery.c.state == State.UNSURE.value, delivery.c.lease_until.is_not(None)
    )
    rows = connection.execute(held).all()
    dead = [row.id for row in rows if row.lease_until > now + FARTHEST or is_dead(row.holder or "")]
    if dead:
        mine = update(delivery).where(delivery.c.state == State.UNSURE.value, delivery.c.id.in_(dead))
        connection.execute(mine.values(lease_until=None, holder=None))


# ── settling ─────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Done:
    """A delivery that the remote has. `fields` is what the mapping rendered and is now there; `left` was left alone."""

    receipt: Receipt
    fields: Mapping[str, Any] = field(default_factory=dict, repr=False)
    left: Sequence[str] = ()
    findings: Sequence[Finding] = ()
    note: str = ""


def settle(db: Database, row: Delivery, step: Move, done: Done, now: float, holder: str = "") -> None:
    """Commit that the remote has it: state, link and what was learned, together. Raises StaleRow.

    `holder` is the process whose claim it was, where the receipt answers a claim.
    """
    was = State.SENDING if step is Move.ACCEPTED else State.UNSURE
    receipt = done.receipt
    with db.write() as connection:
        note = done.note or receipt.number or receipt.remote_id
        where: dict[str, Any] = {"remote_id": receipt.remote_id} if row.do is Do.CREATE else {}
        if step is Move.FOUND and row.body is not None:  # what was never sent from here proves later look-ups too
            where |= {"payload": dump(row.payload), "body": dump(row.body)}
        move(connection, Step(row.id, row.ticket_id, was, step, note, where, holder), now)
        if row.do in (Do.CREATE, Do.UPDATE):
            _write_link(connection, row, done, now)
        learned = [{"sink": row.sink, "name": k, "value": v} for k, v in receipt.learned.items()]
        put(connection, memory, learned)


def _write_link(connection: Connection, row: Delivery, done: Done, now: float) -> None:
    receipt, old = done.receipt, row.linked
    keep = old is not None and row.do is Do.UPDATE
    sent = {**(old.sent if keep and old else {}), **done.fields}
    echo = {**(old.echo if keep and old else {}), **receipt.echo}
    notes: dict[str, Any] = {name: {"sent": pair[0], "kept": pair[1]} for name, pair in receipt.unkept.items()}
    notes.update({name: {"left": True} for name in done.left})
    notes.update({finding.where or finding.code: {"note": str(finding)} for finding in done.findings})
    values = {
        "ticket_id": row.ticket_id,
        "sink": row.sink,
        "remote_id": receipt.remote_id or (old.remote_id if old else ""),
        "number": receipt.number or (old.number if old else ""),
        "url": receipt.url or (old.url if old else ""),
        "sent": dump(sent),
        "echo": dump(echo),
        "notes": dump(notes),
        "linked_at": now,
    }
    put(connection, link, [values])


def follow_up(db: Database, row: Delivery, closed: str, now: float) -> int:
    """The record is closed: a new one is made that follows it, and a comment or file goes there. One commit.
    Returns how many deliveries were blocked instead.

    There is one follow-up of each closed record, however many deliveries meet it; where a person dropped it, they
    wait for a person too. Raises StaleRow.
    """
    part = f"follow_up:{closed}"
    new = {"ticket_id": row.ticket_id, "sink": row.sink, "version": row.version, "state": State.QUEUED.value}
    new |= {"attempts": 0, "due_at": now, "created_at": now, "payload": None}
    create = {**new, "do": Do.CREATE.value, "part": part, "what": dump({"follow_up_of": closed})}
    again = {
        **new,
        "do": row.do.value,
        "part": f"{row.part}@{part}",
        "what": None if row.what is None else dump(row.what),
    }
    with db.write() as connection:
        dropped = select(delivery.c.id).where(
            *(delivery.c.ticket_id == row.ticket_id, delivery.c.sink == row.sink),
            *(delivery.c.part == part, delivery.c.state == State.DROPPED.value),
        )
        if connection.execute(dropped).first() is not None:
            what, remedy = f"{closed} is closed, and its follow-up was dropped", f"connector drop {row.name}"
            return _held(connection, row, Finding("closed", row.name, what, remedy), now)
        note = f"{closed} is closed; a follow-up takes its place"
        move(connection, Step(row.id, row.ticket_id, State.QUEUED, Move.ENDED, note), now)
        add_missing(connection, delivery, [create])
        if row.do is not Do.UPDATE:
            add_missing(connection, delivery, [again])
    return 0


def settle_otherwise(db: Database, row: Delivery, step: Step, now: float) -> None:
    """Commit any other outcome. Raises StaleRow."""
    with db.write() as connection:
        move(connection, step, now)


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
        said = [{"sink": sink, "state": state.value} for state in UNFINISHED]
        return {asked["state"]: connection.execute(_STANDING, asked).scalar_one() for asked in said}
