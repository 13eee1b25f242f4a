"""What a page adds to the ledger: gathered row by row, written together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from connector.delivery import State
from connector.errors import Finding
from connector.ledger.known import Known, shortened
from connector.ledger.rows import add, add_missing, dump, put, told
from connector.ledger.schema import blob, delivery, event, measure, meta, reading, record, thread, ticket
from connector.ledger.taken import Taken, part_of_comment, part_of_file
from connector.plugins import Do, Record
from connector.service_levels import reported
from connector.ticket import Attachment, Channel, Comment, Phi, Ticket

_SETTLED = (
    update(record)
    .where(record.c.source == bindparam("of"), record.c.place == bindparam("at_place"))
    .values(outcome=bindparam("became"), ticket_id=bindparam("joined"))
)


class Entries:
    """Rows of one source, all of one moment. Nothing is there before `write`."""

    def __init__(self, connection: Connection, source: str, now: float, takes_files: frozenset[str]) -> None:
        self._connection = connection
        self._source = source
        self._now = now
        self._takes_files = takes_files
        self._restored_until = _restored_until(connection, source)
        self._rows: dict[str, list[dict[str, Any]]] = {}

    def write(self) -> None:
        """Into the ledger, in the caller's transaction; what is gathered from now on is written next time."""
        rows, self._rows = self._rows, {}
        add(self._connection, ticket, rows.get("ticket", []))
        add(self._connection, measure, rows.get("measure", []))
        add_missing(self._connection, blob, rows.get("blob", []))
        put(self._connection, record, rows.get("record", []))
        add_missing(self._connection, thread, rows.get("thread", []))
        add_missing(self._connection, delivery, rows.get("delivery", []))
        if "settled" in rows:
            self._connection.execute(_SETTLED, rows["settled"])
        add(self._connection, event, rows.get("event", []))

    # ── records and tickets ──

    def noted(self, taken: Taken, outcome: str, ticket_id: int | None = None, finding: Finding | None = None) -> None:
        """What became of a record; its bytes are kept where somebody may want to read them again."""
        if taken.waited:  # its bytes were noted when it was read
            settled = {"of": self._source, "at_place": taken.record.place, "became": outcome, "joined": ticket_id}
            self._rows.setdefault("settled", []).append(settled)
            return
        keeps = taken.record.keep or outcome == "rejected"
        raw = self._raw(taken.record) if keeps and taken.record.data else None
        self._row(
            record,
            source=self._source,
            place=taken.record.place,
            digest=taken.record.digest,
            outcome=outcome,
            ticket_id=ticket_id,
            finding=finding and told(finding),
            raw=raw,
            facts=dump(dict(taken.record.facts)) if raw and taken.record.facts else None,
            at=self._now,
        )

    def new_ticket(self, taken: Taken, known: Known, own: Ticket) -> None:
        """A ticket that was not there before, and what is measured of it."""
        self._row(
            ticket,
            id=known.id,
            source=self._source,
            external_id=own.external_id,
            version=1,
            fingerprint=taken.fingerprint,
            body=_body(own),
            sink=taken.sink,
            grp=taken.group,
            created_at=self._now,
            updated_at=self._now,
        )
        self._row(measure, ticket_id=known.id, reported_at=_reported_at(own, self._now), **_counted(taken, own))

    def new_version(self, taken: Taken, known: Known, own: Ticket) -> None:
        """A ticket that reads otherwise than before, written at once: it may be one of this very page."""
        newest = {"version": known.version, "fingerprint": taken.fingerprint, "body": _body(own)}
        self.write()
        mine = update(ticket).where(ticket.c.id == known.id)
        self._connection.execute(mine.values({**newest, "updated_at": self._now}))
        self._connection.execute(update(measure).where(measure.c.ticket_id == known.id).values(_counted(taken, own)))

    def happened(self, known: Known, note: str) -> None:
        """A step in the ticket's story."""
        self._row(event, ticket_id=known.id, delivery_id=None, at=self._now, was="", now="", note=note)

    def message(self, ref: str, known: Known) -> None:
        """A message belongs to the ticket's talk."""
        self._row(thread, source=self._source, ref=shortened(ref), ticket_id=known.id)

    # ── deliveries ──

    def deliver(self, taken: Taken, known: Known, do: Do, part: str, what: str | None = None) -> None:
        """One thing to do at the ticket's sink; unsure where a ledger that was lost may have done it."""
        state = State.UNSURE if self._may_be_there(taken.record) and do != Do.UPDATE else State.QUEUED
        self._row(
            delivery,
            ticket_id=known.id,
            sink=known.sink,
            do=do.value,
            part=part,
            version=known.version,
            what=what,
            state=state.value,
            attempts=0,
            due_at=self._now,
            created_at=self._now,
        )

    def comment(self, taken: Taken, known: Known, comment: Comment, phi: Phi) -> None:
        """A comment and its files."""
        what = {"comment": comment.model_dump(mode="json"), "phi": phi.model_dump(mode="json", exclude_defaults=True)}
        machine = {"automatic": True} if comment.automatic else {}
        self.deliver(taken, known, Do.COMMENT, part_of_comment(comment), dump(what | machine))
        self.files(taken, known, comment.id, comment.attachments, machine)

    def files(
        self,
        taken: Taken,
        known: Known,
        comment_id: str,
        files: Iterable[Attachment],
        more: Mapping[str, object] = {},
    ) -> None:
        """Files of a comment, or of the ticket itself (""): kept, and sent to a sink that takes them."""
        for file in files:
            self.blob(file)
            if known.sink in self._takes_files:
                what = {"comment": comment_id, "file": file.model_dump(mode="json"), **more}
                self.deliver(taken, known, Do.ATTACH, part_of_file(comment_id, file), dump(what))

    def blob(self, file: Attachment) -> None:
        """A file's content, once however often it comes."""
        if file.content is not None:
            self._row(blob, sha256=file.sha256, size=file.size, content=file.content)

    def has_part(self, known: Known, part: str) -> bool:
        """Is there a delivery of this part for the ticket, here or in the ledger?"""
        rows = self._rows.get("delivery", [])
        if any(row["ticket_id"] == known.id and row["part"] == part for row in rows):
            return True
        there = select(delivery.c.id).where(delivery.c.ticket_id == known.id, delivery.c.sink == known.sink)
        return self._connection.execute(there.where(delivery.c.part == part)).first() is not None

    def _row(self, table: Any, **values: Any) -> None:
        self._rows.setdefault(table.name, []).append(values)

    def _raw(self, item: Record) -> str:
        kept = Attachment.of(item.place, item.data)
        self.blob(kept)
        return kept.sha256

    def _may_be_there(self, item: Record) -> bool:
        """Could a ledger that was lost have sent this already?"""
        return self._restored_until is not None and (item.at or 0.0) <= self._restored_until


def _body(own: Ticket) -> str:
    return own.model_dump_json(exclude={"comments"}, exclude_defaults=True)


def _counted(taken: Taken, own: Ticket) -> dict[str, Any]:
    forwarded = own.channel is Channel.EMAIL and "forwarded" in own.extra
    return {"channel": own.channel.value, "priority": taken.priority, "bypassed": int(forwarded)}


def _reported_at(own: Ticket, now: float) -> float:
    """A report dated to the future was made now."""
    at = reported(own)
    return now if at is None else min(at.timestamp(), now)


def _restored_until(connection: Connection, source: str) -> float | None:
    """Up to which time a lost ledger may have sent what this source hands over; None where none was lost.

    A file that grew since bears a late time over old records, so no time counts before the source was read to its end.
    """
    value = connection.execute(select(meta.c.value).where(meta.c.name == "restored_until")).scalar()
    if value is None:
        return None
    end = connection.execute(select(reading.c.end_at).where(reading.c.source == source)).scalar()
    return float("inf") if end is None else float(value)
