"""Calls for many tickets: queued as jobs, and asked about until they have ended."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from connector import wire
from connector.clock import Clock
from connector.errors import Permanent, RemoteError, Transient
from connector.plugins import Do, Job, Limiter, Outcome, Write
from connector.sinks.zendesk import allowances, results
from connector.sinks.zendesk import fields as tickets
from connector.sinks.zendesk.links import Links, problem_of
from connector.sinks.zendesk.results import Reading, Status
from connector.sinks.zendesk.talk import Talk, number_of
from connector.wire import Effect, Seen, translated

_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")
_FULL = 15.0  # seconds; a job of 50 tickets takes about 12
_FRESH = 0.01  # of the settling time: a list of jobs so old is as good as new, for what comes late comes later


class Jobs:
    """Queues jobs and reads their ends. May be used from several threads."""

    def __init__(self, talk: Talk, receipt: Reading, limiter: Limiter, clock: Clock, settle_after: float) -> None:
        self._talk = talk
        self._receipt = receipt
        self._limiter = limiter
        self._clock = clock
        self._fresh = settle_after * _FRESH
        self._links = Links(talk)
        self._takes_tags = True
        self._lock = threading.Lock()
        self._running: tuple[float, list[str]] | None = None

    def create(self, writes: Sequence[Write], imports: bool) -> Job:
        """Queue new tickets. Raises RemoteError; Transient means that none was queued."""
        sent = [tickets.new(write.body, write.key.remote) for write in writes]
        with self._talk.writing():
            if imports:
                sent = [tickets.imported(each) for each in sent]
                return self._queued("POST", "/api/v2/imports/tickets/create_many.json", sent)
            return self._queued("POST", "/api/v2/tickets/create_many.json", sent)

    def update(self, writes: Sequence[Write]) -> Job:
        """Queue changes and links. Zendesk lets none of them overwrite what came after it was queued.

        Raises Permanent where these can only be sent one by one.
        """
        if not self._takes_tags and any(any(tickets.tag_changes(write.body)) for write in writes):
            raise Permanent(f"{self._talk.name} takes no tags in a call for many", code=results.TAGS_IGNORED)
        with self._talk.writing():
            self._links.check([write for write in writes if write.do is Do.LINK])
            return self._queued("PUT", "/api/v2/tickets/update_many.json", [_changed(write) for write in writes])

    def ended(self, jobs: Mapping[str, Sequence[Write]]) -> dict[str, list[Outcome]]:
        """The outcomes of those jobs that have ended; each ticket done is read back for its receipt."""
        with translated(self._talk.name, Effect.READ):
            known = self._statuses(job for job in jobs if job)
            over = {job: status for job, status in known.items() if status.ended and job in jobs}
            rows = self._talk.tickets({number for status in over.values() for number in status.done()})
            found = {job: self._outcomes(status, jobs[job], rows) for job, status in over.items()}
        lost: dict[str, list[Outcome]] = {
            job: [results.gone(self._talk.name) for _ in writes] for job, writes in jobs.items() if job not in known
        }
        return {**found, **lost}

    def may_run(self, write: Write) -> bool:
        """May the job that this write went in still make something? Where its id was lost, or the account forgot it,
        any job that has not ended may be it: a job names neither who queued it nor what is in it."""
        if write.job is None:
            return False
        status = self._statuses([write.job]).get(write.job) if write.job else None
        return not status.ended if status is not None else bool(self._in_flight())

    def _outcomes(self, status: Status, writes: Sequence[Write], rows: Mapping[int, Any]) -> list[Outcome]:
        found = results.outcomes(self._talk.name, status, writes, rows, self._receipt)
        if any(isinstance(each, RemoteError) and each.code == results.TAGS_IGNORED for each in found):
            self._takes_tags = False
        return found

    def _queued(self, method: str, path: str, sent: Sequence[Mapping[str, Any]]) -> Job:
        session = self._talk.session
        try:
            session.request(method, path, json={"tickets": sent})
        except Transient as error:
            if error.code == Seen.FULL:
                raise self._full(error) from None
            raise
        status = session.last.document.get("job_status")
        name = status.get("id") if isinstance(status, dict) else None
        if not isinstance(name, str) or not _ID.fullmatch(name):
            raise wire.verdict(Seen.GARBLED, Effect.WRITE, self._talk.name, status=session.last.status)
        return Job(name)

    def _full(self, error: RemoteError) -> RemoteError:
        """Too many jobs are in flight, whoever queued them: no other one goes out for a while."""
        seconds = error.retry_after or _FULL
        self._limiter.hold(seconds, allowances.JOBS)
        return wire.verdict(Seen.FULL, Effect.WRITE, self._talk.name, status=error.status, retry_after=seconds)

    def _statuses(self, names: Iterable[str]) -> dict[str, Status]:
        return {str(row["id"]): Status.of(row) for row in self._talk.statuses(list(names))}

    def _in_flight(self) -> list[str]:
        now = self._clock.monotonic()
        with self._lock:
            if self._running is not None and now < self._running[0]:
                return self._running[1]
        pages = self._talk.paged("/api/v2/job_statuses.json", "job_statuses", ids=str)
        found = [str(row["id"]) for page, _ in pages for row in page if not Status.of(row).ended]
        with self._lock:
            self._running = (now + self._fresh, found)
        return found


def _changed(write: Write) -> dict[str, Any]:
    number = number_of(write.remote_id)
    if write.do is Do.LINK:
        return {"id": number, **tickets.linked(problem_of(write))}
    return tickets.changed(write.body, number)
