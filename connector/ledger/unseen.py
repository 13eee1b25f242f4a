"""Records that the help desk is still to be read for, since they became what a ticket is: a queue, not a search."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, Insert, and_, bindparam, delete, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from connector.ledger.database import Database
from connector.ledger.rows import put, slices
from connector.ledger.schema import link, remote, unseen


def expect(connection: Connection, ticket_ids: Sequence[int]) -> None:
    """In the transaction that linked these tickets: those whose record was not read yet are to be read."""
    for part in slices(ticket_ids):
        connection.execute(_expected(connection.dialect.name), {"tickets": list(part)})


def expect_now(connection: Connection, sink: str, ticket_id: int) -> None:
    """The record that this ticket goes on as is to be read at once."""
    put(connection, unseen, [{"sink": sink, "ticket_id": ticket_id, "since": 0.0}])


def met(connection: Connection, sink: str, ticket_ids: Iterable[int]) -> None:
    """The records of these tickets were read, in this transaction."""
    for part in slices(list(ticket_ids)):
        connection.execute(_MET, {"of": sink, "tickets": list(part)})


def overdue(db: Database, sink: str, before: float, limit: int) -> list[str]:
    """Records that no change has shown although they were linked before this time, the latest first; and records that
    a ticket goes on as since it was merged."""
    query = (
        select(link.c.remote_id)
        .select_from(unseen)
        .join(link, and_(link.c.ticket_id == unseen.c.ticket_id, link.c.sink == unseen.c.sink))
        .where(unseen.c.sink == sink, unseen.c.since < before)
    )
    with db.read() as connection:
        found = connection.execute(query.order_by(unseen.c.ticket_id.desc()).limit(limit)).scalars()
        return list(dict.fromkeys(found))


_MET = delete(unseen).where(
    unseen.c.sink == bindparam("of"), unseen.c.ticket_id.in_(bindparam("tickets", expanding=True))
)


@cache
def _expected(dialect: str) -> Insert:
    """Kept, because to build it takes longer than to carry it out."""
    insert: Any = sqlite.insert if dialect == "sqlite" else postgresql.insert
    fresh = (
        select(link.c.sink, link.c.ticket_id, link.c.linked_at)
        .outerjoin(remote, and_(remote.c.ticket_id == link.c.ticket_id, remote.c.sink == link.c.sink))
        .where(link.c.ticket_id.in_(bindparam("tickets", expanding=True)))
        .where(or_(remote.c.ticket_id.is_(None), remote.c.remote_id != link.c.remote_id))
    )
    statement: Insert = insert(unseen).from_select(["sink", "ticket_id", "since"], fresh).on_conflict_do_nothing()
    return statement
