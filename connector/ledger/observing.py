"""What a help desk says comes in: records as they stand now, comments, what follows from both; a page is one commit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from sqlalchemy import Connection, and_, select, update

from connector.closure import Closure
from connector.ledger import unseen
from connector.ledger.cascade import cascade
from connector.ledger.database import Database
from connector.ledger.happenings import Happening, happened
from connector.ledger.leases import Lease, renew
from connector.ledger.records import move_cursor, note_reading
from connector.ledger.rows import add, add_missing, put, slices
from connector.ledger.schema import event, heard, link, member, rating, reading, remote
from connector.news import News, Seen, news, notes_ref, remarks, seen
from connector.plugins import Change, ChangePage, Said, Status

# Longest text that is kept of a comment, and of a name, in characters.
MOST_TEXT, MOST_NAME = 65_536, 200
# A record first seen so long after it was made was not watched before: what happened to it is no news.
FRESH = 86_400.0

_SEEN = (
    *(remote.c.status, remote.c.stamp, remote.c.assignee, remote.c.grp, remote.c.problem, remote.c.resolution),
    *(remote.c.reassigned, remote.c.reopened, remote.c.replies, remote.c.updated_at),
    *(remote.c.answered_at, remote.c.resolved_at, remote.c.closed_at),
)


def source_of(sink: str) -> str:
    """The name under which the cursor and the last reading of a sink's changes are kept."""
    return f"changes:{sink}"


def known(db: Database, sink: str, remote_ids: Sequence[str]) -> dict[str, str]:
    """The records among these that are tickets of ours, each with the stamp of the version last seen."""
    query = select(link.c.remote_id, remote.c.stamp).outerjoin(remote, _same_record())
    stamps: dict[str, str] = {}
    with db.read() as connection:
        for part in slices(remote_ids):
            for row in connection.execute(query.where(link.c.sink == sink, link.c.remote_id.in_(part))):
                stamp = row.stamp or ""  # of several tickets that are one record, what is unseen counts
                stamps[row.remote_id] = stamp if stamps.get(row.remote_id, stamp) == stamp else ""
    return stamps


def _same_record() -> Any:
    return and_(
        remote.c.ticket_id == link.c.ticket_id, remote.c.sink == link.c.sink, remote.c.remote_id == link.c.remote_id
    )


def has_records(db: Database, sink: str) -> bool:
    """Is any ticket a record at this sink?"""
    with db.read() as connection:
        return connection.execute(select(link.c.ticket_id).where(link.c.sink == sink).limit(1)).first() is not None


def since_read(db: Database, sink: str, now: float) -> float:
    """Seconds since the changes of this sink were last read; infinite where they never were, or the clock was set
    back."""
    query = select(reading.c.read_at).where(reading.c.source == source_of(sink))
    with db.read() as connection:
        at = connection.execute(query).scalar()
    return float("inf") if at is None or at > now else now - at


_FINAL = [status.value for status in (Status.CLOSED, Status.CANCELLED, Status.GONE, Status.MERGED)]


def unfinished(db: Database, sink: str, after: int, limit: int) -> list[tuple[int, str]]:
    """Tickets with an id above `after` whose record may still change, and that record; in order."""
    query = select(remote.c.ticket_id, remote.c.remote_id).where(
        remote.c.sink == sink, remote.c.ticket_id > after, remote.c.status.not_in(_FINAL)
    )
    with db.read() as connection:
        return [(row[0], row[1]) for row in connection.execute(query.order_by(remote.c.ticket_id).limit(limit))]


@dataclass(slots=True)
class Noted:
    """What a page came to: records that are another version than before, comments, and deliveries that follow."""

    changed: int = 0
    said: int = 0
    queued: int = 0

    def plus(self, other: Noted) -> None:
        self.changed += other.changed
        self.said += other.said
        self.queued += other.queued


@dataclass(frozen=True, slots=True)
class Rules:
    """By what a page is judged; `grace` is how long the platform is given, in seconds, to do what follows itself."""

    closure: Closure
    grace: float


def take(db: Database, held: Lease, sink: str, page: ChangePage, rules: Rules, now: float) -> Noted:
    """Commit a page: all of it with its cursor, or nothing. Raises Busy when the lease is lost."""
    with db.write() as connection:
        renew(connection, held, now)
        noted = _Observation(connection, sink, rules, now).take(page.changes)
        move_cursor(connection, source_of(sink), page.cursor)
        note_reading(connection, source_of(sink), now, page.complete)
    return noted


@dataclass(frozen=True, slots=True)
class _Own:
    """A ticket of ours, and what its record was."""

    ticket_id: int
    before: Seen | None
    number: str
    url: str
    problem_id: int | None
    watched: bool


@dataclass(slots=True)
class _Observation:
    """One page within one transaction."""

    connection: Connection
    sink: str
    rules: Rules
    now: float
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    happenings: list[Happening] = field(default_factory=list)
    noted: Noted = field(default_factory=Noted)

    def take(self, changes: Sequence[Change]) -> Noted:
        latest = {change.remote_id: change for change in changes}
        owners = self._owners(list(latest))
        heard_before = self._heard([said.ref for change in latest.values() for said in change.said])
        unseen.met(self.connection, self.sink, [own.ticket_id for each in owners.values() for own in each])
        moved: dict[int, tuple[Seen | None, Seen, Change]] = {}
        for remote_id, change in latest.items():
            fresh = tuple(said for said in change.said if said.ref not in heard_before)
            for own in owners.get(remote_id, ()):
                if own.before is None or not change.stamp or own.before.stamp != change.stamp:
                    moved[own.ticket_id] = self._one(own, change, fresh)
        self._write()
        self.noted.queued += cascade(self.connection, self.sink, moved, self.rules.closure, self.rules.grace, self.now)
        return self.noted

    def _one(self, own: _Own, change: Change, fresh: tuple[Said, ...]) -> tuple[Seen | None, Seen, Change]:
        now = seen(own.before, change, fresh)
        self.noted.changed += own.before is None or own.before != now
        self._row(remote, **_values(own.ticket_id, self.sink, now))
        if own.watched:
            self.happenings += [_happening(own, each) for each in news(own.before, now, change, self.rules.closure)]
        for note in remarks(own.before, now, change):
            self._event(own, note)
        self._said(own, change, fresh)
        if change.rating:
            self._row(rating, ticket_id=own.ticket_id, via=self.sink, score=change.rating[:MOST_NAME], at=self.now)
        self._follow(own, change)
        return own.before, now, change

    def _said(self, own: _Own, change: Change, fresh: tuple[Said, ...]) -> None:
        for said in fresh:
            self.noted.said += 1
            self._row(heard, **_words(self.sink, own.ticket_id, said))
            who = said.author[:MOST_NAME] or "somebody"
            self._event(own, f"{'public' if said.public else 'internal'} comment by {who} at the help desk")
            if own.watched and said.public and said.desk:
                detail = {"ref": said.ref, "author": who, "number": own.number, "url": own.url}
                self.happenings.append(Happening(own.ticket_id, "said", said.at, said.ref, own.problem_id, detail))
        if change.notes:
            notes = Said(notes_ref(change), change.resolved_at or change.updated_at, "", True, True, change.notes)
            self._row(heard, **_words(self.sink, own.ticket_id, notes))

    def _follow(self, own: _Own, change: Change) -> None:
        """A ticket that was merged goes on as the other record; a number or address that is new is taken over."""
        if change.merged_into:
            self._event(own, f"merged into {change.merged_into} at the help desk")
            values = {"remote_id": change.merged_into, "number": change.merged_into, "url": ""}
            unseen.expect_now(self.connection, self.sink, own.ticket_id)
        else:
            values = {"number": change.number or own.number, "url": change.url or own.url}
            if (values["number"], values["url"]) == (own.number, own.url):
                return
        mine = update(link).where(link.c.ticket_id == own.ticket_id, link.c.sink == self.sink)
        self.connection.execute(mine.values(**values))

    # ── what is there ──

    def _owners(self, remote_ids: Sequence[str]) -> dict[str, list[_Own]]:
        whose = (link.c.ticket_id, link.c.remote_id, link.c.number, link.c.url, link.c.linked_at, member.c.problem_id)
        query = (
            select(*whose, *_SEEN, remote.c.remote_id.label("seen_id"))
            .outerjoin(remote, and_(remote.c.ticket_id == link.c.ticket_id, remote.c.sink == link.c.sink))
            .outerjoin(member, and_(member.c.ticket_id == link.c.ticket_id, member.c.left_at.is_(None)))
        )
        found: dict[str, list[_Own]] = {}
        for part in slices(remote_ids):
            for row in self.connection.execute(query.where(link.c.sink == self.sink, link.c.remote_id.in_(part))):
                watched = row.status is not None or row.linked_at > self.now - FRESH
                own = _Own(row.ticket_id, _before(row), row.number, row.url, row.problem_id, watched)
                found.setdefault(row.remote_id, []).append(own)
        return found

    def _heard(self, refs: Sequence[str]) -> set[str]:
        found: set[str] = set()
        for part in slices(refs):
            query = select(heard.c.ref).where(heard.c.sink == self.sink, heard.c.ref.in_(part))
            found.update(self.connection.execute(query).scalars())
        return found

    # ── rows to write ──

    def _row(self, table: Any, **values: Any) -> None:
        self.rows.setdefault(table.name, []).append(values)

    def _event(self, own: _Own, note: str) -> None:
        self._row(event, ticket_id=own.ticket_id, delivery_id=None, at=self.now, was="", now="", note=note)

    def _write(self) -> None:
        put(self.connection, remote, self.rows.get("remote", []))
        put(self.connection, rating, self.rows.get("rating", []))
        add_missing(self.connection, heard, self.rows.get("heard", []))
        happened(self.connection, self.happenings)
        add(self.connection, event, self.rows.get("event", []))


def _before(row: Any) -> Seen | None:
    if row.status is None or row.seen_id != row.remote_id:
        return None
    same = {name: getattr(row, name) for name in Seen.__dataclass_fields__ if name not in ("group", "status")}
    return Seen(**same, group=row.grp, status=Status(row.status))


def _values(ticket_id: int, sink: str, now: Seen) -> dict[str, Any]:
    values = {**asdict(now), "status": now.status.value, "ticket_id": ticket_id, "sink": sink}
    values["grp"] = values.pop("group")
    for name in ("assignee", "grp", "resolution"):
        values[name] = values[name][:MOST_NAME]
    return values


def _happening(own: _Own, each: News) -> Happening:
    detail = {**each.detail, "number": each.detail["number"] or own.number, "url": each.detail["url"] or own.url}
    return Happening(own.ticket_id, each.what, each.at, each.ref, own.problem_id, detail)


def _words(sink: str, ticket_id: int, said: Said) -> dict[str, Any]:
    return {
        "sink": sink,
        "ref": said.ref,
        "ticket_id": ticket_id,
        "at": said.at,
        "author": said.author[:MOST_NAME],
        "public": int(said.public),
        "text": said.text[:MOST_TEXT],
    }
