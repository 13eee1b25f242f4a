"""One page of records on its way into the ledger: looked up together, decided one by one, written together."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, insert, select, update

from connector.delivery import Move, State
from connector.errors import Finding
from connector.ledger.moves import AFRESH, Step, move
from connector.ledger.rows import add_missing, dump, new_ids, put, slices, told, unique
from connector.ledger.schema import (
    blob,
    delivery,
    event,
    measure,
    meta,
    pending,
    pending_ref,
    reading,
    record,
    thread,
    ticket,
)
from connector.plugins import Counted, Do, Record, Rejected, Reply
from connector.service_levels import reported
from connector.ticket import Attachment, Channel, Comment, Phi, Ticket

# A Message-ID longer than this is named by its beginning.
REF_LIMIT = 400
# What begins the part of an update that a new version of a ticket asks for. What others ask for stays.
_OF_VERSION = "update:"

_SETTLED = (
    update(record)
    .where(record.c.source == bindparam("of"), record.c.place == bindparam("at_place"))
    .values(outcome=bindparam("became"), ticket_id=bindparam("joined"))
)
# Kept: built anew for each page, every statement would stay in memory with its values until the collector looks.
_TALKS = select(thread.c.ref, thread.c.ticket_id).where(
    thread.c.source == bindparam("of"), thread.c.ref.in_(bindparam("refs", expanding=True))
)
_AWAITED = select(pending_ref.c.ref).where(
    pending_ref.c.source == bindparam("of"), pending_ref.c.ref.in_(bindparam("refs", expanding=True))
)
_TICKETS = select(ticket.c.id, ticket.c.external_id, ticket.c.version, ticket.c.fingerprint, ticket.c.sink).where(
    ticket.c.source == bindparam("of"), ticket.c.external_id.in_(bindparam("ids", expanding=True))
)


@dataclass(frozen=True, slots=True)
class Taken:
    """A record and what became of it: read, fingerprinted, shielded, routed, weighed."""

    record: Record
    reading: Ticket | Reply | Counted | Rejected
    fingerprint: str = ""
    sink: str = ""
    group: str = ""
    priority: int | None = None
    waited: bool = False


@dataclass(slots=True)
class Counts:
    """How the records of a page turned out. `read` is the sum of the others."""

    read: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    counted: int = 0
    rejected: int = 0

    def add(self, outcome: str) -> None:
        self.read += 1
        setattr(self, outcome, getattr(self, outcome) + 1)

    def plus(self, other: Counts) -> None:
        for name, value in asdict(other).items():
            setattr(self, name, getattr(self, name) + value)


def part_of_comment(comment: Comment) -> str:
    """The part of a key that names a comment."""
    return f"comment:{comment.id}"


def part_of_file(comment_id: str, file: Attachment) -> str:
    """The part of a key that names a file: its comment (`-` for the ticket itself), name and content."""
    return f"file:{comment_id or '-'}:{file.name}:{file.sha256}"


class Taking:
    """The page. `take` does it all, inside the transaction of `connection`."""

    def __init__(self, connection: Connection, source: str, now: float, patience: float, files: frozenset[str]) -> None:
        self.connection = connection
        self.source = source
        self.now = now
        self.patience = patience
        self.takes_files = files
        self.restored_until = _restored_until(connection, source)
        self.known: dict[str, _Known] = {}
        self.threads: dict[str, int] = {}
        self.by_id: dict[int, _Known] = {}
        self.awaited: set[str] = set()
        self.free_ids: list[int] = []
        self.rows: dict[str, list[dict[str, Any]]] = {}

    def take(self, page: Sequence[Taken]) -> Counts:
        self._look_up(page)
        counts = Counts()
        for taken in page:
            counts.add(self._one(taken))
        self._write()
        return counts

    # ── what is known ──

    def _look_up(self, page: Sequence[Taken]) -> None:
        tickets = [own for taken in page if (own := _ticket_of(taken.reading))]
        for row in tickets_of(self.connection, self.source, unique(item.external_id for item in tickets)):
            self._know(_Known(row.id, row.version, row.fingerprint, row.sink))
            self.known[row.external_id] = self.by_id[row.id]
        refs = unique(ref for taken in page for ref in _refs(taken.reading))
        for part in slices(refs):
            asked = {"of": self.source, "refs": list(part)}
            self.threads.update((row.ref, row.ticket_id) for row in self.connection.execute(_TALKS, asked))
            self.awaited.update(self.connection.execute(_AWAITED, asked).scalars())
        self.free_ids = new_ids(self.connection, ticket, len(tickets))[::-1]

    def _know(self, known: _Known) -> None:
        self.by_id[known.id] = known

    def _ticket(self, ticket_id: int) -> _Known:
        if ticket_id not in self.by_id:
            row = self.connection.execute(select(ticket).where(ticket.c.id == ticket_id)).one()
            self._know(_Known(row.id, row.version, row.fingerprint, row.sink))
        return self.by_id[ticket_id]

    # ── one record ──

    def _one(self, taken: Taken) -> str:
        match taken.reading:
            case Rejected(finding):
                return self._noted(taken, "rejected", finding=finding)
            case Counted(reason):
                return self._noted(taken, "counted", finding=Finding("counted", taken.record.place, reason))
            case Reply() as reply:
                return self._reply(taken, reply)
            case Ticket() as own:
                return self._own(taken, own)
        raise TypeError(f"not a reading: {type(taken.reading).__name__}")

    def _own(self, taken: Taken, own: Ticket) -> str:
        known = self.known.get(own.external_id)
        if known is None:
            older = next((self.threads[ref] for ref in map(_ref, _names(own)) if ref in self.threads), None)
            if older is not None:
                outcome = self._join(taken, self._ticket(older), own.as_comment(), own.phi, own.thread)
                for comment in own.comments:
                    self._comment(taken, self._ticket(older), comment, own.phi)
                return outcome
            return self._new(taken, own)
        self._noted(taken, "ticket", known.id)
        if known.fingerprint == taken.fingerprint:
            return "unchanged"
        self._changed(taken, own, known)
        return "changed"

    def _new(self, taken: Taken, own: Ticket) -> str:
        known = _Known(self.free_ids.pop(), 1, taken.fingerprint, taken.sink)
        self._know(known)
        self.known[own.external_id] = known
        self._row(
            ticket,
            id=known.id,
            source=self.source,
            external_id=own.external_id,
            version=1,
            fingerprint=taken.fingerprint,
            body=_body(own),
            sink=taken.sink,
            grp=taken.group,
            created_at=self.now,
            updated_at=self.now,
        )
        self._row(measure, ticket_id=known.id, reported_at=_reported_at(own, self.now), **_counted(taken, own))
        self._noted(taken, "ticket", known.id)
        self._happened(known, f"read at {taken.record.place}")
        self._deliver(taken, known, Do.CREATE, "ticket")
        self._parts(taken, known, own)
        self._thread(known, own.thread)
        self._claim_pending(known, _names(own))
        return "new"

    def _changed(self, taken: Taken, own: Ticket, known: _Known) -> None:
        known.version += 1
        known.fingerprint = taken.fingerprint
        newest = {
            "version": known.version,
            "fingerprint": taken.fingerprint,
            "body": _body(own),
            "updated_at": self.now,
        }
        self._write()  # the ticket may be one of this very page
        self.connection.execute(update(ticket).where(ticket.c.id == known.id).values(newest))
        mine = update(measure).where(measure.c.ticket_id == known.id)
        self.connection.execute(mine.values(_counted(taken, own)))
        self._happened(known, f"version {known.version} read at {taken.record.place}")
        if self._supersede(known):
            self._deliver(taken, known, Do.UPDATE, f"{_OF_VERSION}{known.version}")
        self._parts(taken, known, own)
        self._thread(known, own.thread)

    def _supersede(self, known: _Known) -> bool:
        """End or renew what an older version still had to send; True when the new version needs an update."""
        rows = self.connection.execute(
            select(delivery).where(delivery.c.ticket_id == known.id, delivery.c.do.in_([Do.CREATE, Do.UPDATE]))
        ).all()
        note = f"version {known.version} takes its place"
        created = False
        for row in rows:
            state = State(row.state)
            if row.part.startswith(_OF_VERSION) and state in (State.QUEUED, State.BLOCKED):
                move(self.connection, Step(row.id, known.id, state, Move.ENDED, note), self.now)
            elif row.do == Do.CREATE and not self._renewed(row, state, known, note):
                created = created or state != State.DROPPED
        return created

    def _renewed(self, row: Row[Any], state: State, known: _Known, note: str) -> bool:
        fresh = {**AFRESH, "version": known.version}
        if state == State.BLOCKED:  # refused or never rendered: provably not done
            move(
                self.connection,
                Step(row.id, known.id, state, Move.RELEASED, note, {**fresh, "due_at": self.now}),
                self.now,
            )
            return True
        if state == State.QUEUED and row.body is None:
            self.connection.execute(update(delivery).where(delivery.c.id == row.id).values(fresh))
            return True
        return False

    def _reply(self, taken: Taken, reply: Reply) -> str:
        if reply.ticket.external_id in self.known:  # read before, when it became a ticket or a comment of its own
            self._noted(taken, "ticket", self.known[reply.ticket.external_id].id)
            return "unchanged"
        for ref in reply.thread:
            found = self.threads.get(_ref(ref))
            if found is not None:
                return self._join(taken, self._ticket(found), reply.comment, reply.ticket.phi, reply.ticket.thread)
        if reply.otherwise:
            return self._noted(taken, "counted", finding=Finding("counted", taken.record.place, reply.otherwise))
        if taken.waited or self.patience <= 0:
            return self._new(taken, reply.ticket)
        self._wait(taken, reply)
        return "new"

    def _join(self, taken: Taken, known: _Known, comment: Comment, phi: Phi, refs: Sequence[str]) -> str:
        if _ref(refs[0]) in self.threads and self._has_part(known, part_of_comment(comment)):
            self._noted(taken, "reply", known.id)
            return "unchanged"
        self._noted(taken, "reply", known.id)
        self._happened(known, f"a reply was read at {taken.record.place}")
        self._comment(taken, known, comment, phi)
        self._thread(known, refs)
        self._claim_pending(known, refs[:1])
        return "changed"

    def _has_part(self, known: _Known, part: str) -> bool:
        rows = self.rows.get("delivery", [])
        if any(row["ticket_id"] == known.id and row["part"] == part for row in rows):
            return True
        there = select(delivery.c.id).where(delivery.c.ticket_id == known.id, delivery.c.sink == known.sink)
        return self.connection.execute(there.where(delivery.c.part == part)).first() is not None

    # ── replies that wait ──

    def _wait(self, taken: Taken, reply: Reply) -> None:
        self._noted(taken, "pending")
        for file in reply.comment.attachments + reply.ticket.files():
            self._blob(file)
        self._write()
        self._make_room(taken, reply)
        row_id = new_ids(self.connection, pending, 1)[0]
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
        self.connection.execute(
            insert(pending),
            [{"id": row_id, "source": self.source, "place": taken.record.place, "body": body,
              "record_at": taken.record.at, "due_at": self.now + self.patience}],
        )  # fmt: skip
        refs = [{"source": self.source, "ref": _ref(ref), "pending_id": row_id} for ref in reply.thread]
        add_missing(self.connection, pending_ref, refs)
        self.awaited.update(_ref(ref) for ref in reply.thread)

    def _make_room(self, taken: Taken, reply: Reply) -> None:
        """A place was written over: the same reply takes the old one's row, another one lets it become a ticket now."""
        here = (pending.c.source == self.source, pending.c.place == taken.record.place)
        for row in self.connection.execute(select(pending).where(*here)).all():
            self.connection.execute(delete(pending_ref).where(pending_ref.c.pending_id == row.id))
            self.connection.execute(delete(pending).where(pending.c.id == row.id))
            older = waiting_reply(row)
            if isinstance(older.reading, Reply) and older.reading.comment.id != reply.comment.id:
                self._new(older, older.reading.ticket)

    def _claim_pending(self, known: _Known, refs: Sequence[str]) -> None:
        """What waited for this very message joins it."""
        wanted = [ref for ref in map(_ref, refs) if ref in self.awaited]
        if not wanted:
            return
        rows = self.connection.execute(
            select(pending)
            .join(pending_ref, pending_ref.c.pending_id == pending.c.id)
            .where(pending_ref.c.source == self.source, pending_ref.c.ref.in_(wanted))
            .order_by(pending.c.id)
        ).all()
        for row in rows:
            self.connection.execute(delete(pending_ref).where(pending_ref.c.pending_id == row.id))
            self.connection.execute(delete(pending).where(pending.c.id == row.id))
        for row in rows:
            taken = waiting_reply(row)
            reply = taken.reading
            assert isinstance(reply, Reply)  # noqa: S101 - what `waiting_reply` builds
            self._join(taken, known, reply.comment, reply.ticket.phi, reply.ticket.thread)

    # ── rows to write ──

    def _row(self, table: Any, **values: Any) -> None:
        self.rows.setdefault(table.name, []).append(values)

    def _noted(self, taken: Taken, outcome: str, ticket_id: int | None = None, finding: Finding | None = None) -> str:
        if taken.waited:  # its bytes were noted when it was read
            settled = {"of": self.source, "at_place": taken.record.place, "became": outcome, "joined": ticket_id}
            self.rows.setdefault("settled", []).append(settled)
            return outcome
        keeps = taken.record.keep or outcome == "rejected"
        raw = self._raw(taken.record) if keeps and taken.record.data else None
        self._row(
            record,
            source=self.source,
            place=taken.record.place,
            digest=taken.record.digest,
            outcome=outcome,
            ticket_id=ticket_id,
            finding=finding and told(finding),
            raw=raw,
            facts=dump(dict(taken.record.facts)) if raw and taken.record.facts else None,
            at=self.now,
        )
        return outcome

    def _raw(self, item: Record) -> str:
        kept = Attachment.of(item.place, item.data)
        self._blob(kept)
        return kept.sha256

    def _happened(self, known: _Known, note: str) -> None:
        self._row(event, ticket_id=known.id, delivery_id=None, at=self.now, was="", now="", note=note)

    def _thread(self, known: _Known, refs: Iterable[str]) -> None:
        for ref in refs:
            if self.threads.setdefault(_ref(ref), known.id) == known.id:
                self._row(thread, source=self.source, ref=_ref(ref), ticket_id=known.id)

    def _parts(self, taken: Taken, known: _Known, own: Ticket) -> None:
        for comment in own.comments:
            self._comment(taken, known, comment, own.phi)
        self._files(taken, known, "", own.attachments)

    def _comment(self, taken: Taken, known: _Known, comment: Comment, phi: Phi) -> None:
        what = {"comment": comment.model_dump(mode="json"), "phi": phi.model_dump(mode="json", exclude_defaults=True)}
        machine = {"automatic": True} if comment.automatic else {}
        self._deliver(taken, known, Do.COMMENT, part_of_comment(comment), dump(what | machine))
        self._files(taken, known, comment.id, comment.attachments, machine)

    def _files(
        self,
        taken: Taken,
        known: _Known,
        comment_id: str,
        files: Iterable[Attachment],
        more: Mapping[str, object] = {},
    ) -> None:
        for file in files:
            self._blob(file)
            if known.sink in self.takes_files:
                what = {"comment": comment_id, "file": file.model_dump(mode="json"), **more}
                self._deliver(taken, known, Do.ATTACH, part_of_file(comment_id, file), dump(what))

    def _blob(self, file: Attachment) -> None:
        if file.content is not None:
            self._row(blob, sha256=file.sha256, size=file.size, content=file.content)

    def _deliver(self, taken: Taken, known: _Known, do: Do, part: str, what: str | None = None) -> None:
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
            due_at=self.now,
            created_at=self.now,
        )

    def _may_be_there(self, item: Record) -> bool:
        """Could a ledger that was lost have sent this already?"""
        return self.restored_until is not None and (item.at or 0.0) <= self.restored_until

    def _write(self) -> None:
        rows, self.rows = self.rows, {}
        if "ticket" in rows:
            self.connection.execute(insert(ticket), rows["ticket"])
            self.connection.execute(insert(measure), rows["measure"])
        add_missing(self.connection, blob, rows.get("blob", []))
        put(self.connection, record, rows.get("record", []))
        add_missing(self.connection, thread, rows.get("thread", []))
        add_missing(self.connection, delivery, rows.get("delivery", []))
        if "settled" in rows:
            self.connection.execute(_SETTLED, rows["settled"])
        if "event" in rows:
            self.connection.execute(insert(event), rows["event"])


@dataclass(slots=True)
class _Known:
    id: int
    version: int
    fingerprint: str
    sink: str


def _ticket_of(item: object) -> Ticket | None:
    return item if isinstance(item, Ticket) else item.ticket if isinstance(item, Reply) else None


def _refs(item: object) -> list[str]:
    own = _ticket_of(item)
    named = list(own.thread) if own else []
    return [_ref(ref) for ref in named + (list(item.thread) if isinstance(item, Reply) else [])]


def _names(own: Ticket) -> Sequence[str]:
    """The ids in a ticket's thread that name itself: those up to its own. What follows are talks that it answers."""
    if own.external_id not in own.thread:
        return own.thread[:1]
    return own.thread[: own.thread.index(own.external_id) + 1]


def _ref(ref: str) -> str:
    return ref[:REF_LIMIT]


def _body(own: Ticket) -> str:
    return own.model_dump_json(exclude={"comments"}, exclude_defaults=True)


def _counted(taken: Taken, own: Ticket) -> dict[str, Any]:
    forwarded = own.channel is Channel.EMAIL and "forwarded" in own.extra
    return {"channel": own.channel.value, "priority": taken.priority, "bypassed": int(forwarded)}


def _reported_at(own: Ticket, now: float) -> float:
    """A report dated to the future was made now."""
    at = reported(own)
    return now if at is None else min(at.timestamp(), now)


def tickets_of(connection: Connection, source: str, external_ids: Sequence[str]) -> list[Row[Any]]:
    """What is known of these tickets."""
    found: list[Row[Any]] = []
    for part in slices(external_ids):
        found += connection.execute(_TICKETS, {"of": source, "ids": list(part)})
    return found


def waiting_reply(row: Row[Any]) -> Taken:
    """The reply that a row of `pending` holds."""
    said = json.loads(row.body)
    reply = Reply(
        tuple(said["thread"]),
        Comment.model_validate_json(dump(said["comment"])),
        Ticket.model_validate_json(dump(said["ticket"])),
    )
    return Taken(
        Record(row.place, b"", row.record_at),
        reply,
        said["fingerprint"],
        said["sink"],
        said["group"],
        said.get("priority"),
        waited=True,
    )


def _restored_until(connection: Connection, source: str) -> float | None:
    """Up to which time a lost ledger may have sent what this source hands over; None where none was lost.

    A file that grew since bears a late time over old records, so no time counts before the source was read to its end.
    """
    value = connection.execute(select(meta.c.value).where(meta.c.name == "restored_until")).scalar()
    if value is None:
        return None
    end = connection.execute(select(reading.c.end_at).where(reading.c.source == source)).scalar()
    return float("inf") if end is None else float(value)
