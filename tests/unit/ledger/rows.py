"""Builders for what a source hands over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from connector.ledger import leases, records
from connector.ledger.database import Database
from connector.ledger.taken import Counts, Taken
from connector.plugins import Record, Reply
from connector.ticket import Attachment, Comment, Ticket, fingerprint

SOURCE = "mail"


def ticket(name: str = "one", **fields: object) -> Ticket:
    return Ticket(**{"source": SOURCE, "external_id": name, "channel": "email", "summary": "It is slow"} | fields)


def taken(reading: object, place: str = "one.eml", data: bytes = b"", at: float | None = None) -> Taken:
    own = reading.ticket if isinstance(reading, Reply) else reading
    print_ = fingerprint(own) if isinstance(own, Ticket) else ""
    return Taken(Record(place, data or place.encode(), at), reading, print_, "servicenow", "")


def reply(name: str, to: Sequence[str], text: str = "me too", files: Sequence[Attachment] = ()) -> Reply:
    comment = Comment(id=name, text=text, attachments=tuple(files))
    return Reply(tuple(to), comment, ticket(name, summary=text, thread=(name, *to)))


def take(
    db: Database,
    page: Sequence[Taken],
    *,
    now: float = 1000.0,
    cursor: Mapping[str, str | None] | None = None,
    patience: float = 900.0,
    files: Sequence[str] = ("servicenow",),
    complete: bool = True,
) -> Counts:
    held = leases.take(db, "collect:mail", leases.holder(), now)
    assert held is not None
    try:
        return records.take(
            db,
            held,
            SOURCE,
            page,
            cursor or {},
            now=now,
            complete=complete,
            patience=patience,
            takes_files=frozenset(files),
        )
    finally:
        leases.give_back(db, held)


def promote(db: Database, now: float) -> int:
    held = leases.take(db, "collect:mail", leases.holder(), now)
    assert held is not None
    try:
        return records.promote(db, held, SOURCE, now=now, takes_files=frozenset(["servicenow"]))
    finally:
        leases.give_back(db, held)
