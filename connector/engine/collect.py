"""Collect: read a source, shield, route, and commit page by page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain

import structlog

from connector.engine.posted import Posted, posted
from connector.engine.wiring import Inlet, Wiring
from connector.errors import Finding, RemoteError
from connector.ledger import records
from connector.ledger.leases import Lease
from connector.ledger.taken import Counts, Taken
from connector.phi import shield
from connector.plugins import Acknowledges, Page, Reading, Record, Rejected, Reply
from connector.priority import weigh
from connector.routing import NoRoute, choose
from connector.ticket import Ticket, fingerprint

log = structlog.get_logger("connector.collect")


def collect(wiring: Wiring, inlet: Inlet, held: Lease, counts: Counts, limit: int | None = None) -> None:
    """Read everything new (at most `limit` tickets of it); then replies that waited too long become tickets.

    Each page is one commit with its cursor, and is added to `counts`. Raises RemoteError where the source cannot be
    read further (what was read stays), and Busy where the lease was lost.
    """
    try:
        for page in pages(wiring, inlet):
            room = None if limit is None else limit - counts.new - counts.changed
            counts.plus(_take(wiring, inlet, held, page, room))
            _acknowledge(wiring, inlet, page)
            wiring.progress(f"collect {inlet.name}", counts.read, None)
            if wiring.stop() or (limit is not None and counts.new + counts.changed >= limit):
                break
    except RemoteError as error:
        records.note_failure(wiring.db, inlet.id, wiring.clock.wall(), str(error))
        raise
    records.promote(wiring.db, held, inlet.id, now=wiring.clock.wall(), takes_files=wiring.takes_files)


def pages(wiring: Wiring, inlet: Inlet) -> Iterator[Page]:
    """What was posted to the source, then what it reads itself."""
    return chain(posted(wiring, inlet), inlet.source.pages(records.cursor_of(wiring.db, inlet.id)))


def _acknowledge(wiring: Wiring, inlet: Inlet, page: Page) -> None:
    """Tell the channel which of the page's records are safe: those that the ledger holds as they were handed over."""
    if page.records and isinstance(inlet.source, Acknowledges) and not isinstance(page, Posted):
        safe = records.unchanged(wiring.db, inlet.id, page.records)
        inlet.source.acknowledge([record for record in page.records if record.place in safe])


def _take(wiring: Wiring, inlet: Inlet, held: Lease, page: Page, room: int | None) -> Counts:
    unread, same = fresh(wiring, inlet, page)
    taken = some(wiring, inlet, unread, room)
    whole = len(taken) == len(unread)
    counts = records.take(
        wiring.db,
        held,
        inlet.id,
        taken,
        page.cursor if whole else {},  # what was cut off is read again, and what was taken is then unchanged
        now=wiring.clock.wall(),
        complete=page.complete and whole,
        patience=wiring.pending,
        takes_files=wiring.takes_files,
        posts=page.posts if isinstance(page, Posted) and whole else {},
    )
    counts.read += same
    counts.unchanged += same
    return counts


def some(wiring: Wiring, inlet: Inlet, unread: Sequence[Record], room: int | None) -> list[Taken]:
    """The records understood, up to the one that makes the `room`-th ticket or reply."""
    taken: list[Taken] = []
    for record in unread:
        if room is not None and room <= 0:
            break
        taken.append(understand(wiring, inlet, record))
        if room is not None and isinstance(taken[-1].reading, Ticket | Reply):
            room -= 1
    return taken


def read_again(wiring: Wiring, inlet: Inlet, held: Lease, record: Record) -> str:
    """Read one kept record once more; returns what it is now: rejected, counted, new, changed or unchanged."""
    counts = records.take(
        wiring.db,
        held,
        inlet.id,
        [understand(wiring, inlet, record)],
        {},
        now=wiring.clock.wall(),
        complete=False,
        patience=wiring.pending,
        takes_files=wiring.takes_files,
    )
    return next(word for word in ("rejected", "counted", "new", "changed", "unchanged") if getattr(counts, word))


def fresh(wiring: Wiring, inlet: Inlet, page: Page) -> tuple[Sequence[Record], int]:
    """The records that are not byte for byte what was read at their place before, and how many are."""
    if not page.records:
        return (), 0
    same = records.unchanged(wiring.db, inlet.id, page.records)
    return [record for record in page.records if record.place not in same], len(same)


def understand(wiring: Wiring, inlet: Inlet, record: Record) -> Taken:
    """Read, fingerprint, shield, route and weigh one record. Never raises: what cannot be a ticket is a rejection."""
    reading = _read(inlet, record)
    try:
        match reading:
            case Ticket() as ticket:
                way = choose(wiring.routes, shield(ticket))
                priority = weigh(way.ticket, wiring.weighing).priority
                return Taken(record, way.ticket, fingerprint(ticket), way.sink, way.group, priority)
            case Reply() as reply:
                safe = _shielded(reply)
                way = choose(wiring.routes, safe.ticket)
                safe, priority = replace(safe, ticket=way.ticket), weigh(way.ticket, wiring.weighing).priority
                return Taken(record, safe, fingerprint(reply.ticket), way.sink, way.group, priority)
    except NoRoute as error:
        reading = Rejected(Finding("no-route", record.place, error.what, error.remedy))
    return Taken(record, reading)


def _read(inlet: Inlet, record: Record) -> Reading:
    try:
        return inlet.source.read(record)
    except Exception as error:  # noqa: BLE001 - a plugin's bug must not stop the other records
        log.error("the source's reader failed", source=inlet.name, place=record.place, error=type(error).__name__)
        what = f"the reader of source {inlet.name} failed on it ({type(error).__name__})"
        return Rejected(Finding("reader-failed", record.place, what, "report it with this record; it is kept"))


def _shielded(reply: Reply) -> Reply:
    """The reply and what it may become, with one set of tokens for both."""
    whole = shield(reply.ticket.model_copy(update={"comments": (reply.comment,)}))
    return Reply(reply.thread, whole.comments[0], whole.model_copy(update={"comments": ()}), reply.otherwise)
