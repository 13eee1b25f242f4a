"""Outages as the ledger has them: what was looked at, who belongs to which, the parent's delivery, and the links."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, and_, exists, func, insert, literal, or_, select, update

from connector.delivery import State
from connector.ledger.database import Database
from connector.ledger.happenings import Happening, happened
from connector.ledger.rows import add, add_missing, dump, new_ids, put, slices
from connector.ledger.schema import cursor, delivery, event, link, member, meta, problem, ticket, trait
from connector.ledger.traits import KEEP
from connector.plugins import PROBLEM, Do
from connector.problems.likeness import Profile
from connector.ticket import Ticket, fingerprint

# A commit may show its tickets later than another that began after it, but not so many, nor so much later.
OVERLAP, LATE = 500, 600.0

Raised = Callable[[Ticket, Mapping[str, Any]], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Belongs:
    """A ticket that belongs to an outage, and what speaks for it."""

    ticket_id: int
    why: str


def source_of(sink: str) -> str:
    """The name under which it is kept how far a sink's tickets were looked at."""
    return f"problems:{sink}"


def unknown(connection: Connection, sink: str, now: float, limit: int) -> list[Row[Any]]:
    """Tickets of a sink whose traits are not kept yet, in the order of their ids."""
    mark = _mark(connection, sink)
    there = exists().where(trait.c.ticket_id == ticket.c.id)
    late = and_(ticket.c.id > mark - OVERLAP, ticket.c.created_at >= now - LATE, ~there)
    query = _TICKETS.where(
        *(ticket.c.id > mark - OVERLAP, ticket.c.sink == sink, ticket.c.source != PROBLEM),
        or_(and_(ticket.c.id > mark, ticket.c.created_at >= now - KEEP), late),
    )
    return list(connection.execute(query.order_by(ticket.c.id).limit(limit)))


def unplaced(connection: Connection, word: str, limit: int) -> list[int]:
    """Tickets that bear this word, which says that they were not looked at yet, in the order in which they were
    reported."""
    query = select(trait.c.ticket_id).where(trait.c.word == word).order_by(trait.c.at, trait.c.ticket_id)
    return list(connection.execute(query.limit(limit)).scalars())


_TICKETS = select(ticket.c.id, ticket.c.source, ticket.c.external_id, ticket.c.body, ticket.c.created_at)


def now_known(connection: Connection, sink: str, last: int) -> None:
    """The traits of everything up to this ticket are kept."""
    mark = max(last, _mark(connection, sink))
    put(connection, cursor, [{"source": source_of(sink), "entry": "ticket", "value": str(mark)}])


def _mark(connection: Connection, sink: str) -> int:
    query = select(cursor.c.value).where(cursor.c.source == source_of(sink), cursor.c.entry == "ticket")
    return int(connection.execute(query).scalar() or 0)


# ── clusters ─────────────────────────────────────────────────────────────────────────────────────────────────────


def mint(
    connection: Connection, sink: str, title: str, profile: Profile, at: tuple[float, float], first: Ticket
) -> dict[str, Any]:
    """A new outage, suggested; `at` are the times of its first and its latest report. Its key follows from the first
    report: a ledger that was restored and finds the outage again gives it the same."""
    row: dict[str, Any] = {
        "id": new_ids(connection, problem, 1)[0],
        "key": _key(connection, sink, first),
        "sink": sink,
        "state": "suggested",
        "ticket_id": None,
        "title": title,
        "binds": dump(profile.document()),
        "first_at": at[0],
        "last_at": at[1],
        "opened_at": None,
        "ended_at": None,
        "ending": None,
        "merged_into": None,
    }
    connection.execute(insert(problem), [row])
    return row


def _key(connection: Connection, sink: str, first: Ticket) -> str:
    """One that no other outage has: a report may begin a second one after it left the first."""
    for times in itertools.count():
        said = dump([sink, first.source, first.external_id, times]).encode("utf-8", "surrogatepass")
        key = hashlib.blake2b(said, digest_size=5).hexdigest()
        if connection.execute(select(problem.c.id).where(problem.c.key == key)).first() is None:
            return key
    raise AssertionError("itertools.count() ends nowhere")


def join(connection: Connection, row: Mapping[str, Any], each: Sequence[Belongs], now: float) -> None:
    """These tickets belong to it; those that belong to another, or left it, stay where they are. Where it is open,
    they are told."""
    rows = [
        {"ticket_id": one.ticket_id, "problem_id": row["id"], "why": one.why, "joined_at": now, "left_at": None}
        for one in each
    ]
    add_missing(connection, member, rows)
    note = f"belongs to problem {row['key']}"
    add(connection, event, [event_row(one.ticket_id, f"{note}: {one.why}", now) for one in each])
    if row["state"] == "open":
        _tell_joined(connection, row, [one.ticket_id for one in each], now)


def keep(connection: Connection, row: Mapping[str, Any], profile: Profile) -> None:
    """What its tickets have in common by now, and when the first and the latest were reported."""
    values = {"binds": dump(profile.document()), "first_at": row["first_at"], "last_at": row["last_at"]}
    connection.execute(update(problem).where(problem.c.id == row["id"]).values(**values))


def members(connection: Connection, problem_id: int) -> list[Row[Any]]:
    """Who belongs to it, in the order of their ids, with their tickets."""
    query = select(member, ticket.c.body, ticket.c.source, ticket.c.external_id, ticket.c.grp, ticket.c.version).join(
        ticket, ticket.c.id == member.c.ticket_id
    )
    belongs = (member.c.problem_id == problem_id, member.c.left_at.is_(None))
    return list(connection.execute(query.where(*belongs).order_by(member.c.ticket_id)))


def tickets(connection: Connection, ticket_ids: Sequence[int]) -> dict[int, Ticket]:
    """These tickets, as far as they are there."""
    found: dict[int, Ticket] = {}
    for part in slices(ticket_ids):
        rows = connection.execute(select(ticket.c.id, ticket.c.body).where(ticket.c.id.in_(part)))
        found.update((row.id, Ticket.model_validate_json(row.body)) for row in rows)
    return found


def sinks(connection: Connection, ticket_ids: Sequence[int]) -> set[str]:
    """Where these tickets go."""
    return set(connection.execute(select(ticket.c.sink).where(ticket.c.id.in_(ticket_ids))).scalars())


def named(connection: Connection, sink: str, numbers: Sequence[str], ticket_id: int) -> dict[int, int]:
    """Tickets with these numbers that belong to a problem, or are its parent; and to which."""
    if not numbers:
        return {}
    there = (link.c.sink == sink, link.c.number.in_(numbers), link.c.ticket_id != ticket_id)
    query = (
        select(link.c.ticket_id, func.coalesce(member.c.problem_id, problem.c.id).label("problem_id"))
        .outerjoin(member, and_(member.c.ticket_id == link.c.ticket_id, member.c.left_at.is_(None)))
        .outerjoin(problem, problem.c.ticket_id == link.c.ticket_id)
    )
    rows = connection.execute(query.where(*there))
    return {row.ticket_id: row.problem_id for row in rows if row.problem_id is not None}


def first_known(connection: Connection, sink: str, ticket_ids: Sequence[int]) -> str:
    """The remote id of the first of these tickets that the sink has; "" where it has none yet."""
    found: dict[int, str] = {}
    for part in slices(ticket_ids):
        query = select(link.c.ticket_id, link.c.remote_id).where(link.c.sink == sink, link.c.ticket_id.in_(part))
        found.update((row[0], row[1]) for row in connection.execute(query))
    return next((found[each] for each in ticket_ids if each in found), "")


# ── opening ──────────────────────────────────────────────────────────────────────────────────────────────────────


def open_problem(connection: Connection, row: dict[str, Any], own: Ticket, group: str, first: str, now: float) -> None:
    """It is an outage: its parent is a ticket with a delivery like any other, and everybody in it is told. `first` is
    the remote id of who reported it first."""
    ident = new_ids(connection, ticket, 1)[0]
    values = {
        "id": ident,
        "source": PROBLEM,
        "external_id": own.external_id,
        "version": 1,
        "fingerprint": fingerprint(own),
        "body": own.model_dump_json(exclude_defaults=True),
        "sink": row["sink"],
        "grp": group,
        "created_at": now,
        "updated_at": now,
    }
    connection.execute(insert(ticket), [values])
    what = {"first": first}
    create = delivery_row(ident, row["sink"], Do.CREATE, "ticket", now, what=what)
    if row["last_at"] <= restored_until(connection):  # a lost ledger may have made it
        create["state"] = State.UNSURE.value
    connection.execute(insert(delivery), [create])
    row.update(state="open", ticket_id=ident, opened_at=now)
    changed = {"state": "open", "ticket_id": ident, "opened_at": now}
    connection.execute(update(problem).where(problem.c.id == row["id"]).values(**changed))
    connection.execute(insert(event), [event_row(ident, f"problem {row['key']} was opened", now)])
    detail = {"problem": row["key"]}
    at = _told_at(connection, row, now)
    happened(connection, [Happening(ident, "problem_opened", at, row["key"], row["id"], detail)])
    _tell_joined(connection, row, [one.ticket_id for one in members(connection, row["id"])], now)


def _tell_joined(connection: Connection, row: Mapping[str, Any], ticket_ids: Sequence[int], now: float) -> None:
    detail, at = {"problem": row["key"]}, _told_at(connection, row, now)
    happened(connection, [Happening(each, "joined", at, row["key"], row["id"], detail) for each in ticket_ids])


def _told_at(connection: Connection, row: Mapping[str, Any], now: float) -> float:
    """When it became known: what a lost ledger may have known was told by it."""
    return min(row["last_at"], now) if row["last_at"] <= restored_until(connection) else now


def restored_until(connection: Connection) -> float:
    """What was done up to then may have been done by a ledger that was lost."""
    return float(connection.execute(select(meta.c.value).where(meta.c.name == "restored_until")).scalar() or 0.0)


# ── links ────────────────────────────────────────────────────────────────────────────────────────────────────────


def link_members(db: Database, sink: str, raised: Raised | None, now: float, limit: int = 200) -> int:
    """Members that hang on their parent nowhere yet, and both records are there: they will. One commit; returns how
    many. `raised` says which fields of an incident the outage makes more urgent."""
    with db.write() as connection:
        rows = connection.execute(_unlinked(sink).limit(limit)).all()
        made = [_linking(row, sink, now) for row in rows]
        if raised is not None:
            made += [_raising(row, sink, fields, now) for row in rows if (fields := _more_urgent(row, raised))]
        add_missing(connection, delivery, made)
    return len(rows)


def _unlinked(sink: str) -> Any:
    """Members of open problems without a delivery of a link to them, where parent and child are both there."""
    there, own, parent = link.alias("there"), link.alias("own"), ticket.alias("parent")
    # Expressions, so that no planner begins with all that is linked at the sink: there are few problems.
    here, its = there.c.sink.concat(""), own.c.sink.concat("")
    queued = exists().where(
        *(delivery.c.ticket_id == member.c.ticket_id, delivery.c.sink == sink),
        delivery.c.part == literal("link:").concat(problem.c.key),
    )
    return (
        select(
            *(member.c.ticket_id, problem.c.key, there.c.remote_id, own.c.sent),
            *(ticket.c.version, parent.c.body.label("parent_body")),
        )
        .select_from(problem)
        .join(there, and_(there.c.ticket_id == problem.c.ticket_id, here == problem.c.sink))
        .join(parent, parent.c.id == problem.c.ticket_id)
        .join(member, and_(member.c.problem_id == problem.c.id, member.c.left_at.is_(None)))
        .join(own, and_(own.c.ticket_id == member.c.ticket_id, its == problem.c.sink))
        .join(ticket, ticket.c.id == member.c.ticket_id)
        .where(problem.c.sink == sink, problem.c.state == "open", problem.c.merged_into.is_(None), ~queued)
        .order_by(problem.c.id, member.c.ticket_id)
    )


def _linking(row: Row[Any], sink: str, now: float) -> dict[str, Any]:
    said = {"problem": row.remote_id}
    return delivery_row(row.ticket_id, sink, Do.LINK, f"link:{row.key}", now, said, said, row.version)


def _raising(row: Row[Any], sink: str, fields: Mapping[str, Any], now: float) -> dict[str, Any]:
    return delivery_row(row.ticket_id, sink, Do.UPDATE, f"raise:{row.key}", now, None, fields, row.version)


def _more_urgent(row: Row[Any], raised: Raised) -> Mapping[str, Any]:
    return raised(Ticket.model_validate_json(row.parent_body), json.loads(row.sent))


def parents_of(db: Database, ticket_ids: Sequence[int]) -> dict[int, Ticket]:
    """Of these tickets, those that belong to an open problem, and its parent."""
    parent = ticket.alias("parent")
    query = (
        select(member.c.ticket_id, parent.c.body)
        .join(problem, problem.c.id == member.c.problem_id)
        .join(parent, parent.c.id == problem.c.ticket_id)
        .where(member.c.left_at.is_(None), problem.c.state == "open")
    )
    found: dict[int, Ticket] = {}
    with db.read() as connection:
        for part in slices(ticket_ids):
            rows = connection.execute(query.where(member.c.ticket_id.in_(part)))
            found.update((row.ticket_id, Ticket.model_validate_json(row.body)) for row in rows)
    return found


def is_ours(db: Database, sink: str, remote_id: str) -> bool:
    """Is this record the parent of an outage that we made?"""
    query = select(link.c.ticket_id).join(ticket, ticket.c.id == link.c.ticket_id)
    with db.read() as connection:
        mine = query.where(link.c.sink == sink, link.c.remote_id == remote_id, ticket.c.source == PROBLEM)
        return connection.execute(mine.limit(1)).first() is not None


# ── rows ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def delivery_row(
    ticket_id: int,
    sink: str,
    do: Do,
    part: str,
    now: float,
    what: Mapping[str, Any] | None = None,
    payload: Mapping[str, Any] | None = None,
    version: int = 1,
) -> dict[str, Any]:
    """A delivery that waits to be sent."""
    return {
        "ticket_id": ticket_id,
        "sink": sink,
        "do": do.value,
        "part": part,
        "version": version,
        "what": None if what is None else dump(what),
        "payload": None if payload is None else dump(payload),
        "state": State.QUEUED.value,
        "attempts": 0,
        "due_at": now,
        "created_at": now,
    }


def event_row(ticket_id: int, note: str, now: float) -> dict[str, Any]:
    """A line of a ticket's story."""
    return {"ticket_id": ticket_id, "delivery_id": None, "at": now, "was": "", "now": "", "note": note}
