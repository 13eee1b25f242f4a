"""Looking for what a write would have made. Reads only."""

from __future__ import annotations

from datetime import datetime

from connector.errors import Permanent
from connector.plugins import Do, Look, Receipt, Write
from connector.sinks.zendesk import receipts
from connector.sinks.zendesk.jobs import Jobs
from connector.sinks.zendesk.results import Reading
from connector.sinks.zendesk.talk import Talk, number_of
from connector.wire import Seen

_Seen = tuple[list[Receipt], datetime | None]


class Looks:
    """Finds records by what they carry."""

    def __init__(self, talk: Talk, jobs: Jobs, receipt: Reading) -> None:
        self._talk = talk
        self._jobs = jobs
        self._receipt = receipt

    def look(self, write: Write, control: Write | None) -> Look:
        """What carries the write's key, and whether the same way of looking finds `control`."""
        way = {Do.CREATE: self._made, Do.COMMENT: self._said, Do.ATTACH: self._said, Do.SOLVE: self._solved}.get(
            write.do, self._changed
        )
        # Asked first: a job that ends between the two questions would be missed the other way round.
        running = write.do is Do.CREATE and self._jobs.may_run(write)
        found, date = way(write)
        if running and not found:
            return Look((), None)
        proof = bool(way(control)[0]) if control is not None and not found else None
        return Look(tuple(found), date, proof)

    def _made(self, write: Write) -> _Seen:
        wanted = write.key.remote
        pages = list(self._talk.paged("/api/v2/tickets.json", "tickets", external_id=wanted))
        rows = [row for page, _ in pages for row in page if row.get("external_id") == wanted]
        rows.sort(key=lambda row: (str(row.get("created_at")), int(row["id"])))
        return [self._receipt(row, write) for row in rows], pages[0][1].date

    def _changed(self, write: Write) -> _Seen:
        ticket = self._talk.ticket(write.remote_id)
        date = self._talk.session.last.date
        if ticket is None:
            return [], date
        receipt = self._receipt(ticket, write)
        return ([] if receipt.unkept else [receipt]), date

    def _solved(self, write: Write) -> _Seen:
        ticket = self._talk.ticket(write.remote_id)
        over = ticket is not None and ticket.get("status") in ("solved", "closed")
        found = [self._receipt(ticket, write)] if ticket is not None and over else []
        return found, self._talk.session.last.date

    def _said(self, write: Write) -> _Seen:
        path, date, found = f"/api/v2/tickets/{number_of(write.remote_id)}/audits.json", None, list[Receipt]()
        try:
            for audits, answer in self._talk.paged(path, "audits"):
                date = date or answer.date
                ours = [audit for audit in audits if receipts.marker(audit) == write.key.marker]
                found += [receipts.of_audit(audit, write) for audit in ours]
        except Permanent as error:
            if error.code != Seen.GONE:
                raise
            date = self._talk.session.last.date
        return found, date
