"""Tickets whose promised times lie near, found by an index, and what is done about them: each once."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Select, and_, func, select

from connector.closure import OVER
from connector.delivery import State
from connector.ledger.database import Database
from connector.ledger.records import move_cursor
from connector.ledger.rows import add_missing, dump, slices
from connector.ledger.schema import cursor, delivery, link, measure, remote, ticket
from connector.ledger.telling import restored_until
from connector.plugins import Do

_READER = ":escalations"
# How the names of deliveries begin that follow from an escalation, and how that of the change of the record ends.
PART, RAISE = "escalation", "raise"
# Ids of PostgreSQL are given out before commits: so many are looked at once more.
_OVERLAP = 200


@dataclass(frozen=True, slots=True)
class Open:
    """A ticket that is not over, as far as is known."""

    id: int
    source: str
    external_id: str
    version: int
    body: str = field(repr=False)
    reported_at: float = 0.0
    answered: bool = False
    resolved: bool = False
    number: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Raised:
    """One thing to do about a ticket from `at` on. Without a sink it is done where the ticket's record is."""

    ticket_id: int
    version: int
    do: Do
    part: str
    what: dict[str, Any] = field(repr=False)
    at: float
    sink: str = ""


def near(
    db: Database, sink: str, windows: Sequence[tuple[float, float]], now: float
) -> tuple[list[int], dict[str, str]]:
    """Tickets of a sink that were reported within one of the windows, or are new or changed since the last look; and
    how the cursor changes once they are seen to. `windows` are told from the last look on, which is added to them."""
    with db.read() as connection:
        seen = _cursor(connection, sink)
        newest = connection.execute(select(func.coalesce(func.max(delivery.c.id), 0))).scalar_one()
        after = {"at": repr(now), "delivery": str(newest)}
        if not seen:
            return [], after
        found = set(connection.execute(_changed(sink, int(seen["delivery"]) - _OVERLAP)).scalars())
        since = min(float(seen["at"]), now)
        for start, end in windows:
            found |= set(connection.execute(_reported(sink, start + since, end + now)).scalars())
    return sorted(found), after


def standing(db: Database, sink: str, ids: Iterable[int]) -> list[Open]:
    """These tickets as they stand; those that are over are left out."""
    found = []
    with db.read() as connection:
        for part in slices(list(ids)):
            found += [_open(row) for row in connection.execute(_tickets(sink).where(ticket.c.id.in_(part)))]
    return [each for each in found if not each.resolved]


def commit(db: Database, sink: str, raised: Sequence[Raised], after: dict[str, str], now: float) -> int:
    """Queue what is not there yet, and say that everything up to now is seen to; returns how many are new."""
    restored = restored_until(db) if raised else 0.0
    rows = [_row(each, sink, now, each.at <= restored) for each in raised]
    with db.write() as connection:
        before = _count(connection, rows)
        add_missing(connection, delivery, rows)
        move_cursor(connection, f"{_READER}:{sink}", dict(after))
        return _count(connection, rows) - before


def raised(db: Database, ticket_ids: Sequence[int]) -> dict[int, list[dict[str, str]]]:
    """Of these tickets, those that were escalated to another urgency or group, or will be: to which, in order."""
    query = select(delivery.c.id, delivery.c.ticket_id, delivery.c.what).where(
        *(delivery.c.do == Do.UPDATE.value, delivery.c.state != State.DROPPED.value),
        *(delivery.c.part.startswith(f"{PART}:"), delivery.c.part.endswith(f":{RAISE}")),
    )
    found: dict[int, list[dict[str, str]]] = {}
    with db.read() as connection:
        for part in slices(ticket_ids):
            for row in sorted(connection.execute(query.where(delivery.c.ticket_id.in_(part)))):
                found.setdefault(row.ticket_id, []).append(json.loads(row.what)["escalate"])
    return found


def _count(connection: Connection, rows: Sequence[dict[str, Any]]) -> int:
    mine = {(row["ticket_id"], row["sink"], row["part"]) for row in rows}
    there = select(delivery.c.ticket_id, delivery.c.sink, delivery.c.part)
    found = 0
    for part in slices(sorted({row["ticket_id"] for row in rows})):
        rows_there = connection.execute(there.where(delivery.c.ticket_id.in_(part)))
        found += sum((row[0], row[1], row[2]) in mine for row in rows_there)
    return found


def _cursor(connection: Connection, sink: str) -> dict[str, str]:
    mine = select(cursor.c.entry, cursor.c.value).where(cursor.c.source == f"{_READER}:{sink}")
    return {row.entry: row.value for row in connection.execute(mine)}


def _changed(sink: str, after: int) -> Select[Any]:
    kinds = [Do.CREATE.value, Do.UPDATE.value]
    return select(delivery.c.ticket_id).where(
        delivery.c.id > after,
        delivery.c.sink == sink,
        delivery.c.do.in_(kinds),
        ~delivery.c.part.startswith(f"{PART}:"),
    )


def _reported(sink: str, start: float, end: float) -> Select[Any]:
    within = and_(measure.c.reported_at > start, measure.c.reported_at <= end)
    return (
        select(measure.c.ticket_id)
        .join(ticket, ticket.c.id == measure.c.ticket_id)
        .where(within, ticket.c.sink == sink)
    )


def _tickets(sink: str) -> Select[Any]:
    own = (ticket.c.id, ticket.c.source, ticket.c.external_id, ticket.c.version, ticket.c.body, measure.c.reported_at)
    there = (remote.c.status, remote.c.answered_at, remote.c.resolved_at, link.c.number, link.c.url)
    return (
        select(*own, *there)
        .join(measure, measure.c.ticket_id == ticket.c.id)
        .outerjoin(remote, and_(remote.c.ticket_id == ticket.c.id, remote.c.sink == sink))
        .outerjoin(link, and_(link.c.ticket_id == ticket.c.id, link.c.sink == sink))
    )


_ENDED = frozenset(status.value for status in OVER)


def _open(row: Any) -> Open:
    over = row.resolved_at is not None or row.status in _ENDED
    return Open(
        *(row.id, row.source, row.external_id, row.version, row.body, row.reported_at),
        answered=row.answered_at is not None,
        resolved=over,
        number=row.number or "",
        url=row.url or "",
    )


def _row(each: Raised, sink: str, now: float, lost: bool) -> dict[str, Any]:
    """What a `lost` ledger may have said is looked for before it is said; what it changed can be changed again."""
    unsure = lost and each.do is not Do.UPDATE
    return {
        "ticket_id": each.ticket_id,
        "sink": each.sink or sink,
        "do": each.do.value,
        "part": each.part,
        "version": each.version,
        "what": dump(each.what),
        "state": (State.UNSURE if unsure else State.QUEUED).value,
        "attempts": 0,
        "due_at": now,
        "created_at": now,
    }
