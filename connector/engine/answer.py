"""Answer: what happened to tickets becomes messages to those who asked, each person told once of each thing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import structlog

from connector.answering import ENDS, Event, Occasion, Recipient, Way, part, recipient, unfit, worth_telling
from connector.audience import WORDS as AUDIENCE
from connector.audience import hears
from connector.engine.wiring import Answering, Wiring
from connector.errors import Busy
from connector.ledger import leases, telling
from connector.ledger.telling import Batch, Queued, Told
from connector.messengers.mail import message_id
from connector.messengers.messenger import TABLE
from connector.ticket import Ticket

BATCH = 200
LEASE = "answer"
# Those who are told without having asked: escalation contacts and audiences. No source can have this name.
STAFF = "@staff"

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
            for sink, who, what in self._hearers(told, batch):
                name = part(told.occasion, who.person)
                if told.occasion.of_problem and (outage := told.occasion.problem_id) is not None:
                    if name in batch.parts.get(outage, ()) or (outage, name) in told_now:
                        continue
                    told_now.add((outage, name))
                yield self._message(told, sink, who, name, what)

    def _hearers(self, told: Told, batch: Batch) -> Iterator[tuple[str, Recipient, Mapping[str, Any]]]:
        """Everybody who is told of it: by which sink, who, and what else there is to say."""
        ways, settings = self._answering.ways, self._answering.settings
        way = ways.get(told.source)
        asked = way is not None and worth_telling(told.occasion, way) and not _is_told_otherwise(told, batch, way)
        audience = self._wiring.audiences if told.occasion.of_problem else ()
        if not asked and not audience:
            return
        ticket = Ticket.model_validate_json(told.body)
        if asked and way is not None:
            who = recipient(ticket, way, settings, self._answering.own)
            if isinstance(who, Recipient):
                yield sink_of(told.source), who, {"event": told.occasion.event}
            else:
                log.info("nobody is told", ticket_id=told.occasion.ticket_id, what=told.occasion.what, why=who.reason)
        said = AUDIENCE.get(told.occasion.event) if told.occasion.event else None
        if said is not None and not _is_late(told):
            for who in hears(audience, ticket, batch.reporters(told.occasion.problem_id)):
                if not unfit(who.address, settings, self._answering.own):
                    yield sink_of(STAFF), who, {"event": "audience", "text": said}

    def _message(self, told: Told, sink: str, who: Recipient, name: str, more: Mapping[str, Any]) -> Queued:
        occasion = told.occasion
        what = {
            "to": who.address,
            "name": who.name,
            "person": who.person,
            "detail": _detail(told),
            "desk": told.sink,
            "outage": told.outage if occasion.of_problem else "",
            **more,
        }
        unsure = occasion.at <= self._restored_until
        return Queued(occasion.ticket_id, told.version, sink, name, what, self._refs(told, name), unsure)

    def _refs(self, told: Told, name: str) -> Sequence[tuple[str, str]]:
        """The mail's own id in every mailbox that answers may come to."""
        smtp = self._answering.settings.smtp
        if smtp is None:
            return ()
        key = self._wiring.key(told.source, told.external_id, TABLE, name)
        return [(mailbox, message_id(key, smtp.sender)) for mailbox in self._answering.mailboxes]


def _detail(told: Told) -> dict[str, Any]:
    """What is known of it; of an outage also under which number the help desk has it."""
    detail = dict(told.occasion.detail)
    if told.occasion.of_problem:
        parent = {"number": told.outage_number, "url": told.outage_url}
        detail |= {name: value for name, value in parent.items() if value and not detail.get(name)}
    return detail


def sink_of(source: str) -> str:
    """The name under which a source's messages are delivered; no sink of the settings can have it."""
    return f"answers:{source}"


def _is_told_otherwise(told: Told, batch: Batch, way: Way) -> bool:
    """The end of an outage is the end of its tickets: whoever hears of one is not told of the other too."""
    occasion = told.occasion
    if occasion.problem_id is None:
        return False
    past = batch.past.get(occasion.ticket_id, ())
    if _is_late(told):
        return True
    if not occasion.of_problem and occasion.event in ENDS:
        ends = [each for each in past if _ends_problem(each, way)]
        return any(not _reopened_between(past, each, occasion) for each in ends)
    if _ends_problem(occasion, way):
        own = [each for each in past if not each.of_problem and each.event in ENDS]
        heard = batch.told.get(occasion.ticket_id, frozenset())
        return any(_is_told(each, heard) and not _reopened_between(past, each, occasion) for each in own)
    return False


def _is_late(told: Told) -> bool:
    """Nobody is told of the beginning of an outage that is over."""
    return told.occasion.event is Event.PROBLEM_OPENED and told.outage_state not in ("open", "suggested", "")


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
