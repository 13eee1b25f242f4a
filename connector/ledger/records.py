"""Taking records in: tickets, deliveries, blobs and cursor in one commit."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select

from connector.ledger.database import Database
from connector.ledger.inbox import take_out
from connector.ledger.known import tickets_of
from connector.ledger.leases import Lease, renew
from connector.ledger.rows import put, slices
from connector.ledger.schema import blob, cursor, pending, reading, record
from connector.ledger.taken import Counts, Taken
from connector.ledger.taking import Taking
from connector.ledger.waiting import waiting_reply
from connector.plugins import Record


def cursor_of(db: Database, source: str) -> dict[str, str]:
    """Every cursor entry of a source."""
    with db.read() as connection:
        rows = connection.execute(select(cursor.c.entry, cursor.c.value).where(cursor.c.source == source))
        return {row[0]: row[1] for row in rows}


_READ_AT = select(record.c.place, record.c.digest).where(
    record.c.source == bindparam("of"), record.c.place.in_(bindparam("places", expanding=True))
)


def unchanged(db: Database, source: str, records: Sequence[Record]) -> set[str]:
    """The places whose record is byte for byte what was read there last."""
    same: set[str] = set()
    with db.read() as connection:
        for part in slices(records):
            digests = {item.place: item.digest for item in part}
            known = connection.execute(_READ_AT, {"of": source, "places": list(digests)})
            same.update(row.place for row in known if digests[row.place] == row.digest)
    return same


def rejected(db: Database, source: str, place: str) -> Record | None:
    """The record that was rejected at this place, as it was handed over, or None."""
    at_place = (record.c.source == source, record.c.place == place, record.c.outcome == "rejected")
    query = (
        select(record.c.facts, record.c.at, blob.c.content).join(blob, blob.c.sha256 == record.c.raw).where(*at_place)
    )
    with db.read() as connection:
        row = connection.execute(query).first()
    return None if row is None else Record(place, bytes(row.content), row.at, json.loads(row.facts or "{}"))


def versions(db: Database, source: str, external_ids: Sequence[str]) -> dict[str, str]:
    """The latest fingerprint of each ticket that is known."""
    with db.read() as connection:
        return {row.external_id: row.fingerprint for row in tickets_of(connection, source, external_ids)}


def take(
    db: Database,
    held: Lease,
    source: str,
    page: Sequence[Taken],
    moved: Mapping[str, str | None],
    *,
    now: float,
    complete: bool,
    patience: float,
    takes_files: frozenset[str],
    posts: Mapping[int, Sequence[str]] = MappingProxyType({}),
) -> Counts:
    """Commit a page: all of it or nothing.

    `moved` is how the cursor changes, `patience` how many seconds a reply waits for its original, `takes_files` the
    sinks that receive files, `posts` what leaves the inbox with it (see `inbox.take_out`). Raises Busy when the lease
    is lost.
    """
    with db.write() as connection:
        renew(connection, held, now)
        taking = Taking(connection, source, now, patience, takes_files)
        counts = taking.take(page)
        take_out(connection, posts)
        move_cursor(connection, source, moved)
        note_reading(connection, source, now, complete)
    return counts


def promote(db: Database, held: Lease, source: str, *, now: float, takes_files: frozenset[str]) -> int:
    """Replies that waited long enough for their original become tickets of their own; returns how many."""
    with db.write() as connection:
        renew(connection, held, now)
        due = connection.execute(
            select(pending)
            .where(pending.c.source == source, pending.c.due_at <= now)
            .order_by(pending.c.due_at, pending.c.id)
        ).all()
        Taking(connection, source, now, 0.0, takes_files).take([waiting_reply(row)[0] for row in due])
        for row in due:
            connection.execute(delete(pending).where(pending.c.id == row.id))
    return len(due)


def note_failure(db: Database, source: str, now: float, error: str) -> None:
    """The source could not be read."""
    with db.write() as connection:
        row = {"source": source, "read_at": now, "error": error}
        put(connection, reading, [row])


def move_cursor(connection: Connection, source: str, moved: Mapping[str, str | None]) -> None:
    """Change the cursor in the caller's transaction; an entry that moves to None ends."""
    put(connection, cursor, [{"source": source, "entry": k, "value": v} for k, v in moved.items() if v is not None])
    gone = [{"gone": entry} for entry, value in moved.items() if value is None]
    if gone:
        connection.execute(delete(cursor).where(cursor.c.source == source, cursor.c.entry == bindparam("gone")), gone)


def note_reading(connection: Connection, source: str, now: float, complete: bool) -> None:
    """The source could be read, to its end where `complete`; in the caller's transaction."""
    row: dict[str, Any] = {"source": source, "read_at": now, "error": ""}
    put(connection, reading, [{**row, "end_at": now} if complete else row])
