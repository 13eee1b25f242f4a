"""A dry run: everything is read and taken in as by a run, but into a ledger that is thrown away."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Any

from connector.engine.collect import fresh, pages, some
from connector.engine.foretell import would_tell, would_tell_now
from connector.engine.plan import rendered_row
from connector.engine.report import COUNTED, Report, at_sink
from connector.engine.wiring import Inlet, Outlet, Wiring
from connector.errors import RemoteError
from connector.ledger import deliveries, leases, planning, records
from connector.ledger.leases import Lease
from connector.ledger.planning import Planned
from connector.ledger.rehearsal import Rehearsal
from connector.ledger.taken import Counts
from connector.plugins import Page, Reading
from connector.ticket import Ticket

# So many deliveries of each source are shown; all are counted.
SHOWN = 100
BATCH = 200


def dry_run(wiring: Wiring, inlets: Sequence[Inlet], outlets: Sequence[Outlet], limit: int | None) -> Report:
    """What a run would take in, write and say, by reading alone: no row, no cursor, no remote write.

    No help desk is asked: what an analyst changed or closed there meanwhile is not known.
    """
    report = Report(uuid.uuid4().hex[:12], dry_run=True)
    began, now = wiring.clock.monotonic(), wiring.clock.wall()
    with closing(Rehearsal(wiring.db, now)) as rehearsal:
        stage = Stage(wiring, replace(wiring, db=rehearsal.db), rehearsal, [outlet.name for outlet in outlets])
        for inlet in inlets:
            counts = report.sources[inlet.name] = Counts()
            try:
                report.would += stage.read(inlet, counts, limit)
            except RemoteError as error:
                report.unread[inlet.name] = error
        for outlet in outlets:
            report.sinks[outlet.name] = stage.figures(outlet)
    report.would += would_tell_now(wiring)
    report.seconds = wiring.clock.monotonic() - began
    return report


@dataclass(slots=True)
class Stage:
    """Where it is rehearsed. `real` is what is read, `wiring` the same with the ledger that is thrown away."""

    real: Wiring
    wiring: Wiring
    rehearsal: Rehearsal
    sinks: list[str]
    blocked: Counter[str] = field(default_factory=Counter)

    def read(self, inlet: Inlet, counts: Counts, limit: int | None) -> list[dict[str, Any]]:
        """Take in what a run would take in of this source, adding to `counts`; what would be sent of it."""
        held = leases.take(self.wiring.db, f"collect:{inlet.id}", self.wiring.who, self.wiring.clock.wall())
        assert held is not None  # noqa: S101 - nobody else has this ledger
        self.rehearsal.begin(inlet.id)
        shown: list[dict[str, Any]] = []
        for page in pages(self.real, inlet):
            room = None if limit is None else limit - counts.new - counts.changed
            read = self._taken(inlet, held, page, counts, room)
            shown += self._shown(self._planned()[: SHOWN - len(shown)], read)
            self.rehearsal.forget()
            if self.real.stop() or (limit is not None and counts.new + counts.changed >= limit):
                break
        now, takes_files = self.wiring.clock.wall(), self.wiring.takes_files
        records.promote(self.wiring.db, held, inlet.id, now=now, takes_files=takes_files)
        return shown + self._shown(self._planned()[: SHOWN - len(shown)], {})

    def figures(self, outlet: Outlet) -> dict[str, Any]:
        """What would be written to a sink, and what would stand there then."""
        waiting = self.rehearsal.waiting(outlet.name, self.wiring.clock.wall() + self.wiring.wait)
        done = dict.fromkeys(COUNTED.values(), 0) | {"blocked": self.blocked[outlet.name]}
        for do, word in COUNTED.items():
            done[word] += waiting[do]
        standing = deliveries.count_unfinished(self.real.db, outlet.name)
        return at_sink(outlet, done, {**standing, "queued": 0}, 0.0)

    def _taken(self, inlet: Inlet, held: Lease, page: Page, counts: Counts, room: int | None) -> dict[str, Reading]:
        """Take in a page; its tickets, by their names on the command line."""
        unread, same = fresh(self.real, inlet, page)
        taken = some(self.wiring, inlet, unread, room)
        self.rehearsal.learn(inlet.id, taken)
        now, patience, files = self.wiring.clock.wall(), self.wiring.pending, self.wiring.takes_files
        counts.plus(
            records.take(
                self.wiring.db, held, inlet.id, taken, {}, now=now, complete=False, patience=patience, takes_files=files
            )
        )
        counts.read += same
        counts.unchanged += same
        readings = (each.reading for each in taken)
        return {f"{own.source}:{own.external_id}": own for own in readings if isinstance(own, Ticket)}

    def _shown(self, each: Sequence[Planned], read: Mapping[str, Reading]) -> list[dict[str, Any]]:
        """What would be sent, and to whoever asked when it is new."""
        return [_would(planned) | self._told(planned, read) for planned in each]

    def _told(self, planned: Planned, read: Mapping[str, Reading]) -> dict[str, Any]:
        reading = read.get(planned.row.name)
        return would_tell(self.real, reading) if reading is not None and planned.row.part == "ticket" else {}

    def _planned(self) -> list[Planned]:
        """What would be sent of what was taken in since the last time, rendered."""
        found: list[Planned] = []
        while rows := deliveries.unplanned(self.wiring.db, self.sinks, BATCH):
            planned = [rendered_row(self.wiring, self.wiring.outlet(row.sink), row) for row in rows]
            planning.plan(self.wiring.db, planned, self.wiring.clock.wall())
            self.blocked.update(each.row.sink for each in planned if each.finding is not None)
            found += planned
        return found


def _would(planned: Planned) -> dict[str, Any]:
    return {
        "ticket": planned.row.name,
        "sink": planned.row.sink,
        "do": planned.row.do.value,
        "fields": dict(planned.payload or {}),
        "findings": [] if planned.finding is None else [str(planned.finding)],
    }
