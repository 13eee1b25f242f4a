"""Calls for many tickets: queued as jobs, and asked about until they have ended."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from connector import wire
from connector.clock import Clock
from connector.errors import Permanent, RemoteError, Transient
from connector.plugins import Do, Job, Key, Limiter, Outcome, Write
from connector.sinks.zendesk import allowances, results
from connector.sinks.zendesk import fields as tickets
from connector.sinks.zendesk.links import Links, problem_of
from connector.sinks.zendesk.results import Reading, Status
from connector.sinks.zendesk.talk import Talk, number_of
from connector.wire import Effect, Seen, translated

_CREATES = "/api/v2/tickets/create_many.json"
_IMPORTS = "/api/v2/imports/tickets/create_many.json"
_UPDATES = "/api/v2/tickets/update_many.json"
_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")
_FULL = 15.0  # seconds; a job of 50 tickets takes about 12
_HELD = 400  # tickets that are read back at once, or a few more
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
        self.takes_tags = True
        self._lock = threading.Lock()
        self._running: tuple[float, list[str]] | None = None
        self._refused: dict[str, Mapping[Key, Permanent]] = {}  # by job: what was left out of it

    def create(self, writes: Sequence[Write], imports: bool) -> Job:
        """Queue new tickets. Raises RemoteError; Transient means that none was queued."""
        new = [tickets.new(write.body, write.key.remote) for write in writes]
        sent = [tickets.imported(each) for each in new] if imports else new
        with self._talk.writing():
            return self._queued("POST", _IMPORTS if imports else _CREATES, sent)

    def update(self, writes: Sequence[Write]) -> Job | list[Outcome]:
        """Queue changes and links. Zendesk lets none of them overwrite what came after it was queued.

        What cannot be made is left out, and told when the job has ended.
        """
        with self._talk.writing():
            refused = self._links.refusals(writes)
            sent = [_changed(write) for write in writes if write.key not in refused]
            if not sent:
                return [refused[write.key] for write in writes]
            job = self._queued("PUT", _UPDATES, sent)
        if refused:
            with self._lock:
                self._refused[job.id] = refused
        return job

    def ended(self, jobs: Mapping[str, Sequence[Write]]) -> dict[str, list[Outcome]]:
        """The outcomes of those jobs that have ended; each ticket done is read back for its receipt."""
        with translated(self._talk.name, Effect.READ):
            known = self._statuses(job for job in jobs if job)
            over = {job: status for job, status in known.items() if status.ended and job in jobs}
            found = dict[str, list[Outcome]]()
            for some in _portions(over):
                rows = self._talk.tickets({number for job in some for number in over[job].done()})
                found.update((job, self._outcomes(job, over[job], jobs[job], rows)) for job in some)
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

    def _outcomes(self, job: str, status: Status, writes: Sequence[Write], rows: Mapping[int, Any]) -> list[Outcome]:
        found = results.outcomes(self._talk.name, status, writes, rows, self._receipt)
        if any(isinstance(each, RemoteError) and each.code == results.TAGS_IGNORED for each in found):
            self.takes_tags = False
        with self._lock:
            refused = self._refused.pop(job, {})
        return [refused.get(write.key, outcome) for write, outcome in zip(writes, found, strict=True)]

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


def _portions(jobs: Mapping[str, Status]) -> Iterator[list[str]]:
    """The jobs in groups of a few hundred tickets: whole tickets are large, and only receipts are kept of them."""
    some: list[str] = []
    held = 0
    for job, status in jobs.items():
        some.append(job)
        held += len(status.done())
        if held >= _HELD:
            yield some
            some, held = [], 0
    if some:
        yield some


def _changed(write: Write) -> dict[str, Any]:
    number = number_of(write.remote_id)
    if write.do is Do.LINK:
        return {"id": number, **tickets.linked(problem_of(write))}
    return tickets.changed(write.body, number)
