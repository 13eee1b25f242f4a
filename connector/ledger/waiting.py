"""Replies that were read before the message they answer: they wait for it, each in a row of `pending`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select

from connector.ledger.known import shortened
from connector.ledger.rows import add_missing, dump, new_ids
from connector.ledger.schema import pending, pending_ref
from connector.ledger.taken import Taken
from connector.plugins import Record, Reply
from connector.ticket import Comment, Ticket


def wait(connection: Connection, source: str, taken: Taken, reply: Reply, due_at: float) -> None:
    """Let a reply wait until `due_at` for one of the messages in its thread."""
    row_id = new_ids(connection, pending, 1)[0]
    body = dump(
        {
            "thread": reply.thread,
            "comment": reply.comment.model_dump(mode="json"),
            "ticket": reply.ticket.model_dump(mode="json"),
            "fingerprint": taken.fingerprint,
            "sink": taken.sink,
            "group": taken.group,
            "priority": taken.priority,
        }
    )
    row = {"id": row_id, "source": source, "place": taken.record.place, "body": body}
    connection.execute(insert(pending), [{**row, "record_at": taken.record.at, "due_at": due_at}])
    refs = [{"source": source, "ref": shortened(ref), "pending_id": row_id} for ref in reply.thread]
    add_missing(connection, pending_ref, refs)


def at_place(connection: Connection, source: str, place: str) -> list[tuple[Taken, Reply]]:
    """The replies read at this place, which wait no longer."""
    here = select(pending).where(pending.c.source == source, pending.c.place == place)
    return _no_longer(connection, connection.execute(here).all())


def for_messages(connection: Connection, source: str, refs: Sequence[str]) -> list[tuple[Taken, Reply]]:
    """The replies that waited for one of these messages, which wait no longer."""
    waited = (
        select(pending)
        .join(pending_ref, pending_ref.c.pending_id == pending.c.id)
        .where(pending_ref.c.source == source, pending_ref.c.ref.in_(refs))
        .order_by(pending.c.id)
    )
    return _no_longer(connection, connection.execute(waited).all())


def _no_longer(connection: Connection, rows: Sequence[Row[Any]]) -> list[tuple[Taken, Reply]]:
    for row in rows:
        connection.execute(delete(pending_ref).where(pending_ref.c.pending_id == row.id))
        connection.execute(delete(pending).where(pending.c.id == row.id))
    return [waiting_reply(row) for row in rows]


def waiting_reply(row: Row[Any]) -> tuple[Taken, Reply]:
    """The reply that a row of `pending` holds, and what was known of it when it was read."""
    said = json.loads(row.body)
    reply = Reply(
        tuple(said["thread"]),
        Comment.model_validate_json(dump(said["comment"])),
        Ticket.model_validate_json(dump(said["ticket"])),
    )
    record = Record(row.place, b"", row.record_at)
    where = (said["fingerprint"], said["sink"], said["group"], said.get("priority"))
    return Taken(record, reply, *where, waited=True), reply
