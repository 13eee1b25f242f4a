"""What people are told: what happened since, who was told of what, and the messages that follow, each written once."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import Connection, Select, and_, func, or_, select

from connector.answering import Occasion, person_of
from connector.delivery import State
from connector.ledger.database import Database
from connector.ledger.leases import Lease, renew
from connector.ledger.records import move_cursor
from connector.ledger.rows import add_missing, dump, slices
from connector.ledger.schema import cursor, delivery, happening, heard, link, member, meta, problem, thread, ticket
from connector.plugins import Do
from connector.ticket import Ticket

# No source can have this name: how far what happened has been told is kept beside how far sources were read.
_READER, _ENTRY = ":answers", "happening"
_SURVEY = "survey_secret"

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Told:
    """The ticket that something happened to, and the outage it is about."""

    occasion: Occasion
    source: str
    external_id: str
    version: int
    body: str = field(repr=False)
    sink: str = ""
    outage: str = ""
    outage_state: str = ""
    outage_number: str = ""
    outage_url: str = ""


@dataclass(frozen=True, slots=True)
class Batch:
    """What happened, in order; `parts` are the messages that members of each outage have been told, `past` what
    happened to those tickets of the batch that belong to one, `told` their own messages. `reporters` are those who
    reported an outage, and can be asked for while the batch is decided."""

    each: Sequence[Told]
    parts: Mapping[int, frozenset[str]]
    past: Mapping[int, Sequence[Occasion]]
    told: Mapping[int, frozenset[str]]
    reporters: Callable[[int | None], frozenset[str]] = lambda problem_id: frozenset()


@dataclass(frozen=True, slots=True)
class Queued:
    """A message to one person. `refs` are the names under which answers to it will be known, each with its source."""

    ticket_id: int
    version: int
    sink: str
    part: str
    what: Mapping[str, Any] = field(repr=False)
    refs: Sequence[tuple[str, str]] = ()
    unsure: bool = False


# ── how far ──────────────────────────────────────────────────────────────────────────────────────────────────────


def begin(db: Database) -> None:
    """From the first time on that anybody is to be told: what happened before is no occasion."""
    if _read(db, _cursor) is not None:
        return
    with db.write() as connection:
        newest = connection.execute(select(func.coalesce(func.max(happening.c.id), 0))).scalar_one()
        add_missing(connection, cursor, [{"source": _READER, "entry": _ENTRY, "value": str(newest)}])


def waits(db: Database) -> bool:
    """Did anything happen since?"""
    return _read(db, lambda connection: connection.execute(_since(connection, 1)).first()) is not None


def peek(db: Database, limit: int, decide: Callable[[Batch], Sequence[Queued]]) -> tuple[Batch, Sequence[Queued]]:
    """What happened since, and the messages that follow; writes nothing."""
    with db.read() as connection:
        batch = _batch(connection, limit)
        return batch, decide(batch)


def take(
    db: Database, held: Lease, limit: int, now: float, decide: Callable[[Batch], Sequence[Queued]]
) -> tuple[int, int]:
    """Let `decide` see what happened since, and commit the messages together with how far that is; returns how many
    things that were, and how many messages. Raises Busy when the lease is lost."""
    with db.write() as connection:
        renew(connection, held, now)
        if not db.is_sqlite:
            # Ids are given out before commits: whoever has one below ours must be seen first.
            connection.exec_driver_sql("LOCK TABLE happening IN SHARE MODE")
        batch = _batch(connection, limit)
        if not batch.each:
            return 0, 0
        queued = decide(batch)
        queue(connection, queued, now)
        move_cursor(connection, _READER, {_ENTRY: str(batch.each[-1].occasion.id)})
    return len(batch.each), len(queued)


def queue(connection: Connection, each: Sequence[Queued], now: float) -> None:
    """Write messages that are not there yet, in the caller's transaction."""
    add_missing(connection, delivery, [_row(one, now) for one in each])
    refs = [{"source": source, "ref": ref, "ticket_id": one.ticket_id} for one in each for source, ref in one.refs]
    add_missing(connection, thread, refs)


def _row(one: Queued, now: float) -> dict[str, Any]:
    return {
        "ticket_id": one.ticket_id,
        "sink": one.sink,
        "do": Do.NOTIFY.value,
        "part": one.part,
        "version": one.version,
        "what": dump(dict(one.what)),
        "state": (State.UNSURE if one.unsure else State.QUEUED).value,
        "attempts": 0,
        "due_at": now,
        "created_at": now,
    }


# ── what is known ────────────────────────────────────────────────────────────────────────────────────────────────


def _cursor(connection: Connection) -> int | None:
    mine = select(cursor.c.value).where(cursor.c.source == _READER, cursor.c.entry == _ENTRY)
    value = connection.execute(mine).scalar()
    return None if value is None else int(value)


def _since(connection: Connection, limit: int) -> Select[Any]:
    outage = (problem.c.title, problem.c.state.label("outage_state"))
    parent = (link.c.number.label("outage_number"), link.c.url.label("outage_url"))
    own = (ticket.c.source, ticket.c.external_id, ticket.c.version, ticket.c.body, ticket.c.sink)
    return (
        select(happening, *own, *outage, *parent)
        .join(ticket, ticket.c.id == happening.c.ticket_id)
        .outerjoin(problem, problem.c.id == happening.c.problem_id)
        .outerjoin(link, and_(link.c.ticket_id == problem.c.ticket_id, link.c.sink == problem.c.sink))
        .where(happening.c.id > (_cursor(connection) or 0))
        .order_by(happening.c.id)
        .limit(limit)
    )


def _batch(connection: Connection, limit: int) -> Batch:
    rows = connection.execute(_since(connection, limit)).all()
    each = [
        Told(
            _news(row), row.source, row.external_id, row.version, row.body, row.sink, row.title or "",
            row.outage_state or "", row.outage_number or "", row.outage_url or "",
        )
        for row in rows
    ]  # fmt: skip
    problems = {told.occasion.problem_id for told in each if told.occasion.problem_id is not None}
    affected = [told.occasion.ticket_id for told in each if told.occasion.problem_id is not None]
    parts = {each_id: _parts_of_members(connection, each_id) for each_id in problems}
    reporters = cache(lambda problem_id: _reporters(connection, problem_id))
    return Batch(each, parts, _past(connection, affected), _told(connection, affected), reporters)


def _news(row: Any) -> Occasion:
    ref = row.key.split(":", 2)[2] if row.key.count(":") > 1 else ""
    return Occasion(row.id, row.ticket_id, row.what, ref, row.at, row.problem_id, json.loads(row.detail))


def _parts_of_members(connection: Connection, problem_id: int) -> frozenset[str]:
    """Of what those were told whom the outage affects, its former members and those of outages merged into it too;
    and of what was told about the outage itself, which has a ticket of its own."""
    merged = select(problem.c.id).where(problem.c.merged_into == problem_id)
    of_it = or_(member.c.problem_id == problem_id, member.c.problem_id.in_(merged))
    its = or_(problem.c.id == problem_id, problem.c.merged_into == problem_id)
    tickets = select(member.c.ticket_id).where(of_it).union_all(select(problem.c.ticket_id).where(its))
    rows = select(delivery.c.part).where(delivery.c.ticket_id.in_(tickets), delivery.c.do == Do.NOTIFY.value)
    return frozenset(connection.execute(rows).scalars())


def _reporters(connection: Connection, problem_id: int | None) -> frozenset[str]:
    """Those who reported the outage."""
    bodies = select(ticket.c.body).join(member, member.c.ticket_id == ticket.c.id)
    mine = connection.execute(bodies.where(member.c.problem_id == problem_id)).scalars()
    return frozenset(person_of(Ticket.model_validate_json(body)) for body in mine)


def _past(connection: Connection, tickets: Collection[int]) -> dict[int, list[Occasion]]:
    found: dict[int, list[Occasion]] = {}
    for part in slices(list(tickets)):
        rows = select(happening).where(happening.c.ticket_id.in_(part)).order_by(happening.c.id)
        for row in connection.execute(rows):
            found.setdefault(row.ticket_id, []).append(_news(row))
    return found


def _told(connection: Connection, tickets: Collection[int]) -> dict[int, frozenset[str]]:
    found: dict[int, set[str]] = {}
    for part in slices(list(tickets)):
        rows = select(delivery.c.ticket_id, delivery.c.part)
        mine = rows.where(delivery.c.ticket_id.in_(part), delivery.c.do == Do.NOTIFY.value)
        for row in connection.execute(mine):
            found.setdefault(row.ticket_id, set()).add(row.part)
    return {ticket_id: frozenset(parts) for ticket_id, parts in found.items()}


def words(db: Database, sink: str, ref: str) -> str:
    """What was said at the help desk under this name, or an empty text."""
    mine = select(heard.c.text).where(heard.c.sink == sink, heard.c.ref == ref)
    return _read(db, lambda connection: connection.execute(mine).scalar()) or ""


def restored_until(db: Database) -> float:
    """What happened up to then may have been told by a lost ledger."""
    mine = select(meta.c.value).where(meta.c.name == "restored_until")
    return float(_read(db, lambda connection: connection.execute(mine).scalar()) or 0.0)


def survey_secret(db: Database) -> bytes:
    """What tokens of the survey are made with, the same for ever; made at the first time."""
    mine = select(meta.c.value).where(meta.c.name == _SURVEY)
    known = _read(db, lambda connection: connection.execute(mine).scalar())
    if known is None:
        with db.write() as connection:
            add_missing(connection, meta, [{"name": _SURVEY, "value": secrets.token_hex(32)}])
            known = connection.execute(mine).scalar_one()
    return bytes.fromhex(known)


def _read(db: Database, ask: Callable[[Connection], Answer]) -> Answer:
    with db.read() as connection:
        return ask(connection)
