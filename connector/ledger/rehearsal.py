"""A ledger in memory in which records are taken in to see what would come of it; the real one is only read.

It knows of the real one what the records touch: their tickets, what stands to be sent for these, and their talks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Table, delete, func, select

from connector.delivery import State
from connector.ledger.database import Database
from connector.ledger.known import shortened, tickets_of
from connector.ledger.rows import add_missing, slices, unique
from connector.ledger.schema import (
    blob,
    delivery,
    event,
    link,
    meta,
    pending,
    pending_ref,
    reading,
    record,
    thread,
    ticket,
)
from connector.ledger.taken import Taken, refs_of, ticket_of
from connector.plugins import Do

_FORGOTTEN = (record, blob, event)


class Rehearsal:
    """A ledger that is thrown away: `db` is used like any other. Close it at the end."""

    def __init__(self, real: Database, now: float) -> None:
        self.db = Database.in_memory()
        self._real = real
        self._now = now
        self._tickets: set[int] = set()
        self._replies: set[int] = set()
        self._copied: list[tuple[str, str, float]] = []  # what was queued of it: the sink, what to do, and from when on
        with real.read() as there, self.db.write() as here:
            self._begin_after(there, here)

    def learn(self, source: str, page: Sequence[Taken]) -> None:
        """Know what the real ledger knows of these records, before they are taken in."""
        own = [found for taken in page if (found := ticket_of(taken.reading))]
        refs = unique(shortened(ref) for taken in page for ref in refs_of(taken.reading))
        places = unique(taken.record.place for taken in page)
        with self._real.read() as there, self.db.write() as here:
            ids = {row.id for row in tickets_of(there, source, unique(each.external_id for each in own))}
            talks = list(_found(there, thread, thread.c.ref, refs, thread.c.source == source))
            self._copy_tickets(there, here, ids | {row["ticket_id"] for row in talks})
            add_missing(here, thread, talks)
            named = _found(there, pending_ref, pending_ref.c.ref, refs, pending_ref.c.source == source)
            at = _found(there, pending, pending.c.place, places, pending.c.source == source)
            self._copy_replies(there, here, {row["pending_id"] for row in named} | {row["id"] for row in at})

    def begin(self, source: str) -> None:
        """Know when this source was read to its end, and what has waited long enough of its replies."""
        with self._real.read() as there, self.db.write() as here:
            add_missing(here, reading, _rows(there, select(reading).where(reading.c.source == source)))
            overdue = select(pending.c.id).where(pending.c.source == source, pending.c.due_at <= self._now)
            self._copy_replies(there, here, set(there.execute(overdue).scalars()))

    def forget(self) -> None:
        """What is needed no more, once a record is taken in: its bytes, its files and its steps."""
        with self.db.write() as here:
            for table in _FORGOTTEN:
                here.execute(delete(table))

    def waiting(self, sink: str, until: float) -> dict[Do, int]:
        """How much for this sink is due by then, by kind: what waits already, and what would be added."""
        before, after = _queued(self._real, sink, until), _queued(self.db, sink, until)
        both = Counter(do for at, do, due in self._copied if at == sink and due <= until)
        return {do: before[do] - both[do] + after[do] for do in Do}

    def close(self) -> None:
        """Forget it all."""
        self.db.close()

    def _begin_after(self, there: Connection, here: Connection) -> None:
        """What is new gets ids beyond those of the real ledger."""
        add_missing(here, meta, _rows(there, select(meta).where(meta.c.name == "restored_until")))
        newest = _rows(there, select(delivery).order_by(delivery.c.id.desc()).limit(1))
        owners = [row["ticket_id"] for row in newest]
        last = there.execute(select(func.max(ticket.c.id))).scalar()
        self._copy_tickets(there, here, {*owners, *([] if last is None else [last])})
        reply = there.execute(select(func.max(pending.c.id))).scalar()
        self._copy_replies(there, here, set() if reply is None else {reply})

    def _copy_tickets(self, there: Connection, here: Connection, ids: set[int]) -> None:
        fresh = sorted(ids - self._tickets)
        self._tickets.update(fresh)
        add_missing(here, ticket, list(_found(there, ticket, ticket.c.id, fresh)))
        add_missing(here, link, list(_found(there, link, link.c.ticket_id, fresh)))
        sends = list(_found(there, delivery, delivery.c.ticket_id, fresh))
        add_missing(here, delivery, sends)
        self._copied += [(row["sink"], row["do"], row["due_at"]) for row in sends if row["state"] == State.QUEUED]

    def _copy_replies(self, there: Connection, here: Connection, ids: set[int]) -> None:
        fresh = sorted(ids - self._replies)
        self._replies.update(fresh)
        add_missing(here, pending, list(_found(there, pending, pending.c.id, fresh)))
        add_missing(here, pending_ref, list(_found(there, pending_ref, pending_ref.c.pending_id, fresh)))


def _rows(there: Connection, query: Select[Any]) -> list[dict[str, Any]]:
    return [dict(row._mapping) for row in there.execute(query)]


def _found(
    there: Connection, table: Table, column: ColumnElement[Any], values: Sequence[Any], *where: ColumnElement[bool]
) -> list[dict[str, Any]]:
    return [row for part in slices(values) for row in _rows(there, select(table).where(column.in_(part), *where))]


def _queued(db: Database, sink: str, until: float) -> Counter[str]:
    due = (delivery.c.sink == sink, delivery.c.state == State.QUEUED.value, delivery.c.due_at <= until)
    with db.read() as connection:
        found = connection.execute(select(delivery.c.do, func.count()).where(*due).group_by(delivery.c.do))
        return Counter({row[0]: row[1] for row in found})
