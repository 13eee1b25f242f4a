"""What a job says of each ticket in it (Zendesk docs, Job Statuses). Pure.

Tickets of a job are worked off side by side, so their numbers follow no order: a created one is told by the key that it
carries, an updated one by its number. `completed` does not mean that every ticket was done.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connector.errors import RemoteError, Transient, Uncertain
from connector.plugins import Do, Outcome, Receipt, Write
from connector.sinks.zendesk.fields import same
from connector.wire import Effect, Seen, verdict

Row = Mapping[str, Any]
Reading = Callable[[Row, Write], Receipt]

_ENDED = frozenset({"completed", "failed", "killed"})
_TEXT_SEEN = 2000
TAGS_IGNORED = "tags-ignored"


@dataclass(frozen=True, slots=True)
class Status:
    """How a job stands, and what it reported of its tickets."""

    ended: bool
    total: int
    rows: Sequence[Row]

    @classmethod
    def of(cls, document: Row) -> Status:
        """A status as the API shows it. While a job runs, and where it was killed, `results` is null."""
        results = document.get("results")
        rows = [row for row in results if isinstance(row, dict)] if isinstance(results, list) else []
        total = document.get("total")
        ended = document.get("status") in _ENDED
        return cls(ended, total if isinstance(total, int) else len(rows), rows)

    def done(self) -> list[int]:
        """The numbers of the tickets that were made or changed."""
        return [number for row in self.rows if (number := _done(row)) is not None]


def outcomes(
    name: str, status: Status, writes: Sequence[Write], tickets: Mapping[int, Row], receipt: Reading
) -> list[Outcome]:
    """What became of each write of a job that has ended. `tickets` is how those done read now, by number.

    A write of which the job said nothing is Uncertain.
    """
    if writes and writes[0].do is Do.CREATE:
        return _made(name, status, writes, tickets, receipt)
    return _changed(name, status, writes, tickets, receipt)


def _made(
    name: str, status: Status, writes: Sequence[Write], tickets: Mapping[int, Row], receipt: Reading
) -> list[Outcome]:
    ours = {str(row.get("external_id")): row for number in status.done() if (row := tickets.get(number)) is not None}
    # Of a job whose other tickets are settled already, the places tell nothing.
    reported = _by("index", _distinct(status)) if status.total == len(writes) else {}
    found: list[Outcome] = []
    for place, write in enumerate(writes):
        row = reported.get(place)
        ticket = ours.get(write.key.remote) or _by_place(row, write, tickets)
        found.append(_undone(name, row) if ticket is None else receipt(ticket, write))
    return found


def _distinct(status: Status) -> list[Row]:
    """The results without those that name one ticket for several places."""
    named = Counter(status.done())
    return [row for row in status.rows if (number := _done(row)) is None or named[number] == 1]


def _by_place(row: Row | None, write: Write, tickets: Mapping[int, Row]) -> Row | None:
    """The ticket that a result names for this place, where it carries no key: one that this account may not see, or
    one whose `external_id` something else at the account took for itself. Resent, it would be there twice."""
    number = _done(row)
    if number is None:
        return None
    ticket = tickets.get(number)
    if ticket is None:
        return {"id": number}
    ours = str(ticket.get("external_id") or "").startswith(f"{write.key.site}:")
    subject = write.body.get("subject")
    return ticket if not ours and subject and same("subject", subject, ticket.get("subject")) else None


def _changed(
    name: str, status: Status, writes: Sequence[Write], tickets: Mapping[int, Row], receipt: Reading
) -> list[Outcome]:
    reported = {str(number): row for number, row in _by("id", status.rows).items()}
    found: list[Outcome] = []
    for write in writes:
        row = reported.get(write.remote_id)
        number = _done(row)
        if number is None:
            found.append(_undone(name, row))
        else:
            found.append(_unless_ignored(name, receipt(tickets.get(number, {"id": number}), write)))
    return found


def _unless_ignored(name: str, receipt: Receipt) -> Outcome:
    """That tags are added and taken in a change of many is documented for one form of it only."""
    if "tags" not in receipt.unkept:
        return receipt
    return Transient(f"{name} left the tags as they were; they are sent by themselves next time", code=TAGS_IGNORED)


def _done(row: Row | None) -> int | None:
    """The ticket of a result that reports success."""
    if row is None:
        return None
    number = row.get("id")
    failed = row.get("error") or row.get("success") is False or row.get("status") == "Failed"
    return number if isinstance(number, int) and not failed else None


def _by(name: str, rows: Sequence[Row]) -> dict[int, Row]:
    """Results by a number of theirs. Where two share it, neither is believed."""
    found: dict[int, Row] = {}
    twice = set[int]()
    for row in rows:
        number = row.get(name)
        if isinstance(number, int):
            twice |= {number} & found.keys()
            found[number] = row
    return {number: row for number, row in found.items() if number not in twice}


def gone(name: str) -> RemoteError:
    """A job of which the account knows nothing any more (it keeps them for a day)."""
    return Uncertain(f"{name} no longer knows the job that this went in", code="job-gone")


# What a failed result says, and what that means. Whatever is in no row is Uncertain: a refusal names the field first.
_FAILURES: tuple[tuple[re.Pattern[str], Seen], ...] = tuple(
    (re.compile(words, re.IGNORECASE), seen)
    for words, seen in (
        (r"UpdateConflict|Safe Update|collision|DatabaseConflict|please try again", Seen.COLLISION),
        (r"closed prevents ticket update|ClosedTicket", Seen.CLOSED),
        (r"(Ticket|Record)NotFound|TicketDoesNotExist", Seen.GONE),
        (r"time[d -]{0,2}out|internal|exception|unavailable|deadlock", Seen.ODD),
        (r"Ticket(Create|Update)Failed [^:]{1,80}:|RecordInvalid|InvalidValue|BlankValue", Seen.REFUSED),
        (r"Permission ?Denied|Access ?Denied|Forbidden|NotAuthorized", Seen.REFUSED),
    )
)
_WORD = re.compile(r"[A-Za-z]{1,40}")
_FIELD = re.compile(r"[A-Za-z]{1,40}(?=:)")


def _undone(name: str, row: Row | None) -> RemoteError:
    """Why a write has no receipt, by the result that tells of it."""
    if row is None or _done(row) is not None:
        return Uncertain(f"{name} ended the job without a word on this ticket", code="job-silent")
    error, details = row.get("error"), str(row.get("details") or "")[:_TEXT_SEEN]
    said = f"{str(error)[:_TEXT_SEEN]} {details}"
    seen = next((seen for words, seen in _FAILURES if words.search(said)), Seen.ODD)
    # Zendesk begins with the field's own name; what follows may name people.
    field = _FIELD.match(details)
    parts = (field[0].lower() if field else "", error if isinstance(error, str) and _WORD.fullmatch(error) else "")
    return verdict(seen, Effect.WRITE, name, detail=": ".join(filter(None, parts)))
