"""Answer: what happened to tickets becomes messages to those who asked, each person told once of each thing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import structlog

from connector.answering import ENDS, Event, Occasion, Recipient, Silence, Way, part, recipient, worth_telling
from connector.engine.wiring import Answering, Wiring
from connector.errors import Busy
from connector.ledger import leases, telling
from connector.ledger.telling import Batch, Queued, Told
from connector.messengers.mail import message_id
from connector.messengers.messenger import TABLE
from connector.ticket import Ticket

BATCH = 200
LEASE = "answer"

log = structlog.get_logger("connector.answer")


def answer(wiring: Wiring) -> int:
    """Queue what is to be told of what happened since; returns how many messages. One process does so at a time."""
    if wiring.answering is None or not telling.waits(wiring.db):
        return 0
    held = leases.take(wiring.db, LEASE, wiring.who, wiring.clock.wall())
    if held is None:
        return 0
    decide, queued = Decision(wiring, wiring.answering), 0
    try:
        while not wiring.stop():
            seen, made = telling.take(wiring.db, held, BATCH, wiring.clock.wall(), decide)
            queued += made
            if not seen:
                break
    except Busy:
        log.info("another process took over what is told")
    finally:
        leases.give_back(wiring.db, held)
    return queued


class Decision:
    """Who is told of what, for one batch after another. Reads nothing but what it is given."""

    def __init__(self, wiring: Wiring, answering: Answering) -> None:
        self._wiring = wiring
        self._answering = answering
        self._restored_until = telling.restored_until(wiring.db)

    def __call__(self, batch: Batch) -> Sequence[Queued]:
        return list(self._queued(batch))

    def _queued(self, batch: Batch) -> Iterator[Queued]:
        told_now: set[tuple[int, str]] = set()
        for told in batch.each:
            way = self._answering.ways.get(told.source)
            if way is None or not worth_telling(told.occasion, way) or _is_told_otherwise(told, batch, way):
                continue
            ticket = Ticket.model_validate_json(told.body)
            who = recipient(ticket, way, self._answering.settings, self._answering.own)
            if isinstance(who, Silence):
                log.info(
                    "nobody is told", ticket_id=told.occasion.ticket_id, event=told.occasion.what, reason=who.reason
                )
                continue
            name = part(told.occasion, who.person)
            if told.occasion.of_problem and told.occasion.problem_id is not None:
                if (
                    name in batch.parts.get(told.occasion.problem_id, ())
                    or (told.occasion.problem_id, name) in told_now
                ):
                    continue
                told_now.add((told.occasion.problem_id, name))
            yield self._message(told, way, who, name)

    def _message(self, told: Told, way: Way, who: Recipient, name: str) -> Queued:
        occasion = told.occasion
        what = {
            "event": occasion.event,
            "to": who.address,
            "name": who.name,
            "person": who.person,
            "detail": dict(occasion.detail),
            "desk": told.sink,
            "outage": told.outage if occasion.of_problem else "",
        }
        unsure = occasion.at <= self._restored_until
        refs = self._refs(told, name) if way.by == "mail" else ()
        return Queued(occasion.ticket_id, told.version, sink_of(told.source), name, what, refs, unsure)

    def _refs(self, told: Told, name: str) -> Sequence[tuple[str, str]]:
        """The mail's own id in every mailbox that answers may come to."""
        smtp = self._answering.settings.smtp
        if smtp is None:
            return ()
        key = self._wiring.key(told.source, told.external_id, TABLE, name)
        return [(mailbox, message_id(key, smtp.sender)) for mailbox in self._answering.mailboxes]


def sink_of(source: str) -> str:
    """The name under which a source's messages are delivered; no sink of the settings can have it."""
    return f"answers:{source}"


def _is_told_otherwise(told: Told, batch: Batch, way: Way) -> bool:
    """The end of an outage is the end of its tickets: whoever hears of one is not told of the other too."""
    occasion = told.occasion
    if occasion.problem_id is None:
        return False
    past = batch.past.get(occasion.ticket_id, ())
    if occasion.what == "joined":
        return told.outage_state not in ("open", "")
    if not occasion.of_problem and occasion.event in ENDS:
        ends = [each for each in past if _ends_problem(each, way)]
        return any(not _reopened_between(past, each, occasion) for each in ends)
    if _ends_problem(occasion, way):
        own = [each for each in past if not each.of_problem and each.event in ENDS]
        heard = batch.told.get(occasion.ticket_id, frozenset())
        return any(_is_told(each, heard) and not _reopened_between(past, each, occasion) for each in own)
    return False


def _ends_problem(occasion: Occasion, way: Way) -> bool:
    return (
        occasion.of_problem
        and occasion.event in (Event.PROBLEM_RESOLVED, Event.DECLINED)
        and occasion.event in way.events
    )


def _is_told(occasion: Occasion, parts: frozenset[str]) -> bool:
    begins = f"notice:{occasion.what}:{occasion.ref}:"
    return any(each.startswith(begins) for each in parts)


def _reopened_between(past: Sequence[Occasion], one: Occasion, other: Occasion) -> bool:
    first, last = sorted((one.id, other.id))
    return any(each.what == Event.REOPENED and first < each.id < last for each in past)
